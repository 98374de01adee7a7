//! template.yaml as the local stack reads it: what is deployed is what runs here.

mod entries;
mod functions;
mod policies;
mod resolve;
mod resources;
mod tags;
#[cfg(test)]
mod tests;

pub use entries::Resource;
pub use functions::{Event, Function, QueueSource, Route, ScheduleSource, StreamSource};
pub use policies::Statement;
pub use resolve::{ACCOUNT, REGION};
pub use resources::{Bucket, Queue};

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::error::Error;

/// The project's own template, as it was when the program was built.
pub const OWN: &str = include_str!("../../../../template.yaml");

/// A parsed template with what its parameters and resources are on this machine.
#[derive(Debug)]
pub struct Template {
    root: Value,
    stack: String,
    parameters: HashMap<String, String>,
    references: HashMap<String, String>,
}

impl Template {
    /// Reads a template, to be deployed as the stack of this name.
    ///
    /// # Errors
    /// When the text is no YAML.
    pub fn parse(text: &str, stack: impl Into<String>) -> Result<Self, Error> {
        let yaml: yaml_serde::Value = yaml_serde::from_str(text).map_err(|why| Error::Template(why.to_string()))?;
        let root = tags::long_form(yaml)?;
        Ok(Self {
            root,
            stack: stack.into(),
            parameters: HashMap::new(),
            references: HashMap::new(),
        })
    }

    /// Gives a parameter a value instead of its default.
    pub fn set(&mut self, parameter: &str, value: impl Into<String>) {
        self.parameters.insert(parameter.to_owned(), value.into());
    }

    /// Whether the template has this parameter.
    #[must_use]
    pub fn declares(&self, parameter: &str) -> bool {
        self.root["Parameters"].get(parameter).is_some()
    }

    /// Says what `!Ref` of a resource gives: a table's name, a queue's URL.
    pub fn refer(&mut self, logical_id: &str, value: impl Into<String>) {
        self.references.insert(logical_id.to_owned(), value.into());
    }

    /// The media types whose bodies reach functions as base64.
    #[must_use]
    pub fn binary_media_types(&self) -> Vec<String> {
        let api = self.of_type("AWS::Serverless::Api").into_iter().next();
        let listed = api.and_then(|(_, properties)| properties["BinaryMediaTypes"].as_array().cloned());
        listed
            .into_iter()
            .flatten()
            .filter_map(|each| Some(each.as_str()?.replace("~1", "/")))
            .collect()
    }

    /// What the gateway answers by itself: status and JSON template by the kind of response.
    #[must_use]
    pub fn gateway_responses(&self) -> BTreeMap<String, (Option<u16>, String)> {
        let Some((_, api)) = self.of_type("AWS::Serverless::Api").into_iter().next() else {
            return BTreeMap::new();
        };
        let Some(responses) = api["GatewayResponses"].as_object() else {
            return BTreeMap::new();
        };
        responses
            .iter()
            .filter_map(|(kind, response)| {
                let text = response["ResponseTemplates"]["application/json"].as_str()?;
                let status = response["StatusCode"]
                    .as_u64()
                    .and_then(|status| u16::try_from(status).ok());
                Some((kind.clone(), (status, text.to_owned())))
            })
            .collect()
    }

    /// Logical id and properties of each resource of a type.
    fn of_type(&self, kind: &str) -> Vec<(&str, &Value)> {
        let Some(resources) = self.root["Resources"].as_object() else {
            return Vec::new();
        };
        resources
            .iter()
            .filter(|(_, resource)| resource["Type"] == kind)
            .map(|(logical_id, resource)| (logical_id.as_str(), &resource["Properties"]))
            .collect()
    }
}

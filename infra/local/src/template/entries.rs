//! Every resource of the template, whatever its type, and whether it is there under the parameters: what a bill is made of.

use serde_json::Value;

use super::Template;
use crate::error::Error;

/// A resource as the template has it.
#[derive(Debug)]
pub struct Resource<'a> {
    /// Its logical id.
    pub id: &'a str,
    /// Its type, such as `AWS::SQS::Queue`.
    pub kind: &'a str,
    /// The condition under which it is there.
    pub condition: Option<&'a str>,
    /// Whether it is there under the parameters as they are set.
    pub there: bool,
    properties: &'a Value,
}

impl Template {
    /// Gives each parameter that has no default some value that it allows, so that the template can be read as a whole.
    pub fn fill_in(&mut self) {
        let declared = self.root["Parameters"].as_object();
        let open: Vec<(String, String)> = declared
            .into_iter()
            .flatten()
            .filter(|(name, it)| it.get("Default").is_none() && !self.parameters.contains_key(*name))
            .map(|(name, it)| (name.clone(), it["AllowedValues"][0].as_str().unwrap_or("x").to_owned()))
            .collect();
        self.parameters.extend(open);
    }

    /// A parameter's value: what was set, or its default.
    #[must_use]
    pub fn parameter(&self, name: &str) -> String {
        let default = || super::resolve::plain(&self.root["Parameters"][name]["Default"]);
        self.parameters.get(name).cloned().unwrap_or_else(default)
    }

    /// Whether functions record traces of what calls them.
    #[must_use]
    pub fn traces(&self) -> bool {
        self.root["Globals"]["Function"]["Tracing"] == "Active"
    }

    /// All resources, in the order of their logical ids.
    ///
    /// # Errors
    /// Names a condition that cannot be followed, or a resource without a type.
    pub fn resources(&self) -> Result<Vec<Resource<'_>>, Error> {
        let all = self.root["Resources"].as_object();
        all.into_iter()
            .flatten()
            .map(|(id, resource)| {
                let kind = resource["Type"].as_str();
                let kind = kind.ok_or_else(|| Error::Template(format!("{id} has no type")))?;
                let condition = resource["Condition"].as_str();
                let there = condition.map_or(Ok(true), |name| self.condition(name))?;
                Ok(Resource {
                    id,
                    kind,
                    condition,
                    there,
                    properties: &resource["Properties"],
                })
            })
            .collect()
    }

    /// A property by the names that lead to it; a function's may also stand under `Globals`. None where it is not set.
    ///
    /// # Errors
    /// Names what it refers to and is not there.
    pub fn property<'a>(&'a self, resource: &Resource<'a>, path: &[&str]) -> Result<Option<&'a Value>, Error> {
        let own = self.walk(resource.properties, path)?;
        if own.is_some() || resource.kind != "AWS::Serverless::Function" {
            return Ok(own);
        }
        self.walk(&self.root["Globals"]["Function"], path)
    }

    /// A property that is a number, as it is or as text.
    ///
    /// # Errors
    /// As [`Template::property`], and when it is no number.
    pub fn number(&self, resource: &Resource<'_>, path: &[&str]) -> Result<Option<f64>, Error> {
        let Some(text) = self.text(resource, path)? else {
            return Ok(None);
        };
        let wrong = |_| {
            Error::Template(format!(
                "{}: {} should be a number: {text}",
                resource.id,
                path.join(".")
            ))
        };
        text.parse().map(Some).map_err(wrong)
    }

    /// A property that is one word or number, as text.
    ///
    /// # Errors
    /// As [`Template::property`].
    pub fn text(&self, resource: &Resource<'_>, path: &[&str]) -> Result<Option<String>, Error> {
        let found = self.property(resource, path)?;
        found
            .map(|value| Ok(super::resolve::plain(&self.resolve(value)?)))
            .transpose()
    }

    /// The entries of a list that are there.
    ///
    /// # Errors
    /// As [`Template::property`].
    pub fn entries<'a>(&'a self, resource: &Resource<'a>, path: &[&str]) -> Result<Vec<&'a Value>, Error> {
        let list = self.property(resource, path)?.and_then(Value::as_array);
        let mut entries = Vec::new();
        for entry in list.into_iter().flatten() {
            entries.extend(self.chosen(entry)?);
        }
        Ok(entries)
    }

    fn walk<'a>(&'a self, from: &'a Value, path: &[&str]) -> Result<Option<&'a Value>, Error> {
        let mut at = self.chosen(from)?;
        for name in path {
            at = match at.and_then(|value| value.get(*name)) {
                Some(next) => self.chosen(next)?,
                None => None,
            };
        }
        Ok(at)
    }

    /// The branch of an `Fn::If` that counts; none where it says that there is no value.
    fn chosen<'a>(&'a self, value: &'a Value) -> Result<Option<&'a Value>, Error> {
        if value.is_null() || value["Ref"] == "AWS::NoValue" {
            return Ok(None);
        }
        let Some(choice) = value.get("Fn::If") else {
            return Ok(Some(value));
        };
        let branch = usize::from(!self.condition(choice[0].as_str().unwrap_or_default())?) + 1;
        self.chosen(&choice[branch])
    }
}

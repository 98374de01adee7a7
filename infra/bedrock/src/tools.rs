//! The tools of a Converse request, checked by Bedrock's rules.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::Value;

use crate::fault::Fault;

/// Longest name of a tool.
const LONGEST_NAME: usize = 64;

/// The request's `toolConfig`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToolsIn {
    #[serde(default)]
    tools: Vec<ToolIn>,
    tool_choice: Option<Choice>,
}

/// A tool, or a cache point, which changes nothing here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolIn {
    tool_spec: Option<SpecificationIn>,
    cache_point: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpecificationIn {
    name: String,
    description: Option<String>,
    input_schema: SchemaIn,
}

#[derive(Debug, Deserialize)]
struct SchemaIn {
    json: Value,
}

/// Whether a tool must be used.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Choice {
    /// The model decides.
    Auto {},
    /// One of them.
    Any {},
    /// This one.
    Tool { name: String },
}

/// A tool that a model may use.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    /// The JSON schema of its input.
    pub(crate) schema: Value,
}

/// Tools that passed validation; there is at least one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tools {
    pub(crate) tools: Vec<Tool>,
    /// `None` = the model decides.
    pub(crate) choice: Option<Choice>,
}

impl Tools {
    /// Checks names, descriptions, schemas and the choice.
    pub(crate) fn check(wire: ToolsIn) -> Result<Self, Fault> {
        let tools = wire.tools.into_iter().filter(|tool| tool.cache_point.is_none());
        let tools = tools.map(Tool::check).collect::<Result<Vec<_>, _>>()?;
        if tools.is_empty() {
            return Err(Fault::validation(
                "Value at 'toolConfig.tools' failed to satisfy constraint: Member must have length greater than or equal to 1",
            ));
        }
        let mut names = HashSet::new();
        if let Some(twice) = tools.iter().find(|tool| !names.insert(tool.name.as_str())) {
            return Err(Fault::validation(format!(
                "The toolConfig field contains the tool name {} more than once. Give each tool a name of its own.",
                twice.name
            )));
        }
        let choice = wire.tool_choice;
        if matches!(&choice, Some(Choice::Tool { name }) if !names.contains(name.as_str())) {
            return Err(Fault::validation(
                "The tool that toolConfig.toolChoice.tool names is not one of toolConfig.tools.",
            ));
        }
        Ok(Self { tools, choice })
    }

    /// The tool that has to be used, if one has to be: the named one, or of any the first.
    pub(crate) fn forced(&self) -> Option<&Tool> {
        match &self.choice {
            None | Some(Choice::Auto {}) => None,
            Some(Choice::Any {}) => self.tools.first(),
            Some(Choice::Tool { name }) => self.tools.iter().find(|tool| tool.name == *name),
        }
    }
}

impl Tool {
    fn check(wire: ToolIn) -> Result<Self, Fault> {
        let Some(specification) = wire.tool_spec else {
            return Err(Fault::validation(
                "Only tools with a toolSpec are supported by this model.",
            ));
        };
        let SpecificationIn {
            name,
            description,
            input_schema: SchemaIn { json: schema },
        } = specification;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(plain) {
            return Err(Fault::validation(format!(
                "Value '{name}' at 'toolConfig.tools.toolSpec.name' failed to satisfy constraint: \
                 Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+ and have length less than or equal to 64"
            )));
        }
        if description.as_ref().is_some_and(String::is_empty) {
            return Err(Fault::validation(
                "Value at 'toolConfig.tools.toolSpec.description' failed to satisfy constraint: \
                 Member must have length greater than or equal to 1",
            ));
        }
        if schema["type"] != "object" {
            return Err(Fault::validation(format!(
                "The value at toolConfig.tools.toolSpec.inputSchema.json.type of {name} must be one of the following: object."
            )));
        }
        Ok(Self {
            name,
            description,
            schema,
        })
    }
}

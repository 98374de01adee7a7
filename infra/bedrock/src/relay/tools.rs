//! Tools in OpenAI's words, and what a server answers about them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    model::Used,
    tools::{Choice, Tool, Tools},
};

/// A tool that the model may use.
#[derive(Serialize)]
pub(super) struct ToolOut<'a> {
    r#type: &'static str,
    function: FunctionOut<'a>,
}

#[derive(Serialize)]
struct FunctionOut<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    parameters: &'a Value,
}

/// A tool that the model uses.
#[derive(Debug, Deserialize)]
pub(super) struct Call {
    function: Function,
}

#[derive(Debug, Deserialize)]
struct Function {
    name: String,
    /// JSON in a text, as OpenAI has it; some servers give the object itself.
    #[serde(default)]
    arguments: Value,
}

impl Tools {
    pub(super) fn out(&self) -> Vec<ToolOut<'_>> {
        self.tools.iter().map(Tool::out).collect()
    }

    pub(super) fn choice_out(&self) -> Value {
        match &self.choice {
            None | Some(Choice::Auto {}) => json!("auto"),
            Some(Choice::Any {}) => json!("required"),
            Some(Choice::Tool { name }) => json!({ "type": "function", "function": { "name": name } }),
        }
    }

    /// The tool that an answer uses. Servers that do not know tools write the object as their text, perhaps in a code block:
    /// where a tool has to be used, that is its input.
    pub(super) fn used(&self, calls: Vec<Call>, text: &str) -> Option<Used> {
        let call = calls.into_iter().find_map(|call| {
            let input = match call.function.arguments {
                Value::String(text) => object(&text)?,
                Value::Object(fields) => fields,
                _ => return None,
            };
            Some((call.function.name, input))
        });
        let written = || Some((self.forced()?.name.clone(), object(text)?));
        let (tool, input) = call.or_else(written)?;
        Some(Used {
            tool,
            input: Value::Object(input),
        })
    }
}

impl Tool {
    fn out(&self) -> ToolOut<'_> {
        ToolOut {
            r#type: "function",
            function: FunctionOut {
                name: &self.name,
                description: self.description.as_deref(),
                parameters: &self.schema,
            },
        }
    }
}

/// The object that a text is.
fn object(text: &str) -> Option<Map<String, Value>> {
    let text = text.trim();
    let inside = text.strip_prefix("```").and_then(|inside| inside.strip_suffix("```"));
    let text = inside.map_or(text, |inside| inside.strip_prefix("json").unwrap_or(inside));
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::object;

    #[test]
    fn an_object_is_read_as_it_is_or_from_a_code_block() {
        for text in [" {\"a\": 1}\n", "```json\n{\"a\": 1}\n```", "```\n{\"a\": 1}```"] {
            assert_eq!(object(text).unwrap()["a"], 1, "{text}");
        }
        for text in ["", "[1]", "{\"a\": 1} and more", "Certainly! {\"a\": 1}"] {
            assert!(object(text).is_none(), "{text}");
        }
    }
}

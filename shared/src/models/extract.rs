//! Structured answers: the model fills in the input of one tool, which it must use.

use std::collections::HashMap;

use aws_sdk_bedrockruntime::types::{
    Message, SpecificToolChoice, SystemContentBlock, Tool as SdkTool, ToolChoice, ToolConfiguration, ToolInputSchema,
    ToolSpecification,
};
use aws_smithy_types::{Document, Number};
use serde_json::{Map, Value};

use super::{Measured, Models, Prompt, inference, sdk_messages};
use crate::{error::Error, messages::Usage, telemetry::Operation};

/// The form that a model fills in.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// The JSON schema of its input. At the top level an object with `type`, `properties` and `required` and nothing else,
    /// which every model takes.
    pub schema: Value,
}

/// What a model filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Extracted {
    /// The tool's input; `None` when the model answered otherwise. Models do not keep to a schema strictly: check it.
    pub input: Option<Value>,
    /// What it took.
    pub usage: Usage,
}

impl Models {
    /// Lets the model fill in a tool's input.
    ///
    /// # Errors
    /// 503 when the model throttles or is away.
    pub async fn extract(&self, prompt: Prompt, tool: Tool) -> Result<Extracted, Error> {
        let name = tool.name;
        let model = self.name(&prompt).to_owned();
        let request = self
            .client()
            .converse()
            .model_id(&model)
            .system(SystemContentBlock::Text(prompt.system))
            .set_messages(Some(sdk_messages(prompt.messages)?))
            .inference_config(inference(prompt.max_tokens))
            .tool_config(tool.config()?);
        let mut call = Measured::begin(&self.metrics, Operation::Chat, &model);
        let answer = request.send().await.map_err(|error| call.refused(error))?;
        let usage = call.answered(&answer.stop_reason, answer.usage.as_ref());
        let message = answer.output.as_ref().and_then(|output| output.as_message().ok());
        let blocks = message.map(Message::content).unwrap_or_default();
        let used = blocks.iter().filter_map(|block| block.as_tool_use().ok());
        Ok(Extracted {
            input: used
                .filter(|used| used.name == name)
                .map(|used| json(&used.input))
                .next(),
            usage,
        })
    }
}

impl Tool {
    fn config(self) -> Result<ToolConfiguration, Error> {
        let specification = ToolSpecification::builder()
            .name(self.name)
            .description(self.description)
            .input_schema(ToolInputSchema::Json(document(self.schema)));
        let choice = SpecificToolChoice::builder().name(self.name).build();
        ToolConfiguration::builder()
            .tools(SdkTool::ToolSpec(specification.build().map_err(Error::internal)?))
            .tool_choice(ToolChoice::Tool(choice.map_err(Error::internal)?))
            .build()
            .map_err(Error::internal)
    }
}

fn document(value: Value) -> Document {
    match value {
        Value::Null => Document::Null,
        Value::Bool(bool) => Document::Bool(bool),
        Value::Number(number) => Document::Number(match (number.as_u64(), number.as_i64()) {
            (Some(whole), _) => Number::PosInt(whole),
            (None, Some(whole)) => Number::NegInt(whole),
            (None, None) => Number::Float(number.as_f64().unwrap_or_default()),
        }),
        Value::String(text) => Document::String(text),
        Value::Array(items) => Document::Array(items.into_iter().map(document).collect()),
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name, document(value)));
            Document::Object(fields.collect::<HashMap<_, _>>())
        }
    }
}

fn json(document: &Document) -> Value {
    match document {
        Document::Null => Value::Null,
        Document::Bool(bool) => Value::Bool(*bool),
        Document::Number(Number::PosInt(whole)) => Value::from(*whole),
        Document::Number(Number::NegInt(whole)) => Value::from(*whole),
        Document::Number(Number::Float(float)) => Value::from(*float),
        Document::String(text) => Value::String(text.clone()),
        Document::Array(items) => Value::Array(items.iter().map(json).collect()),
        Document::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), json(value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json as literal;

    #[test]
    fn json_survives_the_way_to_the_sdk_and_back() {
        let value = literal!({
            "a": [null, true, "x", {"b": {}}], "n": [0, -3, 2.5, u64::MAX, i64::MIN], "empty": [],
        });
        assert_eq!(json(&document(value.clone())), value);
    }
}

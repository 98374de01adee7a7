//! The Converse request as it arrives, and the same request as the models here understand it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    fault::Fault,
    tools::{Tools, ToolsIn},
};

/// Who said a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    User,
    Assistant,
}

/// One message of a conversation, its text blocks joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) role: Role,
    pub(crate) text: String,
}

/// A Converse request that passed validation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turn {
    pub(crate) system: String,
    pub(crate) messages: Vec<Said>,
    pub(crate) limits: Limits,
    /// The tools that the model may or must use.
    pub(crate) tools: Option<Tools>,
}

/// How the answer is to be made.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Limits {
    pub(crate) max_tokens: Option<u32>,
    pub(crate) temperature: Option<f32>,
    pub(crate) top_p: Option<f32>,
    pub(crate) stop_sequences: Vec<String>,
}

/// The request's JSON.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TurnIn {
    #[serde(default)]
    system: Vec<Block>,
    #[serde(default)]
    messages: Vec<MessageIn>,
    #[serde(default)]
    inference_config: Limits,
    tool_config: Option<ToolsIn>,
}

#[derive(Debug, Deserialize)]
struct MessageIn {
    role: Role,
    content: Vec<Block>,
}

/// A content block: text, or a cache point, which changes nothing here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    text: Option<String>,
    cache_point: Option<Value>,
}

impl Turn {
    /// Reads and checks a request body by Bedrock's rules for messages.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Fault> {
        let wire: TurnIn = serde_json::from_slice(body)
            .map_err(|error| Fault::validation(format!("The request body is not a Converse request: {error}.")))?;
        let messages = wire.messages.into_iter().map(said).collect::<Result<Vec<_>, _>>()?;
        check_order(&messages)?;
        Ok(Self {
            system: joined(wire.system)?,
            messages,
            limits: wire.inference_config,
            tools: wire.tool_config.map(Tools::check).transpose()?,
        })
    }
}

fn said(message: MessageIn) -> Result<Said, Fault> {
    let text = joined(message.content)?;
    if text.trim().is_empty() {
        return Err(Fault::validation(
            "The text field in the ContentBlock object is blank. Add text and try again.",
        ));
    }
    Ok(Said {
        role: message.role,
        text,
    })
}

fn joined(blocks: Vec<Block>) -> Result<String, Fault> {
    let mut text = String::new();
    for block in blocks {
        match block {
            Block { text: Some(more), .. } if text.is_empty() => text = more,
            Block { text: Some(more), .. } => {
                text.push('\n');
                text.push_str(&more);
            }
            Block {
                cache_point: Some(_), ..
            } => {}
            _ => {
                return Err(Fault::validation(
                    "Only text content blocks are supported by this model.",
                ));
            }
        }
    }
    Ok(text)
}

fn check_order(messages: &[Said]) -> Result<(), Fault> {
    let starts_with_user = messages.first().is_some_and(|first| first.role == Role::User);
    if !starts_with_user {
        return Err(Fault::validation(
            "A conversation must start with a user message. Try again with a conversation that starts with a user message.",
        ));
    }
    if messages.last().is_some_and(|last| last.role == Role::Assistant) {
        return Err(Fault::validation(
            "The conversation must end with a user message; this model doesn't continue an answer.",
        ));
    }
    let alternates = messages.windows(2).all(|pair| pair[0].role != pair[1].role);
    if !alternates {
        return Err(Fault::validation(
            "A conversation must alternate between user and assistant roles.",
        ));
    }
    Ok(())
}

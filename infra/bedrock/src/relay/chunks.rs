//! What a chat completion's JSON says, in whole or as the parts of a stream.

use std::borrow::Cow;

use serde::Deserialize;

use super::tools::Call;
use crate::model::{StopReason, Usage};

/// A streamed part.
#[derive(Debug, Deserialize)]
pub(super) struct Chunk<'a> {
    #[serde(borrow, default)]
    pub(super) choices: Vec<ChunkChoice<'a>>,
    #[serde(default)]
    pub(super) usage: Option<Counted>,
    #[serde(default)]
    pub(super) error: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ChunkChoice<'a> {
    #[serde(borrow, default)]
    pub(super) delta: Delta<'a>,
    #[serde(borrow, default)]
    pub(super) finish_reason: Option<Cow<'a, str>>,
}

/// Only the answer's own text: what a model thinks beforehand comes in other fields and is not part of it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Delta<'a> {
    #[serde(borrow, default)]
    pub(super) content: Option<Cow<'a, str>>,
}

/// A whole completion.
#[derive(Debug, Deserialize)]
pub(super) struct Completion {
    pub(super) choices: Vec<Choice>,
    pub(super) usage: Option<Counted>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    pub(super) message: Message,
    pub(super) finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub(super) content: Option<String>,
    pub(super) tool_calls: Option<Vec<Call>>,
}

/// Token counts as OpenAI names them.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Counted {
    #[serde(default)]
    prompt_tokens: u32,
    #[serde(default)]
    completion_tokens: u32,
}

impl From<Counted> for Usage {
    fn from(counted: Counted) -> Self {
        Self {
            input: counted.prompt_tokens,
            output: counted.completion_tokens,
        }
    }
}

/// Bedrock's word for the reason an answer ended.
pub(super) fn stop_reason(finish: Option<&str>) -> StopReason {
    match finish {
        Some("length") => StopReason::MaxTokens,
        Some("content_filter") => StopReason::ContentFiltered,
        _ => StopReason::EndTurn,
    }
}

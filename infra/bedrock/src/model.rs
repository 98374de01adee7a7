//! The model behind the endpoint: offline or relayed, with one shape of answer.

use std::{sync::Arc, time::Duration};

use futures::stream::BoxStream;
use serde::Serialize;
use serde_json::Value;

use crate::{
    converse::Turn,
    fault::Fault,
    hash, offline,
    relay::{Relay, RelayError},
    tools::Tools,
};

/// What answers the calls.
#[derive(Clone, Debug)]
pub struct Model(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Offline { delay: Duration },
    Relay(Arc<Relay>),
}

/// Why an answer ended, in Bedrock's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StopReason {
    EndTurn,
    ToolUse,
    MaxTokens,
    ContentFiltered,
}

/// Tokens read and written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) input: u32,
    pub(crate) output: u32,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) text: String,
    /// The tool that the model uses, instead of text or behind it.
    pub(crate) used: Option<Used>,
    pub(crate) stop: StopReason,
    pub(crate) usage: Usage,
}

/// A tool that the model uses.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Used {
    pub(crate) tool: String,
    /// What it is to be given: an object.
    pub(crate) input: Value,
}

/// A part of a streamed answer; [`Piece::End`] is the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    End { stop: StopReason, usage: Usage },
}

/// A streamed answer; an item is what became known at the same moment and so travels together.
pub(crate) type Pieces = BoxStream<'static, Result<Vec<Piece>, Fault>>;

impl Model {
    /// The model that needs nothing but itself: it answers by quoting the sources in the prompt, and embeds by hashing.
    /// `delay` is waited before each streamed word (a few milliseconds make streaming visible; zero for measurements).
    #[must_use]
    pub fn offline(delay: Duration) -> Self {
        Self(Kind::Offline { delay })
    }

    /// Relays to an OpenAI-compatible server. `base_url` ends in its version (`http://127.0.0.1:11434/v1`); `model` is
    /// the chat model, by default the first that the server lists; without `embedding_model` embeddings are hashed
    /// offline; `api_key` is sent as a bearer token.
    ///
    /// # Errors
    /// When the address is not an HTTP URL or the key cannot stand in a header.
    pub fn relay(
        base_url: &str,
        model: Option<String>,
        embedding_model: Option<String>,
        api_key: Option<String>,
    ) -> Result<Self, RelayError> {
        Relay::new(base_url, model, embedding_model, api_key.as_deref()).map(|relay| Self(Kind::Relay(Arc::new(relay))))
    }

    /// The length of the vectors that the relayed embedding model makes, found out by asking it once; `None` where
    /// embeddings are hashed, which can have any length.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn embedding_dimensions(&self) -> Result<Option<usize>, Fault> {
        match &self.0 {
            Kind::Relay(relay) if relay.embeds() => Ok(Some(relay.embed("dimensions").await?.vector.len())),
            _ => Ok(None),
        }
    }

    pub(crate) async fn answer(&self, turn: &Turn) -> Result<Answer, Fault> {
        match &self.0 {
            Kind::Offline { .. } => match turn.tools.as_ref().and_then(Tools::forced) {
                Some(tool) => offline::fill_in(turn, tool),
                None => Ok(offline::answer(turn)),
            },
            Kind::Relay(relay) => relay.answer(turn).await,
        }
    }

    pub(crate) async fn stream(&self, turn: &Turn) -> Result<Pieces, Fault> {
        match &self.0 {
            Kind::Offline { delay } => Ok(offline::stream(turn, *delay)),
            Kind::Relay(relay) => Arc::clone(relay).stream(turn).await,
        }
    }

    pub(crate) async fn embed(&self, text: &str, dimensions: usize) -> Result<Embedded, Fault> {
        match &self.0 {
            Kind::Relay(relay) if relay.embeds() => relay.embed_as(text, dimensions).await,
            _ => Ok(Embedded {
                vector: hash::embedding(text, dimensions),
                tokens: tokens(text),
            }),
        }
    }
}

/// A text's vector and how many tokens it counted.
#[derive(Clone, Debug)]
pub(crate) struct Embedded {
    pub(crate) vector: Vec<f32>,
    pub(crate) tokens: u32,
}

/// About how many tokens a text has: 1.3 a word, the usual ratio for English.
pub(crate) fn tokens(text: &str) -> u32 {
    let words = u32::try_from(text.split_whitespace().count()).unwrap_or(u32::MAX / 16);
    (words * 13 + 5) / 10
}

//! InvokeModel on an embedding model: the request and answer of Titan Text Embeddings v2.

use serde::{Deserialize, Serialize};

use crate::{fault::Fault, hash, model::Model};

/// More than any model known here; a guard against an absurd allocation.
const MOST_DIMENSIONS: usize = 8192;

/// The request; a field that Titan does not know is refused, as there.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EmbedIn {
    input_text: String,
    #[serde(default = "titan_default")]
    dimensions: usize,
    #[serde(default = "yes")]
    normalize: bool,
}

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EmbedOut {
    embedding: Vec<f32>,
    input_text_token_count: u32,
}

fn titan_default() -> usize {
    1024
}

fn yes() -> bool {
    true
}

/// Answers an InvokeModel body.
pub(crate) async fn invoke(model: &Model, body: &[u8]) -> Result<EmbedOut, Fault> {
    let wire: EmbedIn = serde_json::from_slice(body).map_err(|error| {
        Fault::validation(format!(
            "Malformed input request: {error}, please reformat your input and try again."
        ))
    })?;
    if !(1..=MOST_DIMENSIONS).contains(&wire.dimensions) {
        return Err(Fault::validation(format!(
            "Malformed input request: dimensions must be between 1 and {MOST_DIMENSIONS}."
        )));
    }
    let embedded = model.embed(&wire.input_text, wire.dimensions).await?;
    let embedding = if wire.normalize {
        hash::normalised(embedded.vector)
    } else {
        embedded.vector
    };
    Ok(EmbedOut {
        embedding,
        input_text_token_count: embedded.tokens,
    })
}

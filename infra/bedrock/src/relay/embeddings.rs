//! Titan's embedding call over `/v1/embeddings`.

use serde::{Deserialize, Serialize};

use super::Relay;
use crate::{
    fault::Fault,
    model::{Embedded, tokens},
};

#[derive(Serialize)]
struct EmbeddingOut<'a> {
    model: &'a str,
    input: &'a str,
    encoding_format: &'static str,
}

#[derive(Deserialize)]
struct EmbeddingIn {
    data: Vec<VectorIn>,
    usage: Option<CountedIn>,
}

#[derive(Deserialize)]
struct VectorIn {
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct CountedIn {
    prompt_tokens: Option<u32>,
}

impl Relay {
    /// The vector of a text, as long as the model makes it.
    pub(crate) async fn embed(&self, text: &str) -> Result<Embedded, Fault> {
        // Several servers refuse an empty input; a blank one has no meaning either.
        let input = if text.trim().is_empty() { "." } else { text };
        let body = EmbeddingOut {
            model: self.embedding_model.as_deref().unwrap_or_default(),
            input,
            encoding_format: "float",
        };
        let response = self.send(self.client.post(self.url("embeddings")).json(&body)).await?;
        let answer: EmbeddingIn = self.json(response).await?;
        let counted = answer.usage.and_then(|usage| usage.prompt_tokens);
        let first = answer.data.into_iter().next();
        let vector = first
            .ok_or_else(|| Fault::model("The model server answered without an embedding."))?
            .embedding;
        Ok(Embedded {
            vector,
            tokens: counted.unwrap_or_else(|| tokens(text)),
        })
    }

    /// The vector of a text, which must have the length that was asked for.
    pub(crate) async fn embed_as(&self, text: &str, dimensions: usize) -> Result<Embedded, Fault> {
        let embedded = self.embed(text).await?;
        let made = embedded.vector.len();
        if made != dimensions {
            let message = format!(
                "The embedding model makes vectors of {made} numbers, not {dimensions}: set EMBEDDING_DIMENSIONS to {made}."
            );
            return Err(Fault::validation(message));
        }
        Ok(embedded)
    }
}

//! Which models answer and embed, and what the template's parameters say about them.

use std::collections::HashMap;

use local_bedrock::Model;

use crate::error::{During, Error};
use crate::options::Options;

/// The model behind the local Bedrock endpoint, and the parameters that go with it.
pub struct Models {
    /// `None` for Bedrock itself.
    pub model: Option<Model>,
    /// Template parameters.
    pub parameters: HashMap<String, String>,
}

impl Models {
    /// Chooses by the options.
    ///
    /// # Errors
    /// When the model's server cannot be reached.
    pub async fn choose(options: &Options) -> Result<Self, Error> {
        let mut parameters = HashMap::new();
        let mut say = |name: &str, value: &str| parameters.insert(name.to_owned(), value.to_owned());
        if options.bedrock {
            options.model.as_deref().map(|model| say("ChatModelId", model));
            options
                .embedding_model
                .as_deref()
                .map(|model| say("EmbeddingModelId", model));
            return Ok(Self {
                model: None,
                parameters,
            });
        }
        let model = match &options.model_url {
            None => Model::offline(options.piece_delay),
            Some(url) => {
                let (chat, embedding) = (options.model.clone(), options.embedding_model.clone());
                Model::relay(url, chat, embedding, options.model_key.clone()).during("--model-url")?
            }
        };
        say(
            "ChatModelId",
            options.model.as_deref().unwrap_or(if options.model_url.is_some() {
                "relayed"
            } else {
                "offline"
            }),
        );
        let dimensions = model.embedding_dimensions().await;
        let dimensions = dimensions.map_err(|why| Error::part("--embedding-model", format!("{why:?}")))?;
        match (dimensions, &options.embedding_model) {
            (Some(length), Some(name)) => {
                say("EmbeddingModelId", name);
                say("EmbeddingDimensions", &length.to_string());
                say("EmbeddingWeight", "0.4");
            }
            _ => {
                say("EmbeddingModelId", "offline-hash");
                // A hash finds the same words again: more weight than this hurts (measured on eight judged collections).
                say("EmbeddingWeight", "0.1");
            }
        }
        Ok(Self {
            model: Some(model),
            parameters,
        })
    }
}

//! Models, in Bedrock: answers by Converse, embeddings by InvokeModel.

mod extract;
mod measured;

pub use extract::{Extracted, Tool};

use std::time::{Duration, Instant};

use aws_sdk_bedrockruntime::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    primitives::Blob,
    types::{
        ContentBlock, ConversationRole, ConverseStreamOutput, InferenceConfiguration, Message, SystemContentBlock,
        TokenUsage,
    },
};
use aws_types::SdkConfig;
use futures::{Stream, StreamExt};
use serde::Deserialize;
use serde_json::json;

use measured::Measured;

use crate::{
    config::Config,
    error::Error,
    messages::{Role, Usage},
    sdk::OnUse,
    telemetry::{Metrics, Operation},
};

/// Embeddings that are asked for at once.
const EMBED_CONCURRENCY: usize = 8;

/// The chat and embedding models of this deployment.
#[derive(Clone, Debug)]
pub struct Models {
    client: OnUse<Client>,
    chat_model: String,
    offered: Vec<String>,
    embedding_model: String,
    dimensions: usize,
    next_embedding: Option<(String, usize)>,
    metrics: Metrics,
}

/// What a model is asked.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// The model; `None` = the deployment's.
    pub model: Option<String>,
    /// How to answer.
    pub system: String,
    /// Earlier turns and the question; roles alternate, the first and the last are the user's.
    pub messages: Vec<(Role, String)>,
    /// Most tokens of the answer.
    pub max_tokens: i32,
}

/// A piece of a streamed answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delta {
    /// More text.
    Text(String),
    /// What it took, at the end.
    Usage(Usage),
}

impl Models {
    /// The models that the settings name.
    #[must_use]
    pub fn new(config: &Config, sdk: &SdkConfig) -> Self {
        Self {
            client: OnUse::new(sdk),
            chat_model: config.chat_model.clone(),
            offered: config.chat_models.clone(),
            embedding_model: config.embedding_model.clone(),
            dimensions: config.embedding_dimensions,
            next_embedding: config.next_embedding.clone(),
            metrics: Metrics::new(config),
        }
    }

    fn client(&self) -> &Client {
        self.client.get(Client::new)
    }

    /// The models that the deployment is about to change to, for whoever writes the index.
    #[must_use]
    pub fn next(&self) -> Option<Self> {
        let (embedding_model, dimensions) = self.next_embedding.clone()?;
        Some(Self {
            embedding_model,
            dimensions,
            next_embedding: None,
            ..self.clone()
        })
    }

    /// The chat models that a bot may choose from.
    #[must_use]
    pub fn offered(&self) -> &[String] {
        &self.offered
    }

    /// The model that `prompt` goes to.
    #[must_use]
    pub fn name<'m>(&'m self, prompt: &'m Prompt) -> &'m str {
        prompt.model.as_deref().unwrap_or(&self.chat_model)
    }

    /// Asks for an answer as a stream. It has begun when this returns.
    ///
    /// # Errors
    /// 503 when the model throttles or is away.
    pub async fn stream(
        &self,
        prompt: Prompt,
    ) -> Result<impl Stream<Item = Result<Delta, Error>> + Send + use<>, Error> {
        let model = self.name(&prompt).to_owned();
        let request = self
            .client()
            .converse_stream()
            .model_id(&model)
            .system(SystemContentBlock::Text(prompt.system))
            .set_messages(Some(sdk_messages(prompt.messages)?))
            .inference_config(inference(prompt.max_tokens));
        let mut call = Measured::begin(&self.metrics, Operation::Chat, &model);
        let begun = request.send().await;
        let mut events = begun.map_err(|error| call.refused(error))?.stream;
        Ok(async_stream::stream! {
            let mut stopped = false;
            loop {
                match events.recv().await {
                    Ok(Some(event)) => {
                        stopped |= event.is_message_stop();
                        if let Some(delta) = delta(event, &mut call) { yield Ok(delta) }
                    }
                    Ok(None) if stopped => { call.end(); break }
                    Ok(None) => {
                        call.fails("broken_off");
                        yield Err(Error::unavailable("the model's stream broke off"));
                        break
                    }
                    Err(error) => { yield Err(call.refused(error)); break }
                }
            }
        })
    }

    /// Asks for a whole answer.
    ///
    /// # Errors
    /// 503 when the model throttles or is away.
    pub async fn complete(&self, prompt: Prompt) -> Result<String, Error> {
        let model = self.name(&prompt).to_owned();
        let request = self
            .client()
            .converse()
            .model_id(&model)
            .system(SystemContentBlock::Text(prompt.system))
            .set_messages(Some(sdk_messages(prompt.messages)?))
            .inference_config(inference(prompt.max_tokens));
        let mut call = Measured::begin(&self.metrics, Operation::Chat, &model);
        let answer = request.send().await.map_err(|error| call.refused(error))?;
        call.answered(&answer.stop_reason, answer.usage.as_ref());
        let message = answer.output.as_ref().and_then(|output| output.as_message().ok());
        let blocks = message.map(Message::content).unwrap_or_default();
        Ok(blocks
            .iter()
            .filter_map(|block| block.as_text().ok())
            .map(String::as_str)
            .collect())
    }

    /// The embedding of a text.
    ///
    /// # Errors
    /// 503 when the model throttles or is away.
    pub async fn embed(&self, text: &str) -> Result<Vec<f32>, Error> {
        let mut call = Measured::begin(&self.metrics, Operation::Embeddings, &self.embedding_model);
        self.asked_for(text).await.told(&mut call)
    }

    /// The embeddings of many texts, in their order, a few at a time.
    ///
    /// # Errors
    /// 503 when the model throttles or is away.
    pub async fn embed_all(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, Error> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let embeddings = texts.into_iter().map(|text| {
            let models = self.clone();
            async move { models.asked_for(&text).await }
        });
        let mut embeddings = futures::stream::iter(embeddings).buffered(EMBED_CONCURRENCY);
        // A document has hundreds of passages: one line tells of many calls.
        let mut calls = Measured::begin(&self.metrics, Operation::Embeddings, &self.embedding_model);
        let mut vectors = Vec::new();
        while let Some(embedded) = embeddings.next().await {
            vectors.push(embedded.told(&mut calls)?);
        }
        Ok(vectors)
    }

    /// Asks for the embedding of a text.
    async fn asked_for(&self, text: &str) -> Embedded {
        let began = Instant::now();
        let body = json!({"inputText": text, "dimensions": self.dimensions, "normalize": true});
        let answer = self
            .client()
            .invoke_model()
            .model_id(&self.embedding_model)
            .content_type("application/json")
            .accept("application/json")
            .body(Blob::new(body.to_string()))
            .send()
            .await;
        let outcome = match answer {
            Ok(answer) => self
                .read(answer.body.as_ref())
                .map_err(|error| ("unexpected".to_owned(), error)),
            Err(error) => Err((measured::kind(&error).to_owned(), model_error(error))),
        };
        Embedded {
            took: began.elapsed(),
            outcome,
        }
    }

    fn read(&self, answer: &[u8]) -> Result<Embedding, Error> {
        let embedding: Embedding = serde_json::from_slice(answer).map_err(Error::internal)?;
        match embedding.embedding.len() {
            length if length == self.dimensions => Ok(embedding),
            length => Err(Error::internal(format!(
                "{} gave {length} dimensions, not {}",
                self.embedding_model, self.dimensions
            ))),
        }
    }
}

/// The part of a Titan embedding's answer that we read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Embedding {
    embedding: Vec<f32>,
    input_text_token_count: Option<u32>,
}

/// What came of asking for an embedding: it, or the kind of the error and the error.
struct Embedded {
    took: Duration,
    outcome: Result<Embedding, (String, Error)>,
}

impl Embedded {
    fn told(self, calls: &mut Measured) -> Result<Vec<f32>, Error> {
        match self.outcome {
            Ok(embedding) => {
                calls.one_of_many(self.took, embedding.input_text_token_count);
                Ok(embedding.embedding)
            }
            Err((kind, error)) => {
                calls.one_failed(self.took, kind);
                Err(error)
            }
        }
    }
}

fn inference(max_tokens: i32) -> InferenceConfiguration {
    InferenceConfiguration::builder()
        .max_tokens(max_tokens)
        .temperature(0.0)
        .build()
}

fn sdk_messages(messages: Vec<(Role, String)>) -> Result<Vec<Message>, Error> {
    messages
        .into_iter()
        .map(|(role, text)| {
            let role = match role {
                Role::User => ConversationRole::User,
                Role::Assistant => ConversationRole::Assistant,
            };
            Message::builder()
                .role(role)
                .content(ContentBlock::Text(text))
                .build()
                .map_err(Error::internal)
        })
        .collect()
}

fn delta(event: ConverseStreamOutput, call: &mut Measured) -> Option<Delta> {
    match event {
        ConverseStreamOutput::ContentBlockDelta(event) => {
            let text = event.delta?.as_text().ok()?.clone();
            call.text();
            Some(Delta::Text(text))
        }
        ConverseStreamOutput::MessageStop(event) => {
            call.stops(&event.stop_reason);
            None
        }
        ConverseStreamOutput::Metadata(event) => {
            let usage = counted(&event.usage?);
            call.took(usage);
            Some(Delta::Usage(usage))
        }
        _ => None,
    }
}

fn counted(usage: &TokenUsage) -> Usage {
    let count = |tokens: i32| u32::try_from(tokens).unwrap_or_default();
    Usage {
        input_tokens: count(usage.input_tokens),
        output_tokens: count(usage.output_tokens),
    }
}

/// A model that refuses the request itself is our fault; everything else passes.
fn model_error<E, R>(error: SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let ours = matches!(
        error.code(),
        Some("ValidationException" | "AccessDeniedException" | "ResourceNotFoundException")
    );
    if ours {
        Error::internal(error)
    } else {
        Error::unavailable(error)
    }
}

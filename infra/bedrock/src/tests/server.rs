//! The endpoint on a port of its own, with the real SDK client.

use aws_credential_types::Credentials;
use aws_sdk_bedrockruntime::{
    Client, Config,
    config::{BehaviorVersion, Region, retry::RetryConfig},
    primitives::Blob,
    types::{ContentBlock, ConversationRole, ConverseStreamOutput, Message, SystemContentBlock},
};
use axum::Router;
use serde_json::Value;

use crate::{Model, router};

/// Serves a router until the test's runtime ends; its base URL.
pub(super) async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// An SDK client of the endpoint.
pub(super) async fn client(model: Model) -> Client {
    let url = serve(router(model)).await;
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
        .region(Region::new("us-east-1"))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(url);
    Client::from_conf(config.build())
}

/// A user's message.
pub(super) fn user(text: &str) -> Message {
    message(ConversationRole::User, text)
}

/// A message of either side.
pub(super) fn message(role: ConversationRole, text: &str) -> Message {
    Message::builder()
        .role(role)
        .content(ContentBlock::Text(text.to_owned()))
        .build()
        .unwrap()
}

/// A system text.
pub(super) fn system(text: &str) -> SystemContentBlock {
    SystemContentBlock::Text(text.to_owned())
}

/// A streamed answer as a client sees it.
#[derive(Debug, Default)]
pub(super) struct Streamed {
    pub(super) kinds: Vec<&'static str>,
    pub(super) pieces: Vec<String>,
    pub(super) stop: String,
    pub(super) tokens: (i32, i32),
    /// The exception that ended it, if one did.
    pub(super) error: Option<String>,
}

impl Streamed {
    pub(super) fn text(&self) -> String {
        self.pieces.concat()
    }
}

/// Asks for a streamed answer and reads it to its end.
pub(super) async fn stream(client: &Client, message: Message) -> Streamed {
    let mut output = client
        .converse_stream()
        .model_id("any")
        .messages(message)
        .send()
        .await
        .unwrap();
    let mut streamed = Streamed::default();
    loop {
        let kind = match output.stream.recv().await {
            Ok(None) => return streamed,
            Err(error) => {
                streamed.error = Some(format!("{:?}", error.into_service_error()));
                return streamed;
            }
            Ok(Some(ConverseStreamOutput::MessageStart(_))) => "messageStart",
            Ok(Some(ConverseStreamOutput::ContentBlockDelta(delta))) => {
                streamed.pieces.push(delta.delta.unwrap().as_text().unwrap().clone());
                "contentBlockDelta"
            }
            Ok(Some(ConverseStreamOutput::ContentBlockStop(_))) => "contentBlockStop",
            Ok(Some(ConverseStreamOutput::MessageStop(stop))) => {
                streamed.stop = stop.stop_reason.as_str().to_owned();
                "messageStop"
            }
            Ok(Some(ConverseStreamOutput::Metadata(metadata))) => {
                let usage = metadata.usage.unwrap();
                streamed.tokens = (usage.input_tokens, usage.output_tokens);
                "metadata"
            }
            Ok(Some(_)) => "other",
        };
        streamed.kinds.push(kind);
    }
}

/// Invokes an embedding model with a JSON body; the answer's JSON or the error's name and text.
pub(super) async fn invoke(client: &Client, body: Value) -> Result<Value, String> {
    let sent = client
        .invoke_model()
        .model_id("docent.hash-v1")
        .body(Blob::new(body.to_string()))
        .send()
        .await;
    match sent {
        Ok(output) => Ok(serde_json::from_slice(output.body.as_ref()).unwrap()),
        Err(error) => Err(format!("{:?}", error.into_service_error())),
    }
}

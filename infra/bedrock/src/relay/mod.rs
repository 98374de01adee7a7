//! Relays calls to a server that speaks OpenAI's chat completions and embeddings (Ollama, vLLM, llama.cpp, LM Studio).

mod chat;
mod chunks;
mod embeddings;
mod lines;
mod reading;
mod tools;

use std::time::Duration;

use reqwest::{
    Client, RequestBuilder, Response, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
};
use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::fault::Fault;

/// A server on the same desk or network answers a connect at once.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest silence: a model that is loaded from disk first takes minutes. API Gateway ends an idle stream after this.
const SILENCE: Duration = Duration::from_secs(300);
/// Characters of an upstream's error that are passed on.
const MOST_MESSAGE: usize = 500;

/// A model relay could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The address is not one that HTTP requests can be sent to.
    #[error("the model server's address {0:?} is not an http:// or https:// URL")]
    Address(String),
    /// The key has characters that a header cannot hold.
    #[error("the model server's API key has characters that an HTTP header cannot hold")]
    Key,
    /// The HTTP client could not be built.
    #[error("the HTTP client for the model server could not be built")]
    Client(#[from] reqwest::Error),
}

/// A client of one OpenAI-compatible server.
#[derive(Debug)]
pub(crate) struct Relay {
    client: Client,
    base: String,
    model: Option<String>,
    embedding_model: Option<String>,
    /// The server's first chat model, once asked for.
    first: OnceCell<String>,
}

#[derive(Deserialize)]
struct Listing {
    data: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
}

impl Relay {
    pub(crate) fn new(
        base_url: &str,
        model: Option<String>,
        embedding_model: Option<String>,
        api_key: Option<&str>,
    ) -> Result<Self, RelayError> {
        let base = base_url.trim_end_matches('/').to_owned();
        let url = Url::parse(&base)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url = url.ok_or_else(|| RelayError::Address(base.clone()))?;
        let mut headers = HeaderMap::new();
        if let Some(key) = api_key {
            let mut bearer = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| RelayError::Key)?;
            bearer.set_sensitive(true);
            headers.insert(AUTHORIZATION, bearer);
        }
        let mut client = Client::builder()
            .default_headers(headers)
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE);
        if is_loopback(&url) {
            client = client.no_proxy();
        }
        Ok(Self {
            client: client.build()?,
            base,
            model,
            embedding_model,
            first: OnceCell::new(),
        })
    }

    /// Whether embeddings are relayed too.
    pub(crate) fn embeds(&self) -> bool {
        self.embedding_model.is_some()
    }

    /// The chat model's name: the one given, or the first that the server lists and that is not for embeddings.
    async fn chat_model(&self) -> Result<&str, Fault> {
        match &self.model {
            Some(model) => Ok(model),
            None => self
                .first
                .get_or_try_init(|| self.list_first())
                .await
                .map(String::as_str),
        }
    }

    async fn list_first(&self) -> Result<String, Fault> {
        let response = self.send(self.client.get(self.url("models"))).await?;
        let listing: Listing = self.json(response).await?;
        let for_chat =
            |listed: &Listed| !listed.id.contains("embed") && Some(&listed.id) != self.embedding_model.as_ref();
        let first = listing.data.into_iter().find(for_chat);
        let missing = || {
            Fault::unavailable(format!(
                "The model server at {} lists no chat model; load one or name it.",
                self.base
            ))
        };
        first.map(|listed| listed.id).ok_or_else(missing)
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }

    /// Sends a request; anything but success becomes the fault that Bedrock would answer.
    async fn send(&self, request: RequestBuilder) -> Result<Response, Fault> {
        let response = request.send().await.map_err(|error| self.failed(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.text().await.unwrap_or_default();
        Err(Fault::from_upstream(
            status.as_u16(),
            format!("The model server answered {status}: {}", reason(&body)),
        ))
    }

    async fn json<T: for<'de> Deserialize<'de>>(&self, response: Response) -> Result<T, Fault> {
        let body = response.bytes().await.map_err(|error| self.failed(&error))?;
        serde_json::from_slice(&body).map_err(|error| {
            Fault::model(format!(
                "The model server at {} answered something else than expected: {error}.",
                self.base
            ))
        })
    }

    /// A request that got no answer.
    fn failed(&self, error: &reqwest::Error) -> Fault {
        let base = &self.base;
        tracing::warn!(error = error as &dyn std::error::Error, %base, "no answer from the model server");
        if error.is_connect() {
            Fault::unavailable(format!(
                "The model server at {base} cannot be reached. Start it, or check its address."
            ))
        } else if error.is_timeout() {
            Fault::timeout(format!(
                "The model server at {base} said nothing for {} seconds.",
                SILENCE.as_secs()
            ))
        } else {
            Fault::unavailable(format!(
                "The model server at {base} closed the connection before it answered."
            ))
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The sentence in an OpenAI-style error body, or the body itself, shortened.
fn reason(body: &str) -> String {
    let parsed: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let error = &parsed["error"];
    let message = error["message"]
        .as_str()
        .or(error.as_str())
        .or(parsed["message"].as_str())
        .unwrap_or(body)
        .trim();
    let message = if message.is_empty() { "no reason given" } else { message };
    message.chars().take(MOST_MESSAGE).collect()
}

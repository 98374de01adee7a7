//! A receiver of webhooks: a real server that remembers what it heard.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, response::IntoResponse, response::Response};
use futures::future::BoxFuture;
use http::HeaderMap;
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::task::JoinHandle;

use super::until;

/// One request that it heard.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: String,
}

impl Heard {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// Whether the specification's own library takes it as signed with this secret, now.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let webhook = Webhook::new(secret).unwrap();
        webhook.verify(self.body.as_bytes(), &self.headers).is_ok()
    }
}

type Answer = Arc<dyn Fn(usize, Heard) -> BoxFuture<'static, Response> + Send + Sync>;

/// A server on this machine.
pub struct Receiver {
    /// Where it listens.
    pub url: String,
    heard: Arc<Mutex<Vec<Heard>>>,
    server: JoinHandle<()>,
}

impl Receiver {
    /// One that takes everything.
    pub async fn new() -> Self {
        Self::answering(|_, _| Box::pin(async { http::StatusCode::NO_CONTENT.into_response() })).await
    }

    /// One that answers with this status.
    pub async fn with_status(status: u16) -> Self {
        let status = http::StatusCode::from_u16(status).unwrap();
        Self::answering(move |_, _| Box::pin(async move { (status, "what it says").into_response() })).await
    }

    /// One that answers as `answer` says, which is told how many it heard before.
    pub async fn answering(
        answer: impl Fn(usize, Heard) -> BoxFuture<'static, Response> + Send + Sync + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (memory, answer): (_, Answer) = (Arc::clone(&heard), Arc::new(answer));
        let handler = move |headers: HeaderMap, body: Bytes| {
            let (memory, answer) = (Arc::clone(&memory), Arc::clone(&answer));
            async move {
                let one = Heard {
                    headers,
                    body: String::from_utf8(body.to_vec()).unwrap(),
                };
                let before = {
                    let mut memory = memory.lock().unwrap();
                    memory.push(one.clone());
                    memory.len() - 1
                };
                answer(before, one).await
            }
        };
        let router = Router::new().route("/hook", axum::routing::post(handler));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, heard, server }
    }

    /// What it heard so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// Waits until it heard so many.
    pub async fn hears(&self, count: usize) -> Vec<Heard> {
        until("a receiver to hear", async || {
            let heard = self.heard();
            (heard.len() >= count).then_some(heard)
        })
        .await
    }

    /// Waits until it heard all of these kinds of events.
    pub async fn hears_kinds(&self, kinds: &[&str]) -> Vec<Heard> {
        let wanted: BTreeSet<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        until("a receiver to hear of everything", async || {
            let heard = self.heard();
            let known: BTreeSet<String> = heard
                .iter()
                .map(|heard| heard.json()["type"].as_str().unwrap().to_owned())
                .collect();
            wanted.is_subset(&known).then_some(heard)
        })
        .await
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

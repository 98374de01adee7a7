//! Tests of the server over HTTP.

mod analyzers;
mod conformance;
mod cranfield;
mod durability;
mod refusals;
mod requests;
mod samples;

use std::path::Path;

use serde_json::Value;

use crate::Node;

thread_local! {
    /// One client per test: a connection does not outlive the runtime that it was made in.
    static CLIENT: reqwest::Client = reqwest::Client::new();
}

/// A server on a port of its own, for as long as the test runs.
pub(super) struct Running {
    pub(super) node: Node,
    pub(super) url: String,
}

pub(super) async fn run(dir: &Path) -> Running {
    let node = crate::open(dir).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = crate::router(node.clone());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Running { node, url }
}

/// Sends one request; `body` is JSON, or lines of JSON where the path takes these.
pub(super) async fn send(url: &str, method: &str, path: &str, body: impl Into<String>) -> (u16, Value) {
    let lines = path.contains("_bulk") || path.contains("_msearch");
    let kind = if lines {
        "application/x-ndjson"
    } else {
        "application/json"
    };
    let method = method.parse().unwrap();
    let request = CLIENT
        .with(reqwest::Client::clone)
        .request(method, format!("{url}{path}"))
        .header("content-type", kind);
    let answer = request.body(body.into()).send().await.unwrap();
    let status = answer.status().as_u16();
    (
        status,
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or(Value::Null),
    )
}

/// The ids of a search's hits, in order.
pub(super) fn ids(answer: &Value) -> Vec<&str> {
    answer["hits"]["hits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hit| hit["_id"].as_str().unwrap())
        .collect()
}

//! A proxy that counts the requests that pass, and the capacity units that DynamoDB says they took.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use serde_json::Value;

use crate::Outcome;

/// A request that passed.
#[derive(Clone, Debug)]
pub struct Passed {
    /// The service.
    pub service: &'static str,
    /// What was asked for.
    pub kind: String,
    /// Capacity units, of DynamoDB.
    pub units: f64,
    /// What DynamoDB was asked.
    pub body: Value,
}

impl Passed {
    /// Whether it wrote, where it went to DynamoDB.
    pub fn writes(&self) -> bool {
        !["GetItem", "BatchGetItem", "Query", "TransactGetItems"].contains(&self.kind.as_str())
    }
}

/// How many there are of each kind.
pub fn by_kind(passed: &[Passed]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for each in passed {
        *counts.entry(format!("{} {}", each.service, each.kind)).or_default() += 1;
    }
    counts
}

/// The requests that passed.
#[derive(Clone, Default)]
pub struct Counts(Arc<Mutex<Vec<Passed>>>);

impl Counts {
    /// What passed since the last time, by kind.
    pub fn take(&self) -> BTreeMap<String, usize> {
        by_kind(&self.take_each())
    }

    /// What passed since the last time, one by one.
    pub fn take_each(&self) -> Vec<Passed> {
        self.0
            .lock()
            .map(|mut passed| std::mem::take(&mut *passed))
            .unwrap_or_default()
    }

    fn add(&self, passed: Passed) {
        if let Ok(mut all) = self.0.lock() {
            all.push(passed);
        }
    }
}

#[derive(Clone)]
struct Proxy {
    to: String,
    service: &'static str,
    counts: Counts,
    client: reqwest::Client,
}

/// Serves a proxy to `to` on a free port; gives its URL.
pub async fn serve(service: &'static str, to: &str, counts: &Counts) -> Outcome<String> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let proxy = Proxy {
        to: to.trim_end_matches('/').to_owned(),
        service,
        counts: counts.clone(),
        client,
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let router = Router::new().fallback(pass).with_state(proxy);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(url)
}

async fn pass(State(proxy): State<Proxy>, request: Request) -> Response {
    match forward(&proxy, request).await {
        Ok(response) => response,
        Err(error) => (http::StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

async fn forward(proxy: &Proxy, request: Request) -> Outcome<Response> {
    let (mut parts, body) = request.into_parts();
    let target = parts
        .headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok()?.rsplit('.').next());
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let kind = target.map_or_else(|| path.rsplit('/').next().unwrap_or_default().to_owned(), str::to_owned);
    let body = axum::body::to_bytes(body, usize::MAX).await?;
    let (sent, asked) = match proxy.service {
        "DynamoDB" => with_units(&body)?,
        _ => (body, Value::Null),
    };
    parts.headers.remove("content-length");
    let forwarded = proxy
        .client
        .request(parts.method, format!("{}{path}", proxy.to))
        .headers(parts.headers)
        .body(sent);
    let answer = forwarded.send().await?;
    let mut response = Response::builder().status(answer.status());
    if let Some(headers) = response.headers_mut() {
        headers.clone_from(answer.headers());
        headers.remove("transfer-encoding");
    }
    let mut passed = Passed {
        service: proxy.service,
        kind,
        units: 0.0,
        body: asked,
    };
    if proxy.service != "DynamoDB" {
        proxy.counts.add(passed);
        return Ok(response.body(Body::from_stream(answer.bytes_stream()))?);
    }
    let answer = answer.bytes().await?;
    passed.units = units(&serde_json::from_slice(&answer).unwrap_or_default());
    proxy.counts.add(passed);
    Ok(response.body(Body::from(answer))?)
}

/// The request with the wish to be told what it took.
fn with_units(body: &Bytes) -> Outcome<(Bytes, Value)> {
    let mut asked: Value = serde_json::from_slice(body)?;
    asked["ReturnConsumedCapacity"] = "TOTAL".into();
    Ok((serde_json::to_vec(&asked)?.into(), asked))
}

/// What an answer of DynamoDB says that it took, of one table or of several.
fn units(answer: &Value) -> f64 {
    let of = |one: &Value| one["CapacityUnits"].as_f64().unwrap_or_default();
    match &answer["ConsumedCapacity"] {
        Value::Array(tables) => tables.iter().map(of).sum(),
        one => of(one),
    }
}

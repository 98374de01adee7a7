//! A proxy that counts the requests that pass.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};

use crate::Outcome;

/// Requests by kind.
#[derive(Clone, Default)]
pub struct Counts(Arc<Mutex<BTreeMap<String, usize>>>);

impl Counts {
    /// What passed since the last time.
    pub fn take(&self) -> BTreeMap<String, usize> {
        self.0
            .lock()
            .map(|mut counts| std::mem::take(&mut *counts))
            .unwrap_or_default()
    }

    fn add(&self, kind: String) {
        if let Ok(mut counts) = self.0.lock() {
            *counts.entry(kind).or_default() += 1;
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
    let (parts, body) = request.into_parts();
    let target = parts
        .headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok()?.rsplit('.').next());
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let kind = target.map_or_else(|| path.rsplit('/').next().unwrap_or_default().to_owned(), str::to_owned);
    proxy.counts.add(format!("{} {kind}", proxy.service));
    let forwarded = proxy
        .client
        .request(parts.method, format!("{}{path}", proxy.to))
        .headers(parts.headers)
        .body(reqwest::Body::wrap_stream(body.into_data_stream()));
    match forwarded.send().await {
        Ok(answer) => {
            let mut response = Response::builder().status(answer.status());
            if let Some(headers) = response.headers_mut() {
                headers.clone_from(answer.headers());
                headers.remove("transfer-encoding");
            }
            response
                .body(Body::from_stream(answer.bytes_stream()))
                .unwrap_or_default()
        }
        Err(error) => (http::StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

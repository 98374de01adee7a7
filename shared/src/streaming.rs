//! Streamed answers on their way to Lambda, each piece at once.
//!
//! The runtime's own client leaves Nagle's algorithm on and writes the beginning of an answer (head, prelude, delimiter)
//! in parts, so that the last one waits until the other side's kernel acknowledges the one before: 40 ms on Linux, before
//! every first piece. Here the beginning is one part, and nothing waits.

use std::{panic::AssertUnwindSafe, sync::Arc};

use axum::{Router, body::Body};
use bytes::Bytes;
use futures::{FutureExt, StreamExt, stream};
use http::{HeaderName, HeaderValue, Request, header};
use hyper_util::client::legacy::connect::HttpConnector;
use lambda_http::{
    Error, Service, StreamAdapter,
    lambda_runtime::{
        Diagnostic, LambdaEvent, LambdaInvocation, Runtime, StreamResponse, layers::TracingLayer, service_fn,
        tower::layer::layer_fn,
    },
    request::LambdaRequest,
};
use lambda_runtime_api_client::{Client, ClientBuilder, body, build_request};
use serde::de::IgnoredAny;

/// What ends the prelude.
const DELIMITER: [u8; 8] = [0; 8];
/// One of several invocations with one request id.
const INVOCATION: HeaderName = HeaderName::from_static("lambda-runtime-invocation-id");

/// Runs an HTTP function whose answers are streamed.
///
/// # Errors
/// When the runtime ends.
pub async fn run(router: Router) -> Result<(), Error> {
    let client = Arc::new(at_once().build()?);
    // The layer takes the place of what would answer by the runtime's own client.
    let unused = service_fn(async |_: LambdaEvent<IgnoredAny>| Ok::<_, Error>(()));
    let answering = layer_fn(|_| {
        let (router, client) = (router.clone(), Arc::clone(&client));
        service_fn(move |invocation| answer(router.clone(), Arc::clone(&client), invocation))
    });
    Runtime::new(unused)
        .layer(answering)
        .layer(TracingLayer::new())
        .run()
        .await
}

/// A client that sends each part when it is written.
fn at_once() -> ClientBuilder {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder().with_connector(connector)
}

/// Answers one event; returns when the answer has been sent to its end.
async fn answer(router: Router, client: Arc<Client>, invocation: LambdaInvocation) -> Result<(), Error> {
    let path = format!("/2018-06-01/runtime/invocation/{}", invocation.context.request_id);
    let one_of_several = invocation.parts.headers.get(INVOCATION).cloned();
    let mut request = match AssertUnwindSafe(begun(router, invocation)).catch_unwind().await {
        Ok(Ok(response)) => streamed(&path, response)?,
        Ok(Err(why)) => failed(&path, "Runtime.UnmarshalError", why.to_string())?,
        // Where it was is in the log by now.
        Err(_) => failed(&path, "Runtime.Panic", "the function panicked".to_owned())?,
    };
    if let Some(id) = one_of_several {
        request.headers_mut().insert(INVOCATION, id);
    }
    let status = client.call(request).await?.status();
    if !status.is_success() {
        tracing::error!(%status, "Lambda did not take the answer");
    }
    Ok(())
}

/// Runs the function until status and headers are there.
async fn begun(
    router: Router,
    invocation: LambdaInvocation,
) -> Result<StreamResponse<impl futures::Stream<Item = Result<Bytes, axum::Error>> + Send + 'static>, Error> {
    let event: LambdaRequest = serde_json::from_slice(&invocation.body)?;
    let event = LambdaEvent::new(event, invocation.context);
    Ok(StreamAdapter::from(router).call(event).await?)
}

fn streamed(
    path: &str,
    mut response: StreamResponse<impl futures::Stream<Item = Result<Bytes, axum::Error>> + Send + 'static>,
) -> Result<Request<body::Body>, Error> {
    let headers = &mut response.metadata_prelude.headers;
    headers
        .entry(header::CONTENT_TYPE)
        .or_insert(HeaderValue::from_static("application/octet-stream"));
    let mut beginning = serde_json::to_vec(&response.metadata_prelude)?;
    beginning.extend(DELIMITER);
    let beginning = stream::once(std::future::ready(Ok(Bytes::from(beginning))));
    let request = build_request()
        .method("POST")
        .uri(format!("{path}/response"))
        .header("lambda-runtime-function-response-mode", "streaming")
        .header(
            header::CONTENT_TYPE,
            "application/vnd.awslambda.http-integration-response",
        );
    Ok(request.body(body::Body::new(Body::from_stream(beginning.chain(response.stream))))?)
}

fn failed(path: &str, error_type: &str, error_message: String) -> Result<Request<body::Body>, Error> {
    tracing::error!(error_type, error_message, "the event was not answered");
    let diagnostic = Diagnostic {
        error_type: error_type.to_owned(),
        error_message,
    };
    let request = build_request()
        .method("POST")
        .uri(format!("{path}/error"))
        .header("lambda-runtime-function-error-type", error_type);
    Ok(request.body(serde_json::to_vec(&diagnostic)?.into())?)
}

#[cfg(test)]
mod tests;

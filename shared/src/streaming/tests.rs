//! Answers as the Runtime API receives them.

use std::time::{Duration, Instant};

use axum::{
    extract::State,
    http::{HeaderMap, Uri},
    routing,
};
use lambda_http::lambda_runtime::Context;
use tokio::{net::TcpListener, sync::mpsc};

use super::*;

/// What was posted: path, headers, and when each part of the body came.
type Posted = (String, HeaderMap, Vec<(Instant, Bytes)>);

async fn take(
    State(posted): State<mpsc::UnboundedSender<Posted>>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> http::StatusCode {
    let parts = body.into_data_stream().map(|part| (Instant::now(), part.unwrap()));
    posted
        .send((uri.path().to_owned(), headers, parts.collect().await))
        .unwrap();
    http::StatusCode::ACCEPTED
}

/// A Runtime API, and a client of it.
async fn api() -> (Arc<Client>, mpsc::UnboundedReceiver<Posted>) {
    let (sender, posted) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(routing::post(take)).with_state(sender);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let client = at_once().with_endpoint(url.parse().unwrap()).build().unwrap();
    (Arc::new(client), posted)
}

fn invocation(body: &str) -> LambdaInvocation {
    let mut context = Context::default();
    context.request_id = "r-1".to_owned();
    let (parts, ()) = http::Response::new(()).into_parts();
    LambdaInvocation {
        parts,
        body: Bytes::from(body.to_owned()),
        context,
    }
}

/// The sample event that asks for this path.
fn event(path: &str) -> LambdaInvocation {
    let sample = include_str!("../../../events/chat.json").replace("/api/ai/chat/stream", path);
    invocation(&sample.replace("/api/ai/chat", path))
}

fn function() -> Router {
    let pieces = || {
        let pieces = stream::iter(["one", "two"]).then(async |piece| {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok::<_, std::io::Error>(piece)
        });
        Body::from_stream(pieces)
    };
    Router::new()
        .route("/pieces", routing::any(async move || pieces()))
        .route(
            "/panics",
            routing::any(async || -> &'static str { panic!("on purpose") }),
        )
}

#[tokio::test]
async fn a_streamed_answer_is_prelude_delimiter_and_pieces_and_none_of_them_waits_for_an_acknowledgement() {
    let (client, mut posted) = api().await;
    let mut took = Vec::new();
    for _ in 0..21 {
        let begun = Instant::now();
        answer(function(), Arc::clone(&client), event("/pieces")).await.unwrap();
        let (path, headers, parts) = posted.recv().await.unwrap();
        assert_eq!(path, "/2018-06-01/runtime/invocation/r-1/response");
        assert_eq!(headers["lambda-runtime-function-response-mode"], "streaming");
        let body: Vec<u8> = parts.iter().flat_map(|(_, part)| part.to_vec()).collect();
        let (prelude, rest) = body.split_at(body.iter().position(|byte| *byte == 0).unwrap());
        let prelude: serde_json::Value = serde_json::from_slice(prelude).unwrap();
        assert_eq!(prelude["statusCode"], 200);
        assert_eq!(rest, b"\0\0\0\0\0\0\0\0onetwo");
        assert_eq!(parts[1].1, DELIMITER.as_slice(), "it is a part of its own");
        took.push(parts[0].0 - begun);
    }
    took.sort();
    assert!(took[10] < Duration::from_millis(30), "{took:?}");
}

#[tokio::test]
async fn what_cannot_be_answered_is_an_error_and_the_process_lives() {
    let (client, mut posted) = api().await;
    for (invocation, error_type) in [
        (event("/panics"), "Runtime.Panic"),
        (invocation("{}"), "Runtime.UnmarshalError"),
    ] {
        answer(function(), Arc::clone(&client), invocation).await.unwrap();
        let (path, headers, parts) = posted.recv().await.unwrap();
        assert_eq!(path, "/2018-06-01/runtime/invocation/r-1/error");
        assert_eq!(headers["lambda-runtime-function-error-type"], error_type);
        let told: Diagnostic = serde_json::from_slice(&parts[0].1).unwrap();
        assert_eq!(told.error_type, error_type);
    }
}

//! The gateway over real connections, with functions made for the purpose.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::{Json, Router, extract::Request as Extracted, routing};
use futures::{StreamExt, stream};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;
use crate::server::{Layer, serve};

const TEMPLATE: &str = r#"
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      BinaryMediaTypes: [multipart~1form-data, application~1octet-stream]
      GatewayResponses:
        REQUEST_TOO_LARGE:
          StatusCode: 413
          ResponseTemplates: {application/json: '{"error":"too large","code":"too_large","request_id":"$context.requestId"}'}
        INTEGRATION_FAILURE:
          StatusCode: 502
          ResponseTemplates: {application/json: '{"error":"failed","code":"internal","request_id":"$context.requestId"}'}
  ChatFunction:
    Type: AWS::Serverless::Function
    Properties:
      Timeout: 5
      Events:
        A: {Type: Api, Properties: {Path: "/stream/{proxy+}", Method: ANY, ResponseTransferMode: RESPONSE_STREAM, TimeoutInMillis: 700}}
  PlainFunction:
    Type: AWS::Serverless::Function
    Properties:
      Timeout: 1
      Events:
        A: {Type: Api, Properties: {Path: "/{proxy+}", Method: ANY}}
"#;

static ENDED: LazyLock<AtomicUsize> = LazyLock::new(AtomicUsize::default);

/// Three pieces, 80 ms apart.
async fn pieces() -> Body {
    Body::from_stream(stream::iter(0..3).then(|n| async move {
        tokio::time::sleep(Duration::from_millis(80)).await;
        if n == 2 {
            ENDED.fetch_add(1, Ordering::SeqCst);
        }
        Ok::<_, std::io::Error>(Bytes::from(format!("data: {n}\n\n")))
    }))
}

async fn echo(request: Extracted) -> Json<Value> {
    let context = request
        .extensions()
        .get::<lambda_http::request::RequestContext>()
        .cloned();
    let Some(lambda_http::request::RequestContext::ApiGatewayV1(context)) = context else {
        panic!("no context")
    };
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    let length = axum::body::to_bytes(request.into_body(), usize::MAX)
        .await
        .unwrap()
        .len();
    Json(json!({
        "method": method, "path": path, "length": length,
        "source_ip": context.identity.source_ip, "request_id": context.request_id,
    }))
}

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_secs(30)).await;
    "late"
}

async fn broken() -> &'static str {
    panic!("on purpose")
}

async fn start() -> (String, Layer, Arc<Gateway>) {
    let template = Template::parse(TEMPLATE, "t").unwrap();
    let streaming = Router::new()
        .route("/stream/pieces", routing::get(pieces))
        .route(
            "/stream/endless",
            routing::get(|| async { Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>()) }),
        )
        .route("/stream/broken", routing::get(broken));
    let plain = Router::new()
        .route("/slow", routing::get(slow))
        .route("/broken", routing::get(broken))
        .route(
            "/binary",
            routing::get(|| async { ([(header::CONTENT_TYPE, "application/octet-stream")], vec![0_u8, 159]) }),
        )
        .fallback(echo);
    let routers = HashMap::from([("chat".to_owned(), streaming), ("plain".to_owned(), plain)]);
    let gateway = Arc::new(Gateway::new(&template, &template.functions().unwrap(), &routers, || ()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut layer = Layer::default();
    let served = Arc::clone(&gateway);
    let handler = move |request, peer| {
        let gateway = Arc::clone(&served);
        async move { gateway.handle(request, peer).await }
    };
    layer.tasks.spawn(serve(handler, listener, layer.stop.subscribe()));
    (url, layer, gateway)
}

fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

#[tokio::test]
async fn a_stream_arrives_piece_by_piece() {
    let (url, _layer, _) = start().await;
    let began = Instant::now();
    let response = client().get(format!("{url}/stream/pieces")).send().await.unwrap();
    let mut pieces = response.bytes_stream();
    let mut arrivals = Vec::new();
    while let Some(piece) = pieces.next().await {
        assert!(piece.unwrap().ends_with(b"\n\n"), "a piece is whole");
        arrivals.push(began.elapsed());
    }
    assert_eq!(arrivals.len(), 3);
    assert!(arrivals[2] - arrivals[0] > Duration::from_millis(120), "{arrivals:?}");
}

#[tokio::test]
async fn a_function_goes_on_when_its_client_leaves() {
    let (url, _layer, _) = start().await;
    let before = ENDED.load(Ordering::SeqCst);
    let mut response = client().get(format!("{url}/stream/pieces")).send().await.unwrap();
    response.chunk().await.unwrap();
    drop(response);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(ENDED.load(Ordering::SeqCst) > before);
}

#[tokio::test]
async fn a_stream_is_cut_at_its_limit() {
    let (url, _layer, _) = start().await;
    let began = Instant::now();
    let response = client().get(format!("{url}/stream/endless")).send().await.unwrap();
    assert!(response.bytes().await.is_err());
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn the_function_sees_what_was_sent_and_by_whom() {
    let (url, _layer, _) = start().await;
    let request = client()
        .post(format!("{url}/x/y?z=1"))
        .body("hello")
        .header("x-forwarded-for", "9.9.9.9");
    let response = request.send().await.unwrap();
    let id = response.headers()["x-amzn-requestid"].to_str().unwrap().to_owned();
    let seen: Value = response.json().await.unwrap();
    assert_eq!(
        (&seen["method"], &seen["path"], &seen["length"]),
        (&json!("POST"), &json!("/x/y"), &json!(5))
    );
    assert_eq!(seen["source_ip"], "127.0.0.1");
    assert_eq!(seen["request_id"], id);
}

#[tokio::test]
async fn ten_megabytes_and_one_byte_are_too_large_and_so_is_an_event_of_six() {
    let (url, _layer, _) = start().await;
    for (length, media_type, fits) in [
        (limits::MAX_REQUEST + 1, "text/plain", false),
        (6 * 1024 * 1024, "text/plain", false),
        (5 * 1024 * 1024, "application/octet-stream", false),
        (5 * 1024 * 1024, "text/plain", true),
        (4 * 1024 * 1024, "multipart/form-data; boundary=x", true),
    ] {
        let request = client()
            .post(format!("{url}/x"))
            .header("content-type", media_type)
            .body(vec![b'a'; length]);
        let response = request.send().await.unwrap();
        let status = response.status();
        let body: Value = response.json().await.unwrap();
        if fits {
            assert_eq!((status, &body["length"]), (StatusCode::OK, &json!(length)));
        } else {
            assert_eq!(
                (status, &body["code"]),
                (StatusCode::PAYLOAD_TOO_LARGE, &json!("too_large")),
                "{length} {media_type}"
            );
            assert!(body["request_id"].as_str().unwrap().len() > 10);
        }
    }
}

#[tokio::test]
async fn a_panic_is_a_502_and_the_process_lives() {
    let (url, _layer, _) = start().await;
    for path in ["/broken", "/stream/broken"] {
        let response = client().get(format!("{url}{path}")).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
        assert_eq!(response.json::<Value>().await.unwrap()["code"], "internal");
    }
    assert!(
        client()
            .get(format!("{url}/x"))
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );
}

#[tokio::test]
async fn a_function_that_takes_too_long_is_a_504() {
    let (url, _layer, _) = start().await;
    let response = client().get(format!("{url}/slow")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
}

#[tokio::test]
async fn binary_answers_are_decoded_for_those_who_accept_them() {
    let (url, _layer, _) = start().await;
    let get = |accept: &'static str| client().get(format!("{url}/binary")).header("accept", accept).send();
    assert_eq!(
        get("application/octet-stream").await.unwrap().bytes().await.unwrap(),
        [0, 159].as_slice()
    );
    assert_eq!(get("*/*").await.unwrap().text().await.unwrap(), "AJ8=");
}

#[tokio::test]
async fn head_and_unready_health() {
    let (url, _layer, gateway) = start().await;
    let head = client().head(format!("{url}/x")).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
    assert!(head.bytes().await.unwrap().is_empty());
    let health = || client().get(format!("{url}/api/health")).send();
    assert_eq!(health().await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    gateway.set_ready();
    assert_eq!(health().await.unwrap().status(), StatusCode::OK);
}

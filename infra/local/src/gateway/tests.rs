//! The gateway over real connections, with functions made for the purpose.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::{Json, Router, extract::Request as Extracted, response::AppendHeaders, routing};
use futures::{StreamExt, stream};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::server::{Layer, serve};

const TEMPLATE: &str = r#"
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      BinaryMediaTypes: [multipart~1form-data, application~1octet-stream]
      GatewayResponses:
        DEFAULT_4XX:
          ResponseTemplates: {application/json: '{"error":$context.error.messageString,"code":"invalid_request","request_id":"$context.requestId"}'}
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

/// Headers of several values each.
async fn many() -> (
    [(&'static str, &'static str); 4],
    AppendHeaders<[(&'static str, &'static str); 2]>,
    &'static str,
) {
    let first = [
        ("vary", "origin"),
        ("set-cookie", "a=1"),
        ("x-one", "1"),
        ("content-type", "text/plain"),
    ];
    (
        first,
        AppendHeaders([("vary", "accept"), ("set-cookie", "b=2; Path=/")]),
        "many",
    )
}

/// Sends bytes as they are and reads until the server closes.
async fn raw(url: &str, request: &str) -> String {
    let address = url.strip_prefix("http://").unwrap();
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn start() -> (String, Layer, Arc<Gateway>) {
    let template = Template::parse(TEMPLATE, "t").unwrap();
    let streaming = Router::new()
        .route("/stream/pieces", routing::get(pieces))
        .route(
            "/stream/endless",
            routing::get(|| async { Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>()) }),
        )
        .route("/stream/broken", routing::get(broken))
        .route("/stream/many", routing::any(many));
    let plain = Router::new()
        .route("/slow", routing::get(slow))
        .route("/broken", routing::get(broken))
        .route("/many", routing::any(many))
        .route(
            "/binary",
            routing::get(|| async { ([(header::CONTENT_TYPE, "application/octet-stream")], vec![0_u8, 159]) }),
        )
        .fallback(echo);
    let routers = HashMap::from([
        ("chat".to_owned(), HttpFunction::Here(streaming)),
        ("plain".to_owned(), HttpFunction::Here(plain)),
    ]);
    let gateway = Arc::new(Gateway::new(&template, &template.functions().unwrap(), &routers, || ()));
    let (url, layer) = served(Arc::clone(&gateway)).await;
    (url, layer, gateway)
}

async fn served(gateway: Arc<Gateway>) -> (String, Layer) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut layer = Layer::default();
    let handler = move |request, peer| {
        let gateway = Arc::clone(&gateway);
        async move { gateway.handle(request, peer).await }
    };
    layer.tasks.spawn(serve(handler, listener, layer.stop.subscribe()));
    (url, layer)
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

#[tokio::test]
async fn options_reaches_the_function_and_headers_of_several_values_survive() {
    let (url, _layer, _) = start().await;
    let seen = client().request(Method::OPTIONS, format!("{url}/x"));
    let seen: Value = seen
        .header("origin", "https://example.com")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(seen["method"], "OPTIONS");
    for path in ["/many", "/stream/many"] {
        for method in [Method::GET, Method::OPTIONS] {
            let response = client().request(method, format!("{url}{path}")).send().await.unwrap();
            let all = |name: &str| response.headers().get_all(name).iter().cloned().collect::<Vec<_>>();
            assert_eq!(all("vary"), ["origin", "accept"], "{path}");
            assert_eq!(all("set-cookie"), ["a=1", "b=2; Path=/"], "{path}");
            assert_eq!(all("x-one"), ["1"], "{path}");
        }
    }
}

#[tokio::test]
async fn an_answer_to_head_is_headers_only() {
    let (url, _layer, _) = start().await;
    for path in ["/x", "/many", "/stream/many", "/broken"] {
        let head = format!("HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = raw(&url, &head).await;
        assert!(
            answer.starts_with("HTTP/1.1 ") && answer.ends_with("\r\n\r\n"),
            "{answer}"
        );
        assert_eq!(answer.matches("\r\n\r\n").count(), 1, "{answer}");
    }
}

#[tokio::test]
async fn a_malformed_body_is_a_400_that_says_so() {
    let (url, _layer, _) = start().await;
    let head = "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    for body in [
        "zz\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "5\r\nhello\r\nnonsense\r\n",
    ] {
        let answer = raw(&url, &format!("{head}{body}")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        let (_, json) = answer.split_once("\r\n\r\n").unwrap();
        let json: Value = serde_json::from_str(json).unwrap();
        assert_eq!(json["code"], "invalid_request");
        assert!(json["error"].as_str().unwrap().contains("body is malformed"), "{json}");
    }
}

#[tokio::test]
async fn the_mailbox_is_answered_before_any_route() {
    let folder = tempfile::tempdir().unwrap();
    let mailbox = Mailbox::open(&folder.path().join("mailbox.jsonl")).unwrap();
    let mail = |to: &str| crate::mailbox::Mail::now("d@localhost".into(), vec![to.into()], "s".into(), None, None);
    mailbox.add(mail("ann@example.com")).unwrap();
    let template = Template::parse(TEMPLATE, "t").unwrap();
    let routers = HashMap::from([("plain".to_owned(), HttpFunction::Here(Router::new().fallback(echo)))]);
    let gateway = Gateway::new(&template, &template.functions().unwrap(), &routers, || ()).with_mailbox(mailbox);
    let (url, _layer) = served(Arc::new(gateway)).await;
    let page = format!("{url}{}", mailbox::PATH);
    let list = |query: &str| client().get(format!("{page}{query}")).send();
    assert_eq!(
        list("?to=bob@example.com")
            .await
            .unwrap()
            .json::<Value>()
            .await
            .unwrap(),
        json!({ "data": [] })
    );
    let found: Value = list("?to=Ann@example.com").await.unwrap().json().await.unwrap();
    assert_eq!(found["data"][0]["to"], json!(["ann@example.com"]));
    let html = client().get(&page).header("accept", "text/html").send().await.unwrap();
    assert!(html.text().await.unwrap().contains("ann@example.com"));
    assert_eq!(
        client().delete(&page).send().await.unwrap().status(),
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        list("").await.unwrap().json::<Value>().await.unwrap(),
        json!({ "data": [] })
    );
    let routed: Value = client()
        .get(format!("{page}/x"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(routed["path"], "/_local/mail/x");
}

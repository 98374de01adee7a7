//! The relay against a stand-in for an OpenAI-compatible server.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use aws_sdk_bedrockruntime::types::{ConversationRole, InferenceConfiguration};
use axum::{
    Json, Router,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use serde_json::{Value, json};

use super::server::{client, invoke, message, serve, stream, system, user};
use crate::Model;

/// What the stand-in was sent.
type Seen = Arc<Mutex<Vec<Value>>>;

/// A stand-in whose manner follows the user's last message.
async fn upstream() -> (String, Seen) {
    let seen = Seen::default();
    let router = Router::new()
        .route(
            "/v1/models",
            get(|| async {
                Json(json!({ "data": [{ "id": "nomic-embed-text" }, { "id": "first" }, { "id": "second" }] }))
            }),
        )
        .route("/v1/chat/completions", post(chat))
        .route("/v1/embeddings", post(embeddings))
        .with_state(Arc::clone(&seen));
    (serve(router).await + "/v1", seen)
}

async fn chat(State(seen): State<Seen>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let text = body["messages"].as_array().unwrap().last().unwrap()["content"]
        .as_str()
        .unwrap()
        .to_owned();
    let key = headers.get("authorization").map(|key| key.to_str().unwrap().to_owned());
    seen.lock().unwrap().push(json!({ "body": body, "key": key }));
    if let Ok(status) = text.parse::<u16>() {
        let error = json!({ "error": { "message": format!("told to say {status}") } });
        return (StatusCode::from_u16(status).unwrap(), Json(error)).into_response();
    }
    if body["stream"] == false {
        return Json(json!({
            "choices": [{ "message": { "role": "assistant", "content": "Whole answer" }, "finish_reason": "length" }],
            "usage": { "prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18 },
        }))
        .into_response();
    }
    Body::from_stream(script(text)).into_response()
}

fn delta(text: &str) -> String {
    format!(
        "data: {}\n\n",
        json!({ "choices": [{ "index": 0, "delta": { "content": text }, "finish_reason": null }] })
    )
}

fn script(manner: String) -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> {
    async_stream::stream! {
        yield Ok(Bytes::from(": hello\n\n".to_owned() + &delta("One") + &delta(" two\n\"three\"")));
        match manner.as_str() {
            "cut" => {
                tokio::time::sleep(Duration::from_millis(20)).await;
                yield Err(std::io::Error::other("cut"));
            }
            "end" => {}
            "garbage" => yield Ok(Bytes::from("data: {nonsense\n\n")),
            "gives up" => yield Ok(Bytes::from("data: {\"error\":{\"message\":\"out of memory\"}}\n\n")),
            "slow" => {
                tokio::time::sleep(Duration::from_millis(400)).await;
                yield Ok(Bytes::from(delta(" late") + "data: [DONE]\n\n"));
            }
            _ => {
                yield Ok(Bytes::from("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"));
                let usage = json!({ "choices": [], "usage": { "prompt_tokens": 21, "completion_tokens": 3 } });
                yield Ok(Bytes::from(format!("data: {usage}\n\ndata: [DONE]\n\n")));
            }
        }
    }
}

async fn embeddings(State(seen): State<Seen>, Json(body): Json<Value>) -> Json<Value> {
    seen.lock().unwrap().push(body);
    Json(json!({ "data": [{ "index": 0, "embedding": [3.0, 4.0] }], "usage": { "prompt_tokens": 2 } }))
}

#[tokio::test]
async fn a_turn_is_mapped_both_ways() {
    let (url, seen) = upstream().await;
    let sdk = client(Model::relay(&url, None, None, Some("s3cret".to_owned())).unwrap()).await;
    let limits = InferenceConfiguration::builder()
        .max_tokens(9)
        .temperature(0.0)
        .stop_sequences("END")
        .build();
    let call = sdk
        .converse()
        .model_id("any")
        .system(system("Be brief."))
        .inference_config(limits);
    let call = call
        .messages(user("a"))
        .messages(message(ConversationRole::Assistant, "b"))
        .messages(user("c"));
    let sent = call.send().await.unwrap();
    assert_eq!(
        sent.output().unwrap().as_message().unwrap().content[0]
            .as_text()
            .unwrap(),
        "Whole answer"
    );
    assert_eq!(
        (sent.stop_reason().as_str(), sent.usage().unwrap().total_tokens),
        ("max_tokens", 18)
    );
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0]["key"], "Bearer s3cret");
    assert_eq!(
        seen[0]["body"],
        json!({
            "model": "first", "stream": false, "max_tokens": 9, "temperature": 0.0, "stop": ["END"],
            "messages": [
                { "role": "system", "content": "Be brief." }, { "role": "user", "content": "a" },
                { "role": "assistant", "content": "b" }, { "role": "user", "content": "c" },
            ],
        })
    );
}

#[tokio::test]
async fn a_stream_passes_pieces_usage_and_stop_reason() {
    let (url, seen) = upstream().await;
    let sdk = client(Model::relay(&url, Some("second".to_owned()), None, None).unwrap()).await;
    let streamed = stream(&sdk, user("fine")).await;
    assert_eq!(streamed.pieces, ["One", " two\n\"three\""]);
    assert_eq!(
        (streamed.stop.as_str(), streamed.tokens, streamed.error),
        ("end_turn", (21, 3), None)
    );
    let seen = seen.lock().unwrap();
    assert_eq!(
        (
            &seen[0]["body"]["model"],
            &seen[0]["body"]["stream_options"]["include_usage"]
        ),
        (&json!("second"), &json!(true))
    );
}

#[tokio::test]
async fn the_first_piece_does_not_wait_for_the_next() {
    let (url, _) = upstream().await;
    let sdk = client(Model::relay(&url, Some("m".to_owned()), None, None).unwrap()).await;
    let started = Instant::now();
    let mut output = sdk
        .converse_stream()
        .model_id("m")
        .messages(user("slow"))
        .send()
        .await
        .unwrap();
    output.stream.recv().await.unwrap();
    output.stream.recv().await.unwrap();
    assert!(
        started.elapsed() < Duration::from_millis(300),
        "{:?}",
        started.elapsed()
    );
    while output.stream.recv().await.unwrap().is_some() {}
    assert!(started.elapsed() >= Duration::from_millis(400));
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_in_an_exception() {
    let (url, _) = upstream().await;
    let sdk = client(Model::relay(&url, Some("m".to_owned()), None, None).unwrap()).await;
    for manner in ["cut", "end", "garbage", "gives up"] {
        let streamed = stream(&sdk, user(manner)).await;
        assert_eq!(streamed.pieces, ["One", " two\n\"three\""], "{manner}");
        let error = streamed.error.unwrap_or_default();
        assert!(error.contains("ModelStreamErrorException"), "{manner}: {error}");
        assert!(manner != "gives up" || error.contains("out of memory"), "{error}");
    }
}

#[tokio::test]
async fn refusals_of_the_server_become_bedrocks() {
    let (url, _) = upstream().await;
    let sdk = client(Model::relay(&url, Some("m".to_owned()), None, None).unwrap()).await;
    for (status, name) in [
        ("400", "ValidationException"),
        ("401", "AccessDeniedException"),
        ("404", "ResourceNotFoundException"),
        ("429", "ThrottlingException"),
        ("500", "ModelErrorException"),
        ("503", "ServiceUnavailableException"),
        ("504", "ModelTimeoutException"),
    ] {
        let whole = sdk
            .converse()
            .model_id("m")
            .messages(user(status))
            .send()
            .await
            .unwrap_err()
            .into_service_error();
        assert_eq!(whole.meta().code(), Some(name), "{whole:?}");
        assert!(
            whole
                .meta()
                .message()
                .unwrap()
                .contains(&format!("told to say {status}"))
        );
        let streamed = sdk
            .converse_stream()
            .model_id("m")
            .messages(user(status))
            .send()
            .await
            .unwrap_err()
            .into_service_error();
        assert_eq!(streamed.meta().code(), Some(name));
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_to_be_unavailable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let sdk = client(Model::relay(&url, None, None, None).unwrap()).await;
    let error = sdk
        .converse()
        .model_id("m")
        .messages(user("x"))
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(error.is_service_unavailable_exception());
    assert!(error.meta().message().unwrap().contains(&url), "{error:?}");
}

#[tokio::test]
async fn embeddings_are_relayed_only_with_a_model_for_them() {
    let (url, seen) = upstream().await;
    let relayed = Model::relay(&url, None, Some("nomic-embed-text".to_owned()), None).unwrap();
    assert_eq!(relayed.embedding_dimensions().await.unwrap(), Some(2));
    let sdk = client(relayed).await;
    let answer = invoke(&sdk, json!({ "inputText": "x y", "dimensions": 2 }))
        .await
        .unwrap();
    assert!((answer["embedding"][0].as_f64().unwrap() - 0.6).abs() < 1e-6);
    assert_eq!(answer["inputTextTokenCount"], 2);
    let wrong = invoke(&sdk, json!({ "inputText": "x" })).await.unwrap_err();
    assert!(wrong.contains("EMBEDDING_DIMENSIONS to 2"), "{wrong}");
    assert_eq!(seen.lock().unwrap()[0]["model"], "nomic-embed-text");
    let hashed = Model::relay(&url, None, None, None).unwrap();
    assert_eq!(hashed.embedding_dimensions().await.unwrap(), None);
    let sdk = client(hashed).await;
    let answer = invoke(&sdk, json!({ "inputText": "x y" })).await.unwrap();
    assert_eq!(answer["embedding"].as_array().unwrap().len(), 1024);
}

#[test]
fn an_address_or_key_that_cannot_work_is_refused_at_once() {
    for address in ["", "localhost:11434", "ftp://x/v1", "not a url"] {
        assert!(Model::relay(address, None, None, None).is_err(), "{address}");
    }
    let error = Model::relay("http://localhost:1/v1", None, None, Some("a\nb".to_owned())).unwrap_err();
    assert!(error.to_string().contains("API key"));
}

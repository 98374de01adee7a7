//! An OpenAI-compatible model that answers at once: a role, then words, each a frame of its own.

use axum::{
    Json, Router,
    body::Body,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures::stream;
use serde_json::{Value, json};

use crate::Outcome;

/// Words of every answer; they cite the first source.
const WORDS: [&str; 16] = [
    "Staff",
    " get",
    " fifteen",
    " days",
    " of",
    " paid",
    " vacation",
    " a",
    " year",
    " and",
    " may",
    " carry",
    " five",
    " over",
    " [1]",
    ".",
];

/// Serves it on a free port; gives its base URL.
pub async fn serve() -> Outcome<String> {
    let router = Router::new()
        .route("/v1/models", get(async || Json(json!({"data": [{"id": "mock"}]}))))
        .route("/v1/chat/completions", post(complete));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/v1", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(url)
}

async fn complete(Json(body): Json<Value>) -> Response {
    if body["stream"] != true {
        let message = json!({"role": "assistant", "content": "Vacation days"});
        let usage = json!({"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12});
        return Json(
            json!({"id": "x", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}),
        )
        .into_response();
    }
    let chunk = |delta: Value, end: Value| {
        let body = json!({"id": "x", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": end}]});
        Ok::<_, std::convert::Infallible>(format!("data: {body}\n\n"))
    };
    let mut frames = vec![chunk(json!({"role": "assistant", "content": ""}), Value::Null)];
    frames.extend(WORDS.iter().map(|word| chunk(json!({"content": word}), Value::Null)));
    frames.push(chunk(json!({}), json!("stop")));
    frames.push(Ok(format!(
        "data: {}\n\n",
        json!({"choices": [], "usage": {"prompt_tokens": 900, "completion_tokens": 16}})
    )));
    frames.push(Ok("data: [DONE]\n\n".to_owned()));
    (
        [("content-type", "text/event-stream")],
        Body::from_stream(stream::iter(frames)),
    )
        .into_response()
}

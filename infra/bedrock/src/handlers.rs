//! The endpoint's three operations.

use std::time::Instant;

use axum::{
    Json, Router,
    body::Body,
    extract::{DefaultBodyLimit, Path, State},
    http::{Uri, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
use serde_json::{Value, json};
use shared::ids;

use crate::{
    converse::Turn,
    embed,
    fault::Fault,
    frames,
    model::{Answer, Model},
};

/// Bedrock's own limit of a request body, in bytes.
const LARGEST_BODY: usize = 25_000_000;

/// The Bedrock runtime endpoint: `POST /model/{id}/converse`, `/model/{id}/converse-stream` and `/model/{id}/invoke`.
/// Any model id is answered by `model`; requests need no signature.
pub fn router(model: Model) -> Router {
    Router::new()
        .route("/model/{id}/converse", post(converse))
        .route("/model/{id}/converse-stream", post(converse_stream))
        .route("/model/{id}/invoke", post(invoke))
        .fallback(unknown)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(model)
}

async fn converse(State(model): State<Model>, Path(_id): Path<String>, body: Bytes) -> Result<Json<Value>, Fault> {
    let started = Instant::now();
    let answer = model.answer(&Turn::parse(&body)?).await?;
    Ok(Json(json!({
        "output": { "message": { "role": "assistant", "content": content(&answer) } },
        "stopReason": answer.stop,
        "usage": frames::usage(answer.usage),
        "metrics": { "latencyMs": frames::millis(started) },
    })))
}

/// The blocks of an answer: its text, and the tool that it uses.
fn content(answer: &Answer) -> Vec<Value> {
    let text = (answer.used.is_none() || !answer.text.is_empty()).then(|| json!({ "text": answer.text }));
    let used = answer.used.as_ref().map(|used| {
        let id = format!("tooluse_{}", ids::fresh());
        json!({ "toolUse": { "toolUseId": id, "name": used.tool, "input": used.input } })
    });
    text.into_iter().chain(used).collect()
}

async fn converse_stream(State(model): State<Model>, Path(_id): Path<String>, body: Bytes) -> Result<Response, Fault> {
    let started = Instant::now();
    let turn = Turn::parse(&body)?;
    if turn.tools.is_some() {
        return Err(Fault::validation(
            "This model doesn't support tool use in streaming mode.",
        ));
    }
    let pieces = model.stream(&turn).await?;
    let body = Body::from_stream(frames::frames(pieces, started));
    Ok(([(CONTENT_TYPE, "application/vnd.amazon.eventstream")], body).into_response())
}

async fn invoke(
    State(model): State<Model>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<embed::EmbedOut>, Fault> {
    tracing::trace!(model = %id, bytes = body.len(), "embedding");
    embed::invoke(&model, &body).await.map(Json)
}

async fn unknown(uri: Uri) -> Fault {
    Fault::unknown_operation(format!("No operation of the Bedrock runtime lives at {}.", uri.path()))
}

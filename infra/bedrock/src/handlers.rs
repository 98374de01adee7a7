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

use crate::{converse::Turn, embed, fault::Fault, frames, model::Model};

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
        "output": { "message": { "role": "assistant", "content": [{ "text": answer.text }] } },
        "stopReason": answer.stop,
        "usage": frames::usage(answer.usage),
        "metrics": { "latencyMs": frames::millis(started) },
    })))
}

async fn converse_stream(State(model): State<Model>, Path(_id): Path<String>, body: Bytes) -> Result<Response, Fault> {
    let started = Instant::now();
    let pieces = model.stream(&Turn::parse(&body)?).await?;
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

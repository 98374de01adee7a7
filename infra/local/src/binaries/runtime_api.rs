//! The Lambda Runtime API as one process of a function sees it: it asks for events, one at a time, and posts answers.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use bytes::{Buf, Bytes, BytesMut};
use futures::stream::{self, BoxStream, StreamExt};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use lambda_http::lambda_runtime::{MetadataPrelude, StreamResponse};
use tokio::sync::{mpsc, oneshot, watch};

use crate::error::Cause;
use crate::gateway::MAX_PAYLOAD;

/// What ends the prelude of a streamed answer.
const DELIMITER: [u8; 8] = [0; 8];
/// Longest prelude: a status and headers.
const MAX_PRELUDE: usize = 64 * 1024;
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";

/// An event for a function.
#[derive(Debug)]
pub struct Invocation {
    /// Its request id.
    pub id: String,
    /// When it has to be done, in ms since 1970.
    pub deadline: u64,
    /// The event, as JSON.
    pub event: Bytes,
}

/// What a function gave back.
pub enum Answer {
    /// A whole answer, as JSON.
    Whole(Bytes),
    /// An answer that goes on.
    Stream(StreamResponse<Pieces>),
    /// What it says about its failure.
    Failed(String),
}

/// The rest of a streamed answer.
pub type Pieces = BoxStream<'static, Result<Bytes, axum::Error>>;

/// An invocation, and who waits for its answer.
pub type Handed = (Invocation, oneshot::Sender<Answer>);

/// What the process talks to.
pub struct RuntimeApi {
    arn: String,
    asked: watch::Sender<bool>,
    events: tokio::sync::Mutex<mpsc::Receiver<Handed>>,
    current: Mutex<Option<(String, oneshot::Sender<Answer>)>>,
}

impl RuntimeApi {
    /// The API for a process of the function with this ARN.
    pub fn new(arn: String, events: mpsc::Receiver<Handed>) -> Self {
        Self {
            arn,
            asked: watch::Sender::new(false),
            events: events.into(),
            current: Mutex::new(None),
        }
    }

    /// Turns true when the process asks for its first event.
    pub fn asked(&self) -> watch::Receiver<bool> {
        self.asked.subscribe()
    }

    /// Its routes.
    pub fn router(self) -> Router {
        Router::new()
            .route("/2018-06-01/runtime/invocation/next", routing::get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", routing::post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", routing::post(error))
            .route("/2018-06-01/runtime/init/error", routing::post(init_error))
            .with_state(Arc::new(self))
    }

    /// Who waits for the answer with this id.
    fn waiting(&self, id: &str) -> Result<oneshot::Sender<Answer>, StatusCode> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let found = current.take_if(|(current, _)| current == id);
        found.map(|(_, answer)| answer).ok_or(StatusCode::FORBIDDEN)
    }
}

/// GET `/runtime/invocation/next`
async fn next(State(api): State<Arc<RuntimeApi>>) -> Response {
    api.asked.send_replace(true);
    let Some((invocation, answer)) = api.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let headers = [
        ("lambda-runtime-aws-request-id", invocation.id.clone()),
        ("lambda-runtime-deadline-ms", invocation.deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", api.arn.clone()),
        ("content-type", "application/json".to_owned()),
    ];
    *api.current.lock().unwrap_or_else(PoisonError::into_inner) = Some((invocation.id, answer));
    (headers, invocation.event).into_response()
}

/// POST `/runtime/invocation/{id}/response`
async fn response(
    State(api): State<Arc<RuntimeApi>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<StatusCode, StatusCode> {
    let waiting = api.waiting(&id)?;
    let mode = request.headers().get("lambda-runtime-function-response-mode");
    if mode.is_some_and(|mode| mode == "streaming") {
        stream(waiting, request.into_body()).await;
        return Ok(StatusCode::ACCEPTED);
    }
    let (answer, status) = match to_bytes(request.into_body(), MAX_PAYLOAD).await {
        Ok(body) => (Answer::Whole(body), StatusCode::ACCEPTED),
        Err(why) => (Answer::Failed(why.to_string()), StatusCode::PAYLOAD_TOO_LARGE),
    };
    // Whoever waited may have left.
    let _ = waiting.send(answer);
    Ok(status)
}

/// Hands a streamed answer over, and returns when it has been read to its end.
async fn stream(waiting: oneshot::Sender<Answer>, mut body: Body) {
    let (metadata_prelude, first) = match prelude(&mut body).await {
        Ok(beginning) => beginning,
        Err(why) => {
            let why = format!("its streamed answer has no beginning: {why}");
            let _ = waiting.send(Answer::Failed(why));
            return;
        }
    };
    let (end, ended) = oneshot::channel();
    let answer = StreamResponse {
        metadata_prelude,
        stream: pieces(first, body, end),
    };
    if waiting.send(Answer::Stream(answer)).is_ok() {
        // It never comes: the sender is dropped with the stream.
        let _: Result<(), _> = ended.await;
    }
}

/// Reads status and headers, and what came of the body with them.
async fn prelude(body: &mut Body) -> Result<(MetadataPrelude, Bytes), Cause> {
    let mut head = BytesMut::new();
    while head.len() < MAX_PRELUDE {
        let frame = body.frame().await.ok_or("it ended within the prelude")??;
        head.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new()));
        if let Some(end) = head.windows(DELIMITER.len()).position(|bytes| bytes == DELIMITER) {
            let prelude = serde_json::from_slice(&head[..end])?;
            head.advance(end + DELIMITER.len());
            return Ok((prelude, head.freeze()));
        }
    }
    Err("the prelude is too long".into())
}

/// The body behind the prelude. `end` is dropped with it.
fn pieces(first: Bytes, body: Body, end: oneshot::Sender<()>) -> Pieces {
    let first = stream::iter((!first.is_empty()).then_some(Ok(first)));
    let rest = stream::unfold((body, end), async |(mut body, end)| {
        loop {
            let piece = match body.frame().await?.map(hyper::body::Frame::into_data) {
                Ok(Ok(data)) => Ok(data),
                // A function that fails half-way says so behind the body.
                Ok(Err(frame)) => match frame.trailers_ref().and_then(failure) {
                    Some(why) => Err(axum::Error::new(why)),
                    None => continue,
                },
                Err(why) => Err(why),
            };
            return Some((piece, (body, end)));
        }
    });
    first.chain(rest).boxed()
}

fn failure(trailers: &HeaderMap) -> Option<String> {
    let text = trailers.get(ERROR_TYPE)?.to_str().unwrap_or_default();
    Some(format!("the function failed: {text}"))
}

/// POST `/runtime/invocation/{id}/error`
async fn error(
    State(api): State<Arc<RuntimeApi>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<StatusCode, StatusCode> {
    let waiting = api.waiting(&id)?;
    let _ = waiting.send(Answer::Failed(text(request).await));
    Ok(StatusCode::ACCEPTED)
}

/// POST `/runtime/init/error`: the process ends by itself then.
async fn init_error(State(api): State<Arc<RuntimeApi>>, request: Request) -> StatusCode {
    let why = text(request).await;
    tracing::error!(function = api.arn, why, "a function could not start");
    StatusCode::ACCEPTED
}

async fn text(request: Request) -> String {
    match to_bytes(request.into_body(), MAX_PAYLOAD).await {
        Ok(body) => String::from_utf8_lossy(&body).into_owned(),
        Err(why) => why.to_string(),
    }
}

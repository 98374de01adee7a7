//! One invocation of a function: in this process, through the same adapters that run it in Lambda, or in one of its own.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, future::Either};
use lambda_http::lambda_runtime::{Context, LambdaEvent, StreamResponse};
use lambda_http::{Adapter, Service, StreamAdapter, request::LambdaRequest};
use shared::clock::Clock;
use tokio::time::Instant;

use super::replies::Kind;
use crate::binaries::Invocation;
use crate::functions::HttpFunction;

/// What Lambda tells a function about an invocation.
pub fn context(request_id: &str, limit: Duration) -> Context {
    let mut context = Context::default();
    context.request_id = request_id.to_owned();
    let now = u64::try_from(Clock::default().now().millisecond()).unwrap_or_default();
    context.deadline = now + u64::try_from(limit.as_millis()).unwrap_or_default();
    context
}

/// Runs a function whose answer is sent whole, as JSON.
pub async fn buffered(
    function: HttpFunction,
    event: Vec<u8>,
    context: Context,
    deadline: Instant,
) -> Result<Bytes, Kind> {
    match function {
        HttpFunction::Here(router) => {
            let event = LambdaEvent::new(decode(&event)?, context);
            let invocation = Adapter::from(router).call(event);
            let returned = finished(invocation, deadline).await?;
            let wire = serde_json::to_vec(&returned).map_err(|_| Kind::Failure)?;
            Ok(wire.into())
        }
        HttpFunction::Binary(pool) => {
            let invocation = invocation(event, context);
            finished(async move { pool.whole(invocation).await }, deadline).await
        }
    }
}

/// Runs a function whose answer streams, until its status and headers are there.
pub async fn streaming(
    function: HttpFunction,
    event: Vec<u8>,
    context: Context,
    deadline: Instant,
) -> Result<StreamResponse<impl Stream<Item = Result<Bytes, axum::Error>> + Unpin + Send + 'static>, Kind> {
    match function {
        HttpFunction::Here(router) => {
            let event = LambdaEvent::new(decode(&event)?, context);
            let invocation = StreamAdapter::from(router).call(event);
            let returned = finished(invocation, deadline).await?;
            Ok(on(returned, Either::Left))
        }
        HttpFunction::Binary(pool) => {
            let invocation = invocation(event, context);
            let returned = finished(async move { pool.streamed(invocation).await }, deadline).await?;
            Ok(on(returned, Either::Right))
        }
    }
}

fn on<S, T>(returned: StreamResponse<S>, wrap: impl FnOnce(S) -> T) -> StreamResponse<T> {
    StreamResponse {
        metadata_prelude: returned.metadata_prelude,
        stream: wrap(returned.stream),
    }
}

fn invocation(event: Vec<u8>, context: Context) -> Invocation {
    Invocation {
        id: context.request_id,
        deadline: context.deadline,
        event: event.into(),
    }
}

fn decode(event: &[u8]) -> Result<LambdaRequest, Kind> {
    serde_json::from_slice(event).map_err(|why| {
        tracing::error!(%why, "the event could not be read");
        Kind::Failure
    })
}

/// Waits for an invocation in a task of its own: it goes on when the client leaves, and its panic is only its own.
async fn finished<T, E>(
    invocation: impl Future<Output = Result<T, E>> + Send + 'static,
    deadline: Instant,
) -> Result<T, Kind>
where
    T: Send + 'static,
    E: std::fmt::Debug + Send + 'static,
{
    let mut task = tokio::spawn(invocation);
    match tokio::time::timeout_at(deadline, &mut task).await {
        Ok(Ok(Ok(returned))) => Ok(returned),
        Ok(Ok(Err(why))) => {
            tracing::error!(?why, "the function failed");
            Err(Kind::Failure)
        }
        Ok(Err(panic)) => {
            tracing::error!(%panic, "the function panicked");
            Err(Kind::Failure)
        }
        Err(_) => {
            task.abort();
            Err(Kind::Timeout)
        }
    }
}

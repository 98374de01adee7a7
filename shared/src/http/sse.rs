//! Server-sent events: whole events as body frames, and a comment after every 10 s of silence.

use std::{convert::Infallible, time::Duration};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::{HeaderValue, header};
use serde::Serialize;

/// Silence after which a comment is sent, so that no proxy closes the stream.
pub const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// One unnamed event: `data: <json>` and a blank line.
#[must_use]
pub fn data<T: Serialize>(value: &T) -> Bytes {
    let mut frame = b"data: ".to_vec();
    if serde_json::to_writer(&mut frame, value).is_err() {
        frame.extend_from_slice(b"{}");
    }
    frame.extend_from_slice(b"\n\n");
    frame.into()
}

/// One named event.
#[must_use]
pub fn named<T: Serialize>(name: &str, value: &T) -> Bytes {
    let mut frame = format!("event: {name}\n").into_bytes();
    frame.extend_from_slice(&data(value));
    frame.into()
}

/// One named event with an id, by which a client that lost the stream says how far it came.
#[must_use]
pub fn event<T: Serialize>(name: &str, id: &str, value: &T) -> Bytes {
    let mut frame = format!("event: {name}\nid: {id}\n").into_bytes();
    frame.extend_from_slice(&data(value));
    frame.into()
}

/// A streamed answer whose frames are whole events.
pub fn response<S>(events: S) -> Response
where
    S: Stream<Item = Bytes> + Send + 'static,
{
    let mut response = Response::new(Body::from_stream(with_keep_alive(events).map(Ok::<_, Infallible>)));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream; charset=utf-8"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, no-transform"),
    );
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

fn with_keep_alive<S>(events: S) -> impl Stream<Item = Bytes> + Send + 'static
where
    S: Stream<Item = Bytes> + Send + 'static,
{
    async_stream::stream! {
        let mut events = std::pin::pin!(events);
        loop {
            match tokio::time::timeout(KEEP_ALIVE, events.next()).await {
                Ok(Some(event)) => yield event,
                Ok(None) => break,
                Err(_) => yield Bytes::from_static(b": still there\n\n"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_is_filled_with_comments() {
        let slow = futures::stream::once(async {
            tokio::time::sleep(Duration::from_secs(25)).await;
            data(&serde_json::json!({"token": "a"}))
        });
        let frames: Vec<Bytes> = with_keep_alive(slow).collect().await;
        assert_eq!(
            frames,
            [": still there\n\n", ": still there\n\n", "data: {\"token\":\"a\"}\n\n"]
        );
    }
}

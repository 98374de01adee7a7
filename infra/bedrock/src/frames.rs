//! ConverseStream on the wire: each part of an answer as an event-stream frame.

use std::{convert::Infallible, time::Instant};

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::{
    event_stream::{Header, HeaderValue, Message},
    str_bytes::StrBytes,
};
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    fault::Fault,
    model::{Piece, Pieces, StopReason, Usage},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Delta<'t> {
    content_block_index: u8,
    delta: Text<'t>,
}

#[derive(Serialize)]
struct Text<'t> {
    text: &'t str,
}

/// The answer's frames; what arrives together from the model leaves together. An error becomes an exception frame, the last.
pub(crate) fn frames(mut pieces: Pieces, started: Instant) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
    async_stream::stream! {
        let mut buffer = BytesMut::with_capacity(512);
        event(&mut buffer, "messageStart", &json!({ "role": "assistant" }));
        while let Some(batch) = pieces.next().await {
            match batch {
                Ok(batch) => batch.iter().for_each(|piece| write(&mut buffer, piece, started)),
                Err(fault) => {
                    exception(&mut buffer, &fault);
                    yield Ok(buffer.split().freeze());
                    return;
                }
            }
            if !buffer.is_empty() {
                yield Ok(buffer.split().freeze());
            }
        }
    }
}

/// A usage count as Bedrock writes it.
pub(crate) fn usage(usage: Usage) -> Value {
    json!({ "inputTokens": usage.input, "outputTokens": usage.output, "totalTokens": usage.input.saturating_add(usage.output) })
}

/// Milliseconds since `started`.
pub(crate) fn millis(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn write(buffer: &mut BytesMut, piece: &Piece, started: Instant) {
    match piece {
        Piece::Text(text) => event(
            buffer,
            "contentBlockDelta",
            &Delta {
                content_block_index: 0,
                delta: Text { text },
            },
        ),
        Piece::End { stop, usage } => close(buffer, *stop, *usage, started),
    }
}

fn close(buffer: &mut BytesMut, stop: StopReason, tokens: Usage, started: Instant) {
    event(buffer, "contentBlockStop", &json!({ "contentBlockIndex": 0 }));
    event(buffer, "messageStop", &json!({ "stopReason": stop }));
    let metrics = json!({ "latencyMs": millis(started) });
    event(
        buffer,
        "metadata",
        &json!({ "usage": usage(tokens), "metrics": metrics }),
    );
}

fn event(buffer: &mut BytesMut, name: &'static str, payload: &impl Serialize) {
    frame(buffer, "event", ":event-type", name, payload);
}

fn exception(buffer: &mut BytesMut, fault: &Fault) {
    tracing::debug!(error = %fault, "a streamed answer broke off");
    frame(
        buffer,
        "exception",
        ":exception-type",
        fault.exception_type(),
        &fault.body(),
    );
}

fn frame(
    buffer: &mut BytesMut,
    message: &'static str,
    kind: &'static str,
    name: &'static str,
    payload: &impl Serialize,
) {
    // Neither step can fail for payloads this small and plain; a frame lost to a bug shows as a protocol error at the client.
    let payload = serde_json::to_vec(payload).unwrap_or_default();
    let message = Message::new(payload)
        .add_header(Header::new(":message-type", text(message)))
        .add_header(Header::new(kind, text(name)))
        .add_header(Header::new(":content-type", text("application/json")));
    if let Err(error) = write_message_to(&message, buffer) {
        tracing::error!(%error, "a frame could not be written");
    }
}

fn text(value: &'static str) -> HeaderValue {
    HeaderValue::String(StrBytes::from(value))
}

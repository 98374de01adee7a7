//! The sizes that API Gateway and Lambda allow.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

/// Bytes of a request's body that API Gateway takes: 10 MB.
pub const MAX_REQUEST: usize = 10 * 1024 * 1024;
/// Bytes of an event, and of a buffered answer, that Lambda takes: 6 MB.
pub const MAX_PAYLOAD: usize = 6 * 1024 * 1024;
/// Bytes of a refused body that are read to the end, so that the client sees the refusal and not a reset.
const MAX_DRAINED: usize = 64 * 1024 * 1024;

/// Why a body was not taken.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// Over [`MAX_REQUEST`].
    TooLarge,
    /// It is not framed as HTTP wants it, or the client went away in the middle.
    Broken,
}

/// Reads a body of at most [`MAX_REQUEST`] bytes.
///
/// # Errors
/// When it is longer, malformed, or ends early.
pub async fn read(mut body: Incoming) -> Result<Bytes, Refused> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let stated = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut all: Option<BytesMut> = None;
    let mut first: Option<Bytes> = None;
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|_| Refused::Broken)?.into_data() else {
            continue;
        };
        length += piece.len();
        if length.max(stated) > MAX_REQUEST {
            if length > MAX_DRAINED || stated > MAX_DRAINED {
                return Err(Refused::TooLarge);
            }
            (all, first) = (None, None);
        } else if let Some(all) = &mut all {
            all.extend_from_slice(&piece);
        } else if let Some(before) = first.take() {
            // Most bodies come in one piece and are never copied.
            let mut both = BytesMut::with_capacity(stated.max(before.len() + piece.len()));
            both.extend_from_slice(&before);
            both.extend_from_slice(&piece);
            all = Some(both);
        } else {
            first = Some(piece);
        }
    }
    if length.max(stated) > MAX_REQUEST {
        return Err(Refused::TooLarge);
    }
    Ok(all.map(BytesMut::freeze).or(first).unwrap_or_default())
}

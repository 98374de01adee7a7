//! A function's answer turned back into HTTP: whole, or piece by piece as the pieces come.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use lambda_http::{Body, aws_lambda_events::apigw::ApiGatewayProxyResponse, lambda_runtime::StreamResponse};
use tokio::time::{Instant, Sleep};

use super::{Ring, limits::MAX_PAYLOAD};

/// The body of an HTTP answer.
pub type Answer = UnsyncBoxBody<Bytes, Cut>;

/// A stream that the function broke off, or that ran into its time limit.
#[derive(Debug, thiserror::Error)]
#[error("the answer was cut off: {0}")]
pub struct Cut(String);

/// A body that is there as a whole.
pub fn whole(bytes: Bytes) -> Answer {
    Full::new(bytes)
        .map_err(|never: Infallible| match never {})
        .boxed_unsync()
}

/// What a buffered function returned, read as API Gateway reads it. `None` when it is malformed or too large.
pub fn buffered(returned: &[u8], accepts_binary: bool) -> Option<Response<Answer>> {
    let wire = Some(returned).filter(|wire| wire.len() <= MAX_PAYLOAD)?;
    let returned: ApiGatewayProxyResponse = serde_json::from_slice(wire).ok()?;
    let body = match returned.body {
        Some(Body::Text(text)) => Bytes::from(text),
        Some(Body::Binary(bytes)) => Bytes::from(bytes),
        _ => Bytes::new(),
    };
    // Base64 is decoded only for a client that accepts a binary media type: others get it as it is.
    let decode = returned.is_base64_encoded && accepts_binary;
    let body = if decode {
        Bytes::from(STANDARD.decode(body).ok()?)
    } else {
        body
    };
    let mut response = Response::new(whole(body));
    *response.status_mut() = StatusCode::from_u16(u16::try_from(returned.status_code).ok()?).ok()?;
    *response.headers_mut() = merged(returned.multi_value_headers, &returned.headers);
    // The length is ours to say: it is that of what goes out.
    response.headers_mut().remove(header::CONTENT_LENGTH);
    Some(response)
}

/// Both kinds of headers as API Gateway merges them: a single value is added to the many unless it is one of them.
fn merged(mut many: HeaderMap, single: &HeaderMap) -> HeaderMap {
    for (name, value) in single {
        if !many.get_all(name).iter().any(|each| each == value) {
            many.append(name, value.clone());
        }
    }
    many
}

/// What a streaming function returned: status and headers at once, the body as it comes, until `deadline`.
/// `ended` is called at its end.
pub fn streamed<S>(returned: StreamResponse<S>, deadline: Instant, ended: Ring) -> Response<Answer>
where
    S: Stream<Item = Result<Bytes, axum::Error>> + Unpin + Send + 'static,
{
    let prelude = returned.metadata_prelude;
    let pieces = Pieces {
        inner: Some(returned.stream),
        limit: Box::pin(tokio::time::sleep_until(deadline)),
        ended,
    };
    let mut response = Response::new(StreamBody::new(pieces).boxed_unsync());
    *response.status_mut() = prelude.status_code;
    *response.headers_mut() = prelude.headers;
    response.headers_mut().remove(header::CONTENT_LENGTH);
    for cookie in prelude.cookies {
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    response
}

/// The pieces of a stream. When the client leaves before the end, the function is still run to its end.
struct Pieces<S: Stream + Unpin + Send + 'static> {
    inner: Option<S>,
    limit: Pin<Box<Sleep>>,
    ended: Ring,
}

impl<S: Stream<Item = Result<Bytes, axum::Error>> + Unpin + Send + 'static> Stream for Pieces<S> {
    type Item = Result<Frame<Bytes>, Cut>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(inner) = &mut self.inner else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(next) = inner.poll_next_unpin(cx) {
            if !matches!(next, Some(Ok(_))) {
                self.inner = None;
            }
            return Poll::Ready(next.map(|piece| piece.map(Frame::data).map_err(|why| Cut(why.to_string()))));
        }
        ready!(self.limit.as_mut().poll(cx));
        self.inner = None;
        Poll::Ready(Some(Err(Cut("it took longer than the template allows".to_owned()))))
    }
}

impl<S: Stream + Unpin + Send + 'static> Drop for Pieces<S> {
    fn drop(&mut self) {
        if let (Some(rest), Ok(runtime)) = (self.inner.take(), tokio::runtime::Handle::try_current()) {
            let (ended, deadline) = (Arc::clone(&self.ended), self.limit.deadline());
            runtime.spawn(async move {
                let to_the_end = rest.for_each(|_| std::future::ready(()));
                if tokio::time::timeout_at(deadline, to_the_end).await.is_err() {
                    tracing::warn!("a function whose client had left was stopped at its time limit");
                }
                ended();
            });
        } else {
            (self.ended)();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_headers_are_merged_and_none_is_lost() {
        let mut returned = ApiGatewayProxyResponse::default();
        returned.status_code = 200;
        let header = HeaderValue::from_static;
        for value in ["a=1", "b=2"] {
            returned.multi_value_headers.append(header::SET_COOKIE, header(value));
        }
        returned.headers.append(header::SET_COOKIE, header("b=2"));
        returned.headers.append(header::VARY, header("origin"));
        let response = buffered(&serde_json::to_vec(&returned).unwrap(), false).unwrap();
        let cookies: Vec<_> = response.headers().get_all(header::SET_COOKIE).iter().collect();
        assert_eq!(cookies, ["a=1", "b=2"]);
        assert_eq!(response.headers()[header::VARY], "origin");
    }
}

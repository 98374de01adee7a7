//! The one line that every request leaves in the log: when its answer has gone out to its end, or nobody waits for it any more.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use axum::{
    body::Body,
    extract::{MatchedPath, Request},
    response::Response,
};
use bytes::Bytes;
use http::{Method, StatusCode};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tracing::{Span, field::Empty};

use super::Exchange;

/// A request that is being handled; the line is written when this is dropped.
pub(super) struct Handled {
    span: Span,
    exchange: Exchange,
    method: Method,
    /// The template that the path fits: paths have ids, and queries have tokens.
    route: Option<MatchedPath>,
    began: Instant,
    status: Option<StatusCode>,
    /// Whether the answer has gone out to its end.
    whole: bool,
}

impl Handled {
    /// The request with this id begins.
    pub(super) fn begin(request: &Request, id: &str, exchange: Exchange) -> Self {
        Self {
            // Of the highest level, so that the warnings of a deployment that logs nothing else say whose they are.
            span: tracing::error_span!(
                "request",
                request_id = id,
                tenant = Empty,
                bot = Empty,
                credential = Empty,
                first_piece_ms = Empty
            ),
            exchange,
            method: request.method().clone(),
            route: request.extensions().get().cloned(),
            began: Instant::now(),
            status: None,
            whole: false,
        }
    }

    /// What all lines of the request are written in.
    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    /// The request goes on until the answer's body has gone out.
    pub(super) fn until_sent(mut self, response: Response) -> Response {
        self.status = Some(response.status());
        self.whole = response.body().is_end_stream();
        response.map(|body| Body::new(Outgoing { body, handled: self }))
    }
}

impl Drop for Handled {
    fn drop(&mut self) {
        tracing::info!(
            parent: &self.span,
            method = self.method.as_str(),
            route = self.route.as_ref().map_or("none", MatchedPath::as_str),
            status = self.status.map(|status| status.as_u16()),
            error = self.exchange.fault(),
            cut = (!self.whole).then_some(true),
            duration_ms = crate::telemetry::milliseconds(self.began.elapsed()),
            "request"
        );
    }
}

/// A body on its way.
struct Outgoing {
    body: Body,
    handled: Handled,
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Self { body, handled } = &mut *self;
        let polled = handled.span.in_scope(|| Pin::new(&mut *body).poll_frame(context));
        handled.whole = match &polled {
            Poll::Ready(None) => true,
            Poll::Ready(Some(Ok(_))) => body.is_end_stream(),
            _ => false,
        };
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, routing::get};
    use futures::StreamExt;
    use lambda_http::tower::ServiceExt;
    use serde_json::{Value, json};

    use super::*;
    use crate::{error::Error, http::around, telemetry::kept::Kept};

    async fn break_off(axum::Extension(exchange): axum::Extension<Exchange>) -> Body {
        let cause = Error::unavailable("the back end sleeps");
        let frames = [json!("a").to_string(), json!(exchange.broke_off(&cause)).to_string()];
        Body::from_stream(futures::stream::iter(frames.map(Ok::<_, std::convert::Infallible>)))
    }

    async fn panics() {
        panic!("as it is told to");
    }

    fn router() -> Router {
        let endless = async || Body::from_stream(futures::stream::repeat(Ok::<_, std::convert::Infallible>("x")));
        Router::new()
            .route("/things/{id}", get(async || "fine"))
            .route("/empty", get(async || StatusCode::NO_CONTENT))
            .route("/fails", get(async || Error::internal("a cause")))
            .route("/breaks", get(break_off))
            .route("/endless", get(endless))
            .route("/never", get(std::future::pending::<()>))
            .route("/panics", get(panics))
            .fallback(async || Error::NotFound("Endpoint"))
            .layer(axum::middleware::from_fn(around))
    }

    async fn answer(path: &str) -> Response {
        let request = http::Request::get(path).body(Body::empty()).unwrap();
        router().oneshot(request).await.unwrap()
    }

    /// The lines about requests, which are checked for what all of them have, without it.
    fn requests(kept: &Kept) -> Vec<Value> {
        let lines = kept.lines().into_iter().filter(|line| line["message"] == "request");
        lines
            .map(|mut line| {
                assert!(
                    line["duration_ms"].is_number() && line["request_id"].is_string(),
                    "{line}"
                );
                assert_eq!((&line["method"], &line["level"]), (&json!("GET"), &json!("INFO")));
                let members = line.as_object_mut().unwrap();
                members.retain(|name, _| ["route", "status", "error", "cut"].contains(&name.as_str()));
                line
            })
            .collect()
    }

    #[tokio::test]
    async fn every_request_leaves_one_line_once_its_answer_is_read() {
        let kept = Kept::default();
        let _begun = kept.begin();
        for path in [
            "/things/secret-id?token=pk_secret",
            "/empty",
            "/secret/path",
            "/fails",
            "/breaks",
        ] {
            let response = answer(path).await;
            let before = requests(&kept).len();
            let _ = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
            assert_eq!(requests(&kept).len(), before + 1, "{path}");
        }
        assert_eq!(
            requests(&kept),
            [
                json!({"route": "/things/{id}", "status": 200}),
                json!({"route": "/empty", "status": 204}),
                json!({"route": "none", "status": 404, "error": "not_found"}),
                json!({"route": "/fails", "status": 500, "error": "internal"}),
                json!({"route": "/breaks", "status": 200, "error": "unavailable"}),
            ]
        );
        assert!(!kept.text().contains("secret"));
    }

    #[tokio::test]
    async fn causes_are_logged_under_the_id_that_the_answer_has() {
        let kept = Kept::default();
        let _begun = kept.begin();
        let id = answer("/fails").await.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned();
        let cause = kept.lines().into_iter().find(|line| line["level"] == "ERROR").unwrap();
        assert_eq!((&cause["cause"], &cause["request_id"]), (&json!("a cause"), &json!(id)));
        answer("/breaks").await.into_body().into_data_stream().count().await;
        let cause = kept.lines().into_iter().rfind(|line| line["level"] == "ERROR").unwrap();
        assert_eq!(cause["cause"], "the back end sleeps");
        assert!(cause["request_id"].is_string());
    }

    #[tokio::test]
    async fn a_client_that_leaves_ends_its_request() {
        let kept = Kept::default();
        let _begun = kept.begin();
        let mut body = answer("/endless").await.into_body().into_data_stream();
        assert!(body.next().await.is_some() && requests(&kept).is_empty());
        drop(body);
        assert!(
            tokio::time::timeout(std::time::Duration::ZERO, answer("/never"))
                .await
                .is_err()
        );
        let panicked = std::panic::AssertUnwindSafe(answer("/panics"));
        assert!(futures::FutureExt::catch_unwind(panicked).await.is_err());
        assert_eq!(
            requests(&kept),
            [
                json!({"route": "/endless", "status": 200, "cut": true}),
                json!({"route": "/never", "cut": true}),
                json!({"route": "/panics", "cut": true}),
            ]
        );
    }
}

//! What the gateway answers by itself, with the texts of the template's gateway responses.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use super::answer::{self, Answer};

/// The gateway's own replies by kind.
#[derive(Debug)]
pub struct Replies(BTreeMap<String, (Option<u16>, String)>);

/// When the gateway answers by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No resource and method match.
    NoRoute,
    /// The body's framing is malformed.
    BadBody,
    /// Over 10 MB, or over 6 MB as an event.
    TooLarge,
    /// The function failed, or answered what cannot be passed on.
    Failure,
    /// The function took too long.
    Timeout,
    /// The stack is still starting.
    Starting,
}

impl Kind {
    /// API Gateway's name for it, and the status unless the template says another.
    fn name_and_status(self) -> (&'static str, StatusCode) {
        match self {
            Self::NoRoute => ("MISSING_AUTHENTICATION_TOKEN", StatusCode::FORBIDDEN),
            Self::BadBody => ("BAD_REQUEST_BODY", StatusCode::BAD_REQUEST),
            Self::TooLarge => ("REQUEST_TOO_LARGE", StatusCode::PAYLOAD_TOO_LARGE),
            Self::Failure => ("INTEGRATION_FAILURE", StatusCode::BAD_GATEWAY),
            Self::Timeout => ("INTEGRATION_TIMEOUT", StatusCode::GATEWAY_TIMEOUT),
            Self::Starting => ("STARTING", StatusCode::SERVICE_UNAVAILABLE),
        }
    }

    /// What `$context.error.messageString` is: text in quotes.
    fn message(self) -> &'static str {
        match self {
            Self::BadBody => r#""The request's body is malformed or incomplete""#,
            _ => r#""The gateway refused the request""#,
        }
    }
}

impl Replies {
    /// Takes the template's gateway responses.
    #[must_use]
    pub fn new(mut responses: BTreeMap<String, (Option<u16>, String)>) -> Self {
        let starting = r#"{"error":"The stack is starting","code":"unavailable","request_id":"$context.requestId"}"#;
        responses.insert("STARTING".to_owned(), (None, starting.to_owned()));
        Self(responses)
    }

    /// One reply.
    #[must_use]
    pub fn reply(&self, kind: Kind, request_id: &str) -> Response<Answer> {
        let (name, status) = kind.name_and_status();
        let fallback = if status.is_server_error() {
            "DEFAULT_5XX"
        } else {
            "DEFAULT_4XX"
        };
        let found = self.0.get(name).or_else(|| self.0.get(fallback));
        let (stated, text) = found.map_or((None, r#"{"message":null}"#), |(status, text)| (*status, text.as_str()));
        let text = text
            .replace("$context.requestId", request_id)
            .replace("$context.error.messageString", kind.message());
        let mut response = Response::new(answer::whole(Bytes::from(text)));
        *response.status_mut() = stated
            .and_then(|status| StatusCode::from_u16(status).ok())
            .unwrap_or(status);
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
            .headers_mut()
            .insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        if kind == Kind::Starting {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

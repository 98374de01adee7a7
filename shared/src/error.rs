//! The one error of the engine and its one mapping to the wire.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;

/// What can go wrong, as the caller is told. Causes of [`Error::Internal`] and [`Error::Unavailable`] are logged under
/// the request id and never sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 400: the request cannot be understood; `fields` says which part and why.
    #[error("{message}")]
    Invalid {
        /// The sentence of the body's `error`.
        message: String,
        /// Reason by the name of the field or header.
        fields: BTreeMap<String, String>,
    },
    /// 401: no credential, or one that does not (or no longer) open anything.
    #[error("{message}")]
    Unauthorized {
        /// Machine-readable reason.
        code: &'static str,
        /// The sentence.
        message: &'static str,
    },
    /// 403: a credential that may not do this.
    #[error("{message}")]
    Forbidden {
        /// Machine-readable reason.
        code: &'static str,
        /// The sentence.
        message: String,
    },
    /// 404: nothing there that the caller may know of.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// 405: the path exists, with other methods.
    #[error("Method not allowed")]
    MethodNotAllowed,
    /// 409: the state of things does not allow it.
    #[error("{message}")]
    Conflict {
        /// Machine-readable reason.
        code: &'static str,
        /// The sentence.
        message: String,
    },
    /// 413: too many bytes; the sentence names the limit.
    #[error("{0}")]
    TooLarge(String),
    /// 429: too many requests of a class.
    #[error("Rate limit exceeded")]
    RateLimited {
        /// Seconds after which to try again.
        retry_after: u32,
    },
    /// 415: a media type that is not read here.
    #[error("{0}")]
    UnsupportedMediaType(String),
    /// 503: a back end throttles or is waking up.
    #[error("The service is busy, try again in {retry_after} s")]
    Unavailable {
        /// Seconds after which to try again.
        retry_after: u32,
        /// What the back end said; logged only.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// 500: our fault; the cause is logged only.
    #[error("Internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The body of every error.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorBody {
    /// `false` where the dialect says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    /// A sentence that says what to change.
    pub error: String,
    /// Machine-readable kind.
    pub code: &'static str,
    /// The id under which the log has the cause.
    pub request_id: String,
    /// Reason by field, for bad input.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
}

impl Error {
    /// Bad input in one named field.
    pub fn field(name: impl Into<String>, reason: impl Into<String>) -> Self {
        let (name, reason) = (name.into(), reason.into());
        Self::Invalid {
            message: format!("Invalid {name}: {reason}"),
            fields: BTreeMap::from([(name, reason)]),
        }
    }

    /// Bad input with a sentence that the contract fixes, naming one field or header.
    pub fn sentence(message: &str, name: &str, reason: &str) -> Self {
        Self::Invalid {
            message: message.to_owned(),
            fields: BTreeMap::from([(name.to_owned(), reason.to_owned())]),
        }
    }

    /// No credential, or one that opens nothing (any more).
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::Unauthorized {
            code: "unauthorized",
            message: "Invalid API key",
        }
    }

    /// A member's token that does not (or no longer) open anything.
    #[must_use]
    pub fn invalid_token() -> Self {
        Self::Unauthorized {
            code: "invalid_token",
            message: "Invalid or expired token; sign in again or refresh it",
        }
    }

    /// A credential that may not do this.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::Forbidden {
            code: "forbidden",
            message: message.into(),
        }
    }

    /// A state of things that does not allow it.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::Conflict {
            code,
            message: message.into(),
        }
    }

    /// Wraps a cause that is nobody's business but the log's.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    /// A back end that throttles or cannot be reached.
    pub fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable {
            retry_after: 5,
            cause: cause.into(),
        }
    }

    /// HTTP status and machine-readable code.
    #[must_use]
    pub fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Invalid { .. } => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::Unauthorized { code, .. } => (StatusCode::UNAUTHORIZED, code),
            Self::Forbidden { code, .. } => (StatusCode::FORBIDDEN, code),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::Conflict { code, .. } => (StatusCode::CONFLICT, code),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::RateLimited { .. } => (StatusCode::TOO_MANY_REQUESTS, "rate_limited"),
            Self::UnsupportedMediaType(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
            Self::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    /// Seconds for `Retry-After`, where it helps to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::RateLimited { retry_after } | Self::Unavailable { retry_after, .. } => Some(*retry_after),
            _ => None,
        }
    }

    /// The body for the wire.
    #[must_use]
    pub fn body(&self, request_id: &str) -> ErrorBody {
        let fields = match self {
            Self::Invalid { fields, .. } => fields.clone(),
            _ => BTreeMap::new(),
        };
        ErrorBody {
            success: None,
            error: self.to_string(),
            code: self.status().1,
            request_id: request_id.to_owned(),
            fields,
        }
    }

    /// Why, for the log and for operators, to whom causes are no secret: the cause and its sources, or else the sentence.
    #[must_use]
    pub fn why(&self) -> String {
        match self {
            Self::Internal(cause) | Self::Unavailable { cause, .. } => chain(cause.as_ref()),
            other => other.to_string(),
        }
    }

    /// Writes the cause, where there is one, to the log; the span around it has the request's id.
    pub fn log(&self) {
        if matches!(self, Self::Internal(_) | Self::Unavailable { .. }) {
            tracing::error!(cause = self.why(), "{self}");
        }
    }
}

/// An error and its sources, joined for a log line.
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// An answer that is still to be written out by [`crate::http::finish`], which knows the request id.
#[derive(Clone)]
pub(crate) struct Unwritten(pub(crate) std::sync::Arc<Error>);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = self.status().0.into_response();
        response.extensions_mut().insert(Unwritten(std::sync::Arc::new(self)));
        response
    }
}

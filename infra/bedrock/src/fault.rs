//! The ways a call can fail, as Bedrock names them: before the first byte as an HTTP error, later as an exception frame.

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::json;

const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// A failed call: which of Bedrock's exceptions it is, and a sentence saying what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind:?}: {message}")]
pub struct Fault {
    kind: Kind,
    message: String,
    upstream: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    AccessDenied,
    ModelError,
    ModelStreamError,
    ModelTimeout,
    ResourceNotFound,
    ServiceUnavailable,
    Throttling,
    UnknownOperation,
    Validation,
}

impl Kind {
    /// The exception's name in the error header, its status, and its name in an exception frame.
    fn on_the_wire(self) -> (&'static str, StatusCode, &'static str) {
        const STREAM: &str = "modelStreamErrorException";
        match self {
            Self::AccessDenied => ("AccessDeniedException", StatusCode::FORBIDDEN, STREAM),
            Self::ModelError => ("ModelErrorException", StatusCode::FAILED_DEPENDENCY, STREAM),
            Self::ModelStreamError => ("ModelStreamErrorException", StatusCode::FAILED_DEPENDENCY, STREAM),
            Self::ModelTimeout => ("ModelTimeoutException", StatusCode::REQUEST_TIMEOUT, STREAM),
            Self::ResourceNotFound => ("ResourceNotFoundException", StatusCode::NOT_FOUND, STREAM),
            Self::ServiceUnavailable => (
                "ServiceUnavailableException",
                StatusCode::SERVICE_UNAVAILABLE,
                "serviceUnavailableException",
            ),
            Self::Throttling => (
                "ThrottlingException",
                StatusCode::TOO_MANY_REQUESTS,
                "throttlingException",
            ),
            Self::UnknownOperation => ("UnknownOperationException", StatusCode::NOT_FOUND, STREAM),
            Self::Validation => ("ValidationException", StatusCode::BAD_REQUEST, "validationException"),
        }
    }
}

impl Fault {
    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            upstream: None,
        }
    }

    /// The request is not one this endpoint understands.
    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(Kind::Validation, message)
    }

    /// No operation lives at this path.
    pub(crate) fn unknown_operation(message: impl Into<String>) -> Self {
        Self::new(Kind::UnknownOperation, message)
    }

    /// The model's server cannot be reached.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Kind::ServiceUnavailable, message)
    }

    /// The model's server kept silent for too long.
    pub(crate) fn timeout(message: impl Into<String>) -> Self {
        Self::new(Kind::ModelTimeout, message)
    }

    /// The model's server answered something that cannot be used.
    pub(crate) fn model(message: impl Into<String>) -> Self {
        Self::new(Kind::ModelError, message)
    }

    /// The answer broke off after it had begun.
    pub(crate) fn stream(message: impl Into<String>) -> Self {
        Self::new(Kind::ModelStreamError, message)
    }

    /// What Bedrock would say where the model's server answered `status`.
    pub(crate) fn from_upstream(status: u16, message: impl Into<String>) -> Self {
        let kind = match status {
            401 | 403 => Kind::AccessDenied,
            404 => Kind::ResourceNotFound,
            408 | 504 => Kind::ModelTimeout,
            429 => Kind::Throttling,
            502 | 503 => Kind::ServiceUnavailable,
            400..500 => Kind::Validation,
            _ => Kind::ModelError,
        };
        Self {
            upstream: Some(status),
            ..Self::new(kind, message)
        }
    }

    /// The exception's name in an event-stream frame.
    pub(crate) fn exception_type(&self) -> &'static str {
        self.kind.on_the_wire().2
    }

    /// The error's JSON: `message`, and what the model's own server said where there is one.
    pub(crate) fn body(&self) -> serde_json::Value {
        match self.upstream {
            Some(status) => {
                json!({ "message": self.message, "originalStatusCode": status, "originalMessage": self.message })
            }
            None => json!({ "message": self.message }),
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let (name, status, _) = self.kind.on_the_wire();
        tracing::debug!(error = name, message = %self.message, "refused a model call");
        (
            status,
            [(ERROR_TYPE, HeaderValue::from_static(name))],
            Json(self.body()),
        )
            .into_response()
    }
}

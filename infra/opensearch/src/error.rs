//! Refusals and failures, in the shape OpenSearch gives them.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// What went wrong: an HTTP status, OpenSearch's name for the kind of error, and a sentence that says what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {reason}")]
pub struct Error {
    status: u16,
    kind: &'static str,
    reason: String,
    index: Option<String>,
}

impl Error {
    pub(crate) fn new(status: u16, kind: &'static str, reason: impl Into<String>) -> Error {
        Error {
            status,
            kind,
            reason: reason.into(),
            index: None,
        }
    }

    /// A body, clause or key that this server does not understand.
    pub(crate) fn parsing(reason: impl Into<String>) -> Error {
        Error::new(400, "parsing_exception", reason)
    }

    /// A request that is well formed but asks for something impossible.
    pub(crate) fn argument(reason: impl Into<String>) -> Error {
        Error::new(400, "illegal_argument_exception", reason)
    }

    /// A document or mapping whose value does not fit its field.
    pub(crate) fn mapping(reason: impl Into<String>) -> Error {
        Error::new(400, "mapper_parsing_exception", reason)
    }

    /// A query that does not fit the mapping of the index.
    pub(crate) fn query(reason: impl Into<String>) -> Error {
        Error::new(
            400,
            "query_shard_exception",
            format!("failed to create query: {}", reason.into()),
        )
    }

    /// A name that is neither an index nor an alias.
    pub(crate) fn no_index(name: &str) -> Error {
        let mut error = Error::new(404, "index_not_found_exception", format!("no such index [{name}]"));
        error.index = Some(name.to_owned());
        error
    }

    /// The disk or the index files failed us.
    pub(crate) fn storage(cause: impl std::fmt::Display) -> Error {
        Error::new(500, "storage_exception", cause.to_string())
    }

    /// Whether the request could not even be read, as opposed to not fitting the index.
    pub(crate) fn is_unreadable(&self) -> bool {
        matches!(self.kind, "parsing_exception" | "x_content_parse_exception")
    }

    /// HTTP status of this error.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// OpenSearch's name for this kind of error, as `index_not_found_exception`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// `{type, reason}` as it stands inside a bulk item.
    pub(crate) fn cause(&self) -> Value {
        let mut cause = json!({"type": self.kind, "reason": self.reason});
        if let Some(index) = &self.index {
            cause["index"] = json!(index);
        }
        cause
    }

    /// The whole error body: `{error: {root_cause, type, reason}, status}`.
    pub(crate) fn body(&self) -> Value {
        let mut error = self.cause();
        error["root_cause"] = json!([self.cause()]);
        json!({"error": error, "status": self.status})
    }
}

impl From<tantivy::TantivyError> for Error {
    fn from(cause: tantivy::TantivyError) -> Error {
        Error::storage(cause)
    }
}

impl From<std::io::Error> for Error {
    fn from(cause: std::io::Error) -> Error {
        Error::storage(cause)
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        if self.status >= 500 {
            tracing::error!(kind = self.kind, reason = self.reason, "request failed");
        }
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self.body())).into_response()
    }
}

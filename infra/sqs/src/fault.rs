//! The errors of the API, as the JSON protocol and the older query protocol name them.

use std::fmt::Display;

/// One error answer: its name in both protocols and a sentence for people.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub code: Code,
    pub message: String,
}

/// The error names that this server uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    BatchEntryIdsNotDistinct,
    BatchRequestTooLong,
    EmptyBatchRequest,
    Internal,
    InvalidAttributeName,
    InvalidAttributeValue,
    InvalidBatchEntryId,
    InvalidMessageContents,
    InvalidParameterValue,
    MessageNotInflight,
    MissingParameter,
    QueueDoesNotExist,
    QueueNameExists,
    ReceiptHandleIsInvalid,
    ResourceNotFound,
    Serialization,
    TooManyEntriesInBatchRequest,
    UnsupportedOperation,
}

impl Code {
    /// The shape name (`__type` in the body) and the code of the query protocol (`x-amzn-query-error`), which is what SDKs report.
    pub(crate) const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::BatchEntryIdsNotDistinct => (
                "BatchEntryIdsNotDistinct",
                "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
            ),
            Self::BatchRequestTooLong => ("BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong"),
            Self::EmptyBatchRequest => ("EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest"),
            Self::Internal => ("InternalFailure", "InternalError"),
            Self::InvalidAttributeName => ("InvalidAttributeName", "InvalidAttributeName"),
            Self::InvalidAttributeValue => ("InvalidAttributeValue", "InvalidAttributeValue"),
            Self::InvalidBatchEntryId => ("InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId"),
            Self::InvalidMessageContents => ("InvalidMessageContents", "InvalidMessageContents"),
            Self::InvalidParameterValue => ("InvalidParameterValue", "InvalidParameterValue"),
            Self::MessageNotInflight => ("MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight"),
            Self::MissingParameter => ("MissingParameter", "MissingParameter"),
            Self::QueueDoesNotExist => ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"),
            Self::QueueNameExists => ("QueueNameExists", "QueueAlreadyExists"),
            Self::ReceiptHandleIsInvalid => ("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid"),
            Self::ResourceNotFound => ("ResourceNotFoundException", "ResourceNotFoundException"),
            Self::Serialization => ("SerializationException", "MalformedInput"),
            Self::TooManyEntriesInBatchRequest => (
                "TooManyEntriesInBatchRequest",
                "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            ),
            Self::UnsupportedOperation => ("UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation"),
        }
    }
}

impl Fault {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// A parameter outside its range or form.
    pub(crate) fn parameter(name: &str, value: impl Display, reason: &str) -> Self {
        Self::new(
            Code::InvalidParameterValue,
            format!("Value {value} for parameter {name} is invalid. Reason: {reason}"),
        )
    }

    /// A parameter that has to be there.
    pub(crate) fn missing(name: &str) -> Self {
        Self::new(
            Code::MissingParameter,
            format!("The request must contain the parameter {name}."),
        )
    }

    /// The server itself failed; the cause goes to the log only.
    pub(crate) fn internal(cause: impl Display) -> Self {
        tracing::error!(%cause, "a queue operation failed");
        Self::new(Code::Internal, "The server failed to handle the request.")
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(cause: rusqlite::Error) -> Self {
        Self::internal(cause)
    }
}

/// A number inside its range, or the fault that names it.
pub(crate) fn within(name: &str, value: i64, range: std::ops::RangeInclusive<i64>) -> Result<i64, Fault> {
    if range.contains(&value) {
        return Ok(value);
    }
    let reason = format!("Must be between {} and {}, if provided.", range.start(), range.end());
    Err(Fault::parameter(name, value, &reason))
}

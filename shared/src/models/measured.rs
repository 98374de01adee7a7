//! How long a call of a model takes, what it takes, and how it ends, for the metrics.

use std::time::{Duration, Instant};

use aws_sdk_bedrockruntime::{
    error::{ProvideErrorMetadata, SdkError},
    types::{StopReason, TokenUsage},
};

use super::{counted, model_error};
use crate::{
    error::Error,
    messages::Usage,
    telemetry::{Metrics, ModelCall, Operation},
};

/// A call that goes on. It is told of when this is dropped; one that had no end by then was cancelled.
pub(super) struct Measured {
    metrics: Metrics,
    call: ModelCall,
    began: Instant,
    ended: bool,
}

impl Measured {
    /// A call that begins now.
    pub(super) fn begin(metrics: &Metrics, operation: Operation, model: &str) -> Self {
        Self {
            metrics: metrics.clone(),
            call: ModelCall::new(operation, model),
            began: Instant::now(),
            ended: false,
        }
    }

    /// Text came.
    pub(super) fn text(&mut self) {
        self.call.first_chunk.get_or_insert(seconds(self.began.elapsed()));
    }

    /// What it took is known.
    pub(super) fn took(&mut self, usage: Usage) {
        self.call.input_tokens = vec![usage.input_tokens];
        self.call.output_tokens = Some(usage.output_tokens);
    }

    /// The model says why it ends.
    pub(super) fn stops(&mut self, reason: &StopReason) {
        self.call.finish_reason = Some(reason.as_str().to_owned());
    }

    /// A whole answer came; gives what it took.
    pub(super) fn answered(mut self, reason: &StopReason, usage: Option<&TokenUsage>) -> Usage {
        self.stops(reason);
        let usage = usage.map(counted);
        if let Some(usage) = usage {
            self.took(usage);
        }
        self.end();
        usage.unwrap_or_default()
    }

    /// It ends.
    pub(super) fn end(&mut self) {
        self.ends(self.began.elapsed());
    }

    /// It ends with an error of a kind of our own.
    pub(super) fn fails(&mut self, kind: &str) {
        self.call.error = Some(kind.to_owned());
        self.end();
    }

    /// It ends with the SDK's error; gives it as ours.
    pub(super) fn refused<E, R>(&mut self, error: SdkError<E, R>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        self.fails(kind(&error));
        model_error(error)
    }

    /// Of several calls that are told of together, one ended well.
    pub(super) fn one_of_many(&mut self, took: Duration, input_tokens: Option<u32>) {
        if self.call.is_full() {
            self.tell();
        }
        self.ends(took);
        self.call.input_tokens.extend(input_tokens);
    }

    /// Of several calls that are told of together, one failed.
    pub(super) fn one_failed(&mut self, took: Duration, kind: String) {
        if !self.call.durations.is_empty() {
            self.tell();
        }
        self.ends(took);
        self.call.error = Some(kind);
    }

    fn ends(&mut self, took: Duration) {
        self.ended = true;
        self.call.durations.push(seconds(took));
    }

    fn tell(&mut self) {
        let next = ModelCall::new(self.call.operation, &self.call.model);
        self.metrics.model_call(&std::mem::replace(&mut self.call, next));
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        if !self.ended {
            self.fails("cancelled");
        }
        self.tell();
    }
}

/// What an error is called in `error.type`: the service's own word, or what happened on the way.
pub(super) fn kind<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> &str {
    match error {
        SdkError::ServiceError(_) => error.code().unwrap_or("unknown"),
        SdkError::TimeoutError(_) => "timeout",
        SdkError::DispatchFailure(_) => "connection",
        _ => "unreadable",
    }
}

/// Whole microseconds.
fn seconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e6).round() / 1e6
}

//! The loop of a batch worker: what fails is given back by its id, so that only that is delivered again. Each job leaves one line
//! in the log.

use std::{collections::HashMap, future::Future, time::Instant};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};

use tracing::{Instrument, Span, field::Empty};

use crate::{
    error::Error,
    events::{Event, Job},
    queue::{Destination, Queue},
    telemetry,
};

/// Seconds until a failed job is tried again, times the tries so far.
const RETRY_SECONDS: i32 = 15;

/// How a job ends when it does not succeed.
#[derive(Debug)]
pub enum JobError {
    /// Another try may succeed: the message is given back.
    Retry(Error),
    /// No try can succeed: the message is done, and the reason is in the log.
    Fail(String),
}

impl From<Error> for JobError {
    fn from(error: Error) -> Self {
        Self::Retry(error)
    }
}

/// Runs `job` for all records of a batch at once and returns the ids of those to deliver again, in their order.
pub async fn run_batch<R, F, Fut>(records: Vec<(String, R)>, job: F) -> Vec<String>
where
    F: Fn(R) -> Fut,
    Fut: Future<Output = Result<(), JobError>>,
{
    let running = records.into_iter().map(|(id, record)| {
        // Of the highest level, so that the warnings of a deployment that logs nothing else say whose they are.
        let span = tracing::error_span!(
            "job",
            record = id,
            kind = Empty,
            tenant = Empty,
            bot = Empty,
            about = Empty
        );
        let outcome = job(record);
        let done = async move {
            let began = Instant::now();
            let outcome = outcome.await;
            tell(&outcome, began);
            matches!(outcome, Err(JobError::Retry(_))).then_some(id)
        };
        done.instrument(span)
    });
    let failed = futures::future::join_all(running).await;
    failed.into_iter().flatten().collect()
}

/// The line that a job leaves.
fn tell(outcome: &Result<(), JobError>, began: Instant) {
    let duration_ms = telemetry::milliseconds(began.elapsed());
    match outcome {
        Ok(()) => tracing::info!(outcome = "done", duration_ms, "job"),
        Err(JobError::Fail(why)) => tracing::error!(outcome = "failed", why, duration_ms, "job"),
        Err(JobError::Retry(error)) => {
            tracing::warn!(outcome = "retry", cause = error.why(), duration_ms, "job");
        }
    }
}

/// The job that a message holds. From here on the log says which it is.
///
/// # Errors
/// No try can succeed when it cannot be read.
pub fn job(message: &SqsMessage) -> Result<Job, JobError> {
    let body = message.body.as_deref().unwrap_or_default();
    let job = serde_json::from_str(body).map_err(|e| JobError::Fail(format!("undecodable message: {e}")))?;
    works_on(&job);
    Ok(job)
}

/// From here on the log says which job is done.
pub fn works_on(job: &Job) {
    let label = job.label();
    Span::current().record("kind", label.kind).record("about", label.about);
    label.tenant.map(telemetry::tenant);
}

/// From here on the log says which event is followed.
pub fn follows(event: &Event) {
    let span = Span::current();
    span.record("kind", event.kind.name())
        .record("about", event.id.as_str());
    telemetry::tenant(&event.tenant);
    event.bot.as_ref().map(telemetry::bot);
}

/// A job that is done elsewhere.
#[must_use]
pub fn misled(job: &Job) -> JobError {
    JobError::Fail(format!("not a job of this worker: {}", job.label().kind))
}

/// Runs `job` for all messages of a batch of the queue `from` and says which are to be delivered again.
pub async fn run_messages<F, Fut>(queue: &Queue, from: Destination, batch: SqsEvent, job: F) -> SqsBatchResponse
where
    F: Fn(SqsMessage) -> Fut,
    Fut: Future<Output = Result<(), JobError>>,
{
    let mut receipts = HashMap::new();
    let mut messages = Vec::new();
    for message in batch.records {
        let id = message.message_id.clone().unwrap_or_default();
        receipts.insert(id.clone(), (message.receipt_handle.clone(), tries(&message)));
        messages.push((id, message));
    }
    let failed = run_batch(messages, job).await;
    for (receipt, tries) in failed.iter().filter_map(|id| receipts.get(id)) {
        // Else it would stay hidden for the queue's whole visibility timeout, which must outlast six invocations.
        let again = queue
            .retry_in(from, receipt.as_deref().unwrap_or_default(), RETRY_SECONDS * tries)
            .await;
        if let Err(error) = again {
            tracing::warn!(%error, "the message comes back only after the visibility timeout");
        }
    }
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed.into_iter().map(failure).collect();
    response
}

/// Times that a queue delivers a message before it gives it up: `maxReceiveCount` in the template.
pub const MAX_TRIES: i32 = 5;

/// Whether the queue gives the message up when this try of it fails.
#[must_use]
pub fn is_last_try(message: &SqsMessage) -> bool {
    tries(message) >= MAX_TRIES
}

/// How often the message has been received, this time included.
fn tries(message: &SqsMessage) -> i32 {
    let count = message.attributes.get("ApproximateReceiveCount");
    count.and_then(|count| count.parse().ok()).unwrap_or(1).clamp(1, 20)
}

fn failure(message_id: String) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message_id;
    failure
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        ids::{FolderId, TenantId},
        telemetry::kept::Kept,
    };

    #[tokio::test]
    async fn each_job_leaves_one_line_that_says_how_it_ended() {
        let kept = Kept::default();
        let _begun = kept.begin();
        let of = Job::Audience {
            tenant: TenantId::new(),
            folder: FolderId::new(),
        };
        let records = ["done", "failed", "retry"].map(|record| (record.to_owned(), record));
        let given_back = run_batch(records.into(), |record| {
            let of = &of;
            async move {
                works_on(of);
                match record {
                    "done" => Ok(()),
                    "failed" => Err(JobError::Fail("it cannot be".to_owned())),
                    _ => Err(Error::unavailable("not now").into()),
                }
            }
        });
        assert_eq!(given_back.await, ["retry"]);
        let lines = kept.lines();
        assert_eq!(lines.len(), 3);
        for (line, (level, reason)) in lines.iter().zip([
            ("INFO", Value::Null),
            ("ERROR", json!("it cannot be")),
            ("WARN", json!("not now")),
        ]) {
            let label = of.label();
            assert_eq!(line["outcome"], line["record"]);
            assert_eq!(
                json!([line["kind"], line["tenant"], line["about"]]),
                json!(["audience", label.tenant, label.about])
            );
            assert_eq!(
                (&line["level"], &json!(line["why"].as_str().or(line["cause"].as_str()))),
                (&json!(level), &reason)
            );
        }
    }

    #[test]
    fn what_a_misled_job_holds_is_not_said() {
        let email = crate::logins::Email::parse("ann@example.com").unwrap();
        let job = Job::Code {
            email,
            purpose: crate::codes::Purpose::VerifyEmail,
        };
        let JobError::Fail(why) = misled(&job) else { panic!() };
        assert_eq!(why, "not a job of this worker: code");
    }
}

//! The loop of a batch worker: what fails is given back by its id, so that only that is delivered again.

use std::{collections::HashMap, future::Future};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};

use crate::{
    error::{Error, chain},
    queue::{Destination, Queue},
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
        let outcome = job(record);
        async move { (id, outcome.await) }
    });
    let mut failed = Vec::new();
    for (id, outcome) in futures::future::join_all(running).await {
        match outcome {
            Ok(()) => {}
            Err(JobError::Fail(why)) => tracing::error!(record = id, why, "job failed for good"),
            Err(JobError::Retry(error)) => {
                let cause = match &error {
                    Error::Internal(cause) | Error::Unavailable { cause, .. } => chain(cause.as_ref()),
                    other => other.to_string(),
                };
                tracing::warn!(record = id, cause, "job will be tried again");
                failed.push(id);
            }
        }
    }
    failed
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

/// How often the message has been received, this time included.
#[must_use]
pub fn tries(message: &SqsMessage) -> i32 {
    let count = message.attributes.get("ApproximateReceiveCount");
    count.and_then(|count| count.parse().ok()).unwrap_or(1).clamp(1, 20)
}

fn failure(message_id: String) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message_id;
    failure
}

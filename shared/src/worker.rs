//! The loop of a batch worker: what fails is given back by its id, so that only that is delivered again.

use std::future::Future;

use crate::error::{Error, chain};

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

//! Queues, in SQS. Only `relay` sends (and `ingest` gives back): everybody else writes an event in the transaction of the change.

use aws_sdk_sqs::{Client, types::SendMessageBatchRequestEntry};
use aws_types::SdkConfig;
use serde::Serialize;

use crate::error::Error;

/// Messages that one `SendMessageBatch` takes.
const BATCH: usize = 10;

/// The queue of ingest jobs.
#[derive(Clone, Debug)]
pub struct Queue {
    client: Client,
    ingest_url: Option<String>,
}

impl Queue {
    /// The queue at `ingest_url`, where this function may send to it.
    #[must_use]
    pub fn new(ingest_url: Option<String>, sdk: &SdkConfig) -> Self {
        Self {
            client: Client::new(sdk),
            ingest_url,
        }
    }

    /// Sends jobs to the ingest queue.
    ///
    /// # Errors
    /// When this function has no queue, or SQS did not take all of them.
    pub async fn send_ingest<J: Serialize>(&self, jobs: &[J]) -> Result<(), Error> {
        let url = self
            .ingest_url
            .as_deref()
            .ok_or_else(|| Error::internal("INGEST_QUEUE_URL is not set"))?;
        for jobs in jobs.chunks(BATCH) {
            let entries = jobs.iter().enumerate().map(entry).collect::<Result<Vec<_>, _>>()?;
            let send = self
                .client
                .send_message_batch()
                .queue_url(url)
                .set_entries(Some(entries));
            let answer = send.send().await.map_err(Error::unavailable)?;
            if let Some(failed) = answer.failed.first() {
                return Err(Error::unavailable(format!("SQS refused a message: {}", failed.code)));
            }
        }
        Ok(())
    }
}

impl Queue {
    /// Lets a message of the ingest queue be received again after so many seconds.
    ///
    /// # Errors
    /// When SQS does not answer, or the message is no longer ours.
    pub async fn retry_in(&self, receipt_handle: &str, seconds: i32) -> Result<(), Error> {
        let url = self
            .ingest_url
            .as_deref()
            .ok_or_else(|| Error::internal("INGEST_QUEUE_URL is not set"))?;
        let change = self
            .client
            .change_message_visibility()
            .queue_url(url)
            .receipt_handle(receipt_handle);
        change
            .visibility_timeout(seconds)
            .send()
            .await
            .map_err(Error::unavailable)?;
        Ok(())
    }
}

fn entry<J: Serialize>((n, job): (usize, &J)) -> Result<SendMessageBatchRequestEntry, Error> {
    let body = serde_json::to_string(job).map_err(Error::internal)?;
    SendMessageBatchRequestEntry::builder()
        .id(n.to_string())
        .message_body(body)
        .build()
        .map_err(Error::internal)
}

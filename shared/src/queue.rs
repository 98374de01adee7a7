//! Queues, in SQS. Only `relay` and `tick` send (and workers, to themselves): everybody else writes an event in the transaction
//! of the change.

use std::collections::HashMap;

use aws_sdk_sqs::{
    Client,
    types::{QueueAttributeName, SendMessageBatchRequestEntry},
};
use aws_types::SdkConfig;

use crate::{config::Config, error::Error, events::Job, sdk::OnUse};

/// Messages that one `SendMessageBatch` takes.
pub const BATCH: usize = 10;
/// Longest delay of a message, in seconds.
const MAX_DELAY: u32 = 900;

/// A queue, by the worker that reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Destination {
    /// `ingest`: documents, their versions and audiences.
    Ingest,
    /// `erase`: removing things from every store.
    Erase,
    /// `insights`: reading archived conversations.
    Insights,
    /// `run-routine`: runs of routines.
    Routines,
    /// `deliver`: what webhooks are told.
    Deliver,
    /// Nobody: deliveries that were given up, until somebody moves them back.
    DeliverDeadLetters,
}

impl Destination {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Ingest,
        Self::Erase,
        Self::Insights,
        Self::Routines,
        Self::Deliver,
        Self::DeliverDeadLetters,
    ];

    /// The variable with its URL.
    #[must_use]
    pub fn variable(self) -> &'static str {
        match self {
            Self::Ingest => "INGEST_QUEUE_URL",
            Self::Erase => "ERASE_QUEUE_URL",
            Self::Insights => "INSIGHTS_QUEUE_URL",
            Self::Routines => "ROUTINES_QUEUE_URL",
            Self::Deliver => "DELIVER_QUEUE_URL",
            Self::DeliverDeadLetters => "DELIVER_DEAD_LETTERS_URL",
        }
    }
}

/// The queues that this function may use.
#[derive(Clone, Debug)]
pub struct Queue {
    client: OnUse<Client>,
    urls: HashMap<Destination, String>,
}

impl Queue {
    /// The queues that the settings name.
    #[must_use]
    pub fn new(config: &Config, sdk: &SdkConfig) -> Self {
        Self {
            client: OnUse::new(sdk),
            urls: config.queue_urls.clone(),
        }
    }

    fn client(&self) -> &Client {
        self.client.get(Client::new)
    }

    /// Sends jobs to a queue.
    ///
    /// # Errors
    /// When this function does not have that queue, or SQS did not take all of them.
    pub async fn send(&self, to: Destination, jobs: &[&Job]) -> Result<(), Error> {
        let at_once: Vec<(&Job, u32)> = jobs.iter().map(|job| (*job, 0)).collect();
        self.send_each(to, &at_once).await
    }

    /// Sends a job to a queue, to be received after so many seconds, at most 15 minutes.
    ///
    /// # Errors
    /// When this function does not have that queue, or SQS did not take it.
    pub async fn send_in(&self, to: Destination, job: &Job, seconds: u32) -> Result<(), Error> {
        self.send_each(to, &[(job, seconds)]).await
    }

    /// Sends jobs to a queue, each to be received after so many seconds, at most 15 minutes.
    ///
    /// # Errors
    /// When this function does not have that queue, or SQS did not take all of them.
    pub async fn send_each(&self, to: Destination, jobs: &[(&Job, u32)]) -> Result<(), Error> {
        for jobs in jobs.chunks(BATCH) {
            let entries = jobs
                .iter()
                .enumerate()
                .map(|(n, (job, seconds))| entry(n, job, *seconds));
            let send = self
                .client()
                .send_message_batch()
                .queue_url(self.url(to)?)
                .set_entries(Some(entries.collect::<Result<Vec<_>, _>>()?));
            let answer = send.send().await.map_err(Error::unavailable)?;
            if let Some(failed) = answer.failed.first() {
                return Err(Error::unavailable(format!("SQS refused a message: {}", failed.code)));
            }
        }
        Ok(())
    }

    /// Asks whether a queue is there.
    ///
    /// # Errors
    /// When this function does not have that queue, or SQS does not answer.
    pub async fn ping(&self, queue: Destination) -> Result<(), Error> {
        let attributes = self.client().get_queue_attributes().queue_url(self.url(queue)?);
        attributes
            .attribute_names(QueueAttributeName::QueueArn)
            .send()
            .await
            .map_err(Error::unavailable)?;
        Ok(())
    }

    /// Lets a received message be received again after so many seconds.
    ///
    /// # Errors
    /// When SQS does not answer, or the message is no longer ours.
    pub async fn retry_in(&self, from: Destination, receipt_handle: &str, seconds: i32) -> Result<(), Error> {
        let change = self
            .client()
            .change_message_visibility()
            .queue_url(self.url(from)?)
            .receipt_handle(receipt_handle);
        change
            .visibility_timeout(seconds)
            .send()
            .await
            .map_err(Error::unavailable)?;
        Ok(())
    }

    fn url(&self, of: Destination) -> Result<&str, Error> {
        let url = self.urls.get(&of);
        url.map(String::as_str)
            .ok_or_else(|| Error::internal(format!("{} is not set", of.variable())))
    }
}

fn entry(n: usize, job: &Job, seconds: u32) -> Result<SendMessageBatchRequestEntry, Error> {
    let body = serde_json::to_string(job).map_err(Error::internal)?;
    let delay = i32::try_from(seconds.min(MAX_DELAY)).map_err(Error::internal)?;
    SendMessageBatchRequestEntry::builder()
        .id(n.to_string())
        .message_body(body)
        .delay_seconds(delay)
        .set_message_group_id(job.group().map(str::to_owned))
        .build()
        .map_err(Error::internal)
}

//! A queue and the function that works through it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::SqsEvent;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName,
};
use aws_sdk_sqs::{Client, operation::receive_message::ReceiveMessageOutput};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::backoff;
use super::message::{id, receive_count, record};
use crate::functions::QueueWorker;
use crate::server::{Stop, stopped};
use crate::template::QueueSource;

/// A received message is hidden for this long, and again while its work goes on. It is far shorter than the queue's own
/// time, so that what a killed process had in hand comes back at once.
const LEASE_SECONDS: i32 = 15;
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// How long a receive waits for a message, in seconds: SQS's longest.
const LONG_POLL: i32 = 20;
/// Batches at once where the template does not say. Lambda starts with five pollers and adds more as the queue grows, which a laptop
/// has no use for.
const CONCURRENCY: usize = 5;
/// The most that `MaximumConcurrency` may say.
const MOST_CONCURRENCY: usize = 1_000;

/// All that working through a queue takes.
#[derive(Clone)]
pub struct Poller {
    /// The service.
    pub sqs: Client,
    /// The queue.
    pub url: String,
    /// The mapping as the template has it.
    pub source: QueueSource,
    /// The function.
    pub worker: QueueWorker,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// Called after each batch: the table may have changed.
    pub on_write: Arc<dyn Fn() + Send + Sync>,
}

/// Works through the queue until `stop`; batches in hand are then given back.
pub async fn poll_queue(poller: Poller, mut stop: Stop) {
    let most = poller
        .source
        .scaling_config
        .maximum_concurrency
        .unwrap_or(CONCURRENCY)
        .clamp(1, MOST_CONCURRENCY);
    let room = Arc::new(Semaphore::new(most));
    let mut batches = JoinSet::new();
    let mut failures = 0;
    loop {
        let received = tokio::select! {
            received = poller.receive(&room) => received,
            () = stopped(&mut stop) => break,
        };
        match received {
            Ok((permit, messages)) => {
                failures = 0;
                if !messages.is_empty() {
                    let (poller, stop) = (poller.clone(), stop.clone());
                    batches.spawn(async move {
                        poller.work(messages, stop).await;
                        drop(permit);
                    });
                }
            }
            Err(why) => {
                failures += 1;
                tracing::warn!(why, queue = poller.url, "messages could not be received");
                tokio::time::sleep(backoff::before(failures)).await;
            }
        }
        while batches.try_join_next().is_some() {}
    }
    while batches.join_next().await.is_some() {}
}

impl Poller {
    /// Waits for room and then for messages.
    async fn receive(
        &self,
        room: &Arc<Semaphore>,
    ) -> Result<(Option<tokio::sync::OwnedSemaphorePermit>, Vec<Message>), String> {
        let permit = Arc::clone(room).acquire_owned().await.ok();
        let size = i32::try_from(self.source.batch_size.clamp(1, 10)).unwrap_or(10);
        let received = self
            .sqs
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(size)
            .wait_time_seconds(LONG_POLL)
            .visibility_timeout(LEASE_SECONDS)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await;
        let ReceiveMessageOutput { messages, .. } = received.map_err(|why| DisplayErrorContext(why).to_string())?;
        Ok((permit, messages.unwrap_or_default()))
    }

    async fn work(&self, messages: Vec<Message>, mut stop: Stop) {
        let failed = tokio::select! {
            failed = self.invoke(&messages) => Some(failed),
            () = self.renew(&messages) => None,
            () = stopped(&mut stop) => None,
        };
        let Some(failed) = failed else {
            return self.give_back(messages.iter(), |_| 0).await;
        };
        let (failed, succeeded): (Vec<_>, Vec<_>) = messages.iter().partition(|message| failed.contains(id(message)));
        self.delete(succeeded).await;
        // Lambda would leave them hidden for the queue's own time; nobody waits twelve minutes at a laptop.
        self.give_back(failed.into_iter(), |message| {
            i32::try_from(backoff::before(receive_count(message) + 2).as_secs().max(1)).unwrap_or(1)
        })
        .await;
        (self.on_write)();
    }

    /// Runs the function and returns the ids of the messages that failed.
    async fn invoke<'a>(&self, messages: &'a [Message]) -> HashSet<&'a str> {
        let all = || messages.iter().map(id).collect::<HashSet<_>>();
        let records: Vec<Value> = messages
            .iter()
            .map(|message| record(message, &self.source.queue))
            .collect();
        let event: SqsEvent = match serde_json::from_value(json!({ "Records": records })) {
            Ok(event) => event,
            Err(why) => {
                tracing::error!(%why, "a batch of messages could not be read");
                return all();
            }
        };
        let task = tokio::spawn((self.worker)(event));
        let running = task.abort_handle();
        let response = match tokio::time::timeout(self.timeout, task).await {
            Ok(Ok(Ok(response))) => response,
            failure => {
                // Lambda ends a function that takes too long.
                running.abort();
                tracing::warn!(?failure, "a batch of messages failed");
                return all();
            }
        };
        if !self
            .source
            .function_response_types
            .iter()
            .any(|each| each == "ReportBatchItemFailures")
        {
            return HashSet::new();
        }
        let reported: Vec<&str> = response
            .batch_item_failures
            .iter()
            .map(|failure| failure.item_identifier.as_str())
            .collect();
        let known = all();
        // As Lambda has it: a report that names an unknown message fails the whole batch.
        if reported.iter().any(|id| !known.contains(id)) {
            known
        } else {
            known.into_iter().filter(|id| reported.contains(id)).collect()
        }
    }

    /// Keeps messages hidden for as long as they are worked on.
    async fn renew(&self, messages: &[Message]) {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            self.give_back(messages.iter(), |_| LEASE_SECONDS).await;
        }
    }

    async fn delete(&self, messages: Vec<&Message>) {
        if messages.is_empty() {
            return;
        }
        let entries = messages.iter().enumerate().filter_map(|(n, message)| {
            let entry = DeleteMessageBatchRequestEntry::builder()
                .id(n.to_string())
                .receipt_handle(message.receipt_handle()?);
            entry.build().ok()
        });
        let deleted = self
            .sqs
            .delete_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries.collect()))
            .send()
            .await;
        if let Err(why) = deleted {
            tracing::warn!(why = %DisplayErrorContext(why), "done messages were not deleted and will come again");
        }
    }

    /// Hides messages for `seconds` from now.
    async fn give_back<'a>(&self, messages: impl Iterator<Item = &'a Message>, seconds: impl Fn(&Message) -> i32) {
        let entries = messages.enumerate().filter_map(|(n, message)| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(n.to_string())
                .receipt_handle(message.receipt_handle()?)
                .visibility_timeout(seconds(message));
            entry.build().ok()
        });
        let entries: Vec<_> = entries.collect();
        if entries.is_empty() {
            return;
        }
        let changed = self
            .sqs
            .change_message_visibility_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries))
            .send()
            .await;
        if let Err(why) = changed {
            tracing::debug!(why = %DisplayErrorContext(why), "messages keep the time they have");
        }
    }
}

//! One batch of a stream brought to its function in order: what fails is tried again from there, and given up in the end.

use std::future::Future;
use std::ops::Range;
use std::time::Duration;

use aws_lambda_events::{dynamodb::Event, streams::DynamoDbEventResponse};
use serde_json::json;

use super::backoff;
use crate::functions::StreamWorker;
use crate::services::Record;
use crate::template::StreamSource;

/// How a batch is delivered.
pub struct Delivery<'a> {
    pub source: &'a StreamSource,
    pub worker: &'a StreamWorker,
    pub timeout: Duration,
}

/// A part of a batch that was given up.
#[derive(Debug)]
pub struct GivenUp {
    /// Sequence number of its first record.
    pub first: String,
    /// Sequence number of its last record.
    pub last: String,
    /// How many records it holds.
    pub records: usize,
    /// How often it was tried.
    pub tries: u32,
}

/// What became of an invocation.
enum Outcome {
    Done,
    /// The record at this place, and all after it, are to be tried again.
    FailedFrom(usize),
    Failed,
}

impl Delivery<'_> {
    /// Delivers records in order. `done` hears of each sequence number up to which all is dealt with; `give_up` of what
    /// was not accepted after the last try.
    pub async fn run<F: Future<Output = ()>>(
        &self,
        records: &[Record],
        mut done: impl FnMut(&str),
        give_up: impl Fn(GivenUp) -> F,
    ) {
        let mut waiting: Vec<(Range<usize>, u32)> = vec![(0..records.len(), 0)];
        while let Some((range, tries)) = waiting.pop() {
            if range.is_empty() {
                continue;
            }
            let batch = &records[range.clone()];
            let failed = match self.invoke(batch).await {
                Outcome::Done => {
                    done(&batch[batch.len() - 1].sequence);
                    continue;
                }
                Outcome::FailedFrom(0) => range.clone(),
                Outcome::FailedFrom(place) => {
                    done(&batch[place - 1].sequence);
                    waiting.push((range.start + place..range.end, 0));
                    continue;
                }
                Outcome::Failed if self.source.bisect_batch_on_function_error && range.len() > 1 => {
                    // Halving finds the poisonous record; it does not count as a try.
                    let middle = range.start + range.len() / 2;
                    waiting.push((middle..range.end, tries));
                    waiting.push((range.start..middle, tries));
                    continue;
                }
                Outcome::Failed => range.clone(),
            };
            let tries = tries + 1;
            if self.source.maximum_retry_attempts.is_none_or(|most| tries <= most) {
                waiting.push((failed, tries));
                tokio::time::sleep(backoff::before(tries)).await;
                continue;
            }
            // A batch that reports its failures is stuck at its first record only.
            let end = if self.reports() { range.start + 1 } else { range.end };
            let last = &records[end - 1].sequence;
            let first = records[range.start].sequence.clone();
            give_up(GivenUp {
                first,
                last: last.clone(),
                records: end - range.start,
                tries,
            })
            .await;
            done(last);
            waiting.push((end..range.end, 0));
        }
    }

    fn reports(&self) -> bool {
        self.source
            .function_response_types
            .iter()
            .any(|each| each == "ReportBatchItemFailures")
    }

    async fn invoke(&self, batch: &[Record]) -> Outcome {
        let records = batch.iter().map(|record| {
            let mut json = record.json.clone();
            json["eventSourceARN"] = json!(self.source.stream);
            json
        });
        let records: Vec<_> = records.collect();
        let event: Event = match serde_json::from_value(json!({ "Records": records })) {
            Ok(event) => event,
            Err(why) => {
                tracing::error!(%why, "a batch of the stream could not be read");
                return Outcome::Failed;
            }
        };
        let task = tokio::spawn((self.worker)(event));
        let running = task.abort_handle();
        match tokio::time::timeout(self.timeout, task).await {
            Ok(Ok(Ok(response))) if self.reports() => lowest_failure(batch, &response),
            Ok(Ok(Ok(_))) => Outcome::Done,
            Ok(Ok(Err(why))) => failed(&why),
            Ok(Err(panic)) => failed(&panic),
            Err(late) => {
                // Lambda ends a function that takes too long.
                running.abort();
                failed(&late)
            }
        }
    }
}

fn failed(why: &dyn std::fmt::Display) -> Outcome {
    tracing::warn!(%why, "a batch of the stream failed");
    Outcome::Failed
}

/// Lambda tries again from the lowest reported record; a report that names none of the batch fails it whole.
fn lowest_failure(batch: &[Record], response: &DynamoDbEventResponse) -> Outcome {
    if response.batch_item_failures.is_empty() {
        return Outcome::Done;
    }
    let reported = response.batch_item_failures.iter().map(|failure| {
        let id = failure.item_identifier.as_deref()?;
        batch.iter().position(|record| record.sequence == id)
    });
    match reported
        .collect::<Option<Vec<_>>>()
        .and_then(|places| places.into_iter().min())
    {
        Some(place) => Outcome::FailedFrom(place),
        None => Outcome::Failed,
    }
}

#[cfg(test)]
mod tests;

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
            give_up(GivenUp { first, last: last.clone(), records: end - range.start, tries }).await;
            done(last);
            waiting.push((end..range.end, 0));
        }
    }

    fn reports(&self) -> bool {
        self.source.function_response_types.iter().any(|each| each == "ReportBatchItemFailures")
    }

    async fn invoke(&self, batch: &[Record]) -> Outcome {
        let records: Vec<_> = batch.iter().map(|record| &record.json).collect();
        let event: Event = match serde_json::from_value(json!({ "Records": records })) {
            Ok(event) => event,
            Err(why) => {
                tracing::error!(%why, "a batch of the stream could not be read");
                return Outcome::Failed;
            }
        };
        match tokio::time::timeout(self.timeout, tokio::spawn((self.worker)(event))).await {
            Ok(Ok(Ok(response))) if self.reports() => lowest_failure(batch, &response),
            Ok(Ok(Ok(_))) => Outcome::Done,
            Ok(Ok(Err(why))) => failed(&why),
            Ok(Err(panic)) => failed(&panic),
            Err(late) => failed(&late),
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
    match reported.collect::<Option<Vec<_>>>().and_then(|places| places.into_iter().min()) {
        Some(place) => Outcome::FailedFrom(place),
        None => Outcome::Failed,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use futures::FutureExt;

    use super::*;

    fn records(count: usize) -> Vec<Record> {
        let record = |n: usize| {
            let keys = json!({"sk": {"S": format!("{n}")}});
            let change = json!({"Keys": keys, "SequenceNumber": format!("{n:021}"), "ApproximateCreationDateTime": 1});
            let json = json!({"eventID": n.to_string(), "eventName": "INSERT", "awsRegion": "x", "dynamodb": change});
            Record { sequence: format!("{n:021}"), json }
        };
        (0..count).map(record).collect()
    }

    fn source(retries: u32) -> StreamSource {
        serde_json::from_value(json!({
            "Stream": "arn", "BisectBatchOnFunctionError": true, "MaximumRetryAttempts": retries,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
        }))
        .unwrap()
    }

    /// Runs a batch whose record `poison` fails, by report or by error; returns what was seen, done and given up.
    async fn run(poison: usize, by_report: bool) -> (Vec<String>, Vec<String>, Vec<GivenUp>) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        let worker: StreamWorker = Arc::new(move |event: Event| {
            let noted = Arc::clone(&noted);
            async move {
                let mut response = DynamoDbEventResponse::default();
                for record in &event.records {
                    let sequence = record.change.sequence_number.clone().unwrap();
                    if sequence.parse::<usize>().unwrap() == poison {
                        if !by_report {
                            return Err("poison".into());
                        }
                        response.add_failure(sequence);
                        return Ok(response);
                    }
                    noted.lock().unwrap().push(sequence);
                }
                Ok(response)
            }
            .boxed()
        });
        let (done, given_up) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
        let source = source(1);
        let delivery = Delivery { source: &source, worker: &worker, timeout: Duration::from_secs(5) };
        let note = |sequence: &str| done.lock().unwrap().push(sequence.to_owned());
        delivery
            .run(&records(5), note, |what| {
                given_up.lock().unwrap().push(what);
                std::future::ready(())
            })
            .await;
        let seen = seen.lock().unwrap().clone();
        (seen, done.into_inner().unwrap(), given_up.into_inner().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_reported_record_is_tried_again_and_given_up_alone() {
        let (seen, done, given_up) = run(2, true).await;
        assert_eq!(seen, ["0", "1", "3", "4"].map(|n| format!("{n:0>21}")));
        assert_eq!(done.last().unwrap(), &format!("{:021}", 4));
        assert_eq!(given_up.len(), 1);
        assert_eq!((given_up[0].records, given_up[0].first.as_str()), (1, format!("{:021}", 2).as_str()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failing_batch_is_halved_until_the_poison_is_alone() {
        let (seen, done, given_up) = run(3, false).await;
        assert!(seen.contains(&format!("{:021}", 4)), "{seen:?}");
        assert_eq!(given_up.len(), 1);
        assert_eq!(given_up[0].first, format!("{:021}", 3));
        assert!(done.is_sorted());
    }
}

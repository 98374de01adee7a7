//! A table's stream and the function that follows it.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::{Client, error::DisplayErrorContext};
use serde_json::json;
use shared::clock::Clock;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::deliver::{Delivery, GivenUp};
use super::{Checkpoint, Filter};
use crate::error::Error;
use crate::functions::StreamWorker;
use crate::server::{Stop, stopped};
use crate::services::{Journal, Read, Record, position, sequence};
use crate::template::StreamSource;

/// Records looked at in one read.
const READ_AT_ONCE: i64 = 500;
/// How soon a write is noticed that no invocation announced (a test's own, or one after its client left).
const GLANCE_EVERY: Duration = Duration::from_millis(100);
/// How often what was consumed is removed.
const TRIM_EVERY: Duration = Duration::from_secs(1);

/// All that bringing a stream to its function takes.
pub struct Follower {
    /// The mapping as the template has it.
    pub source: StreamSource,
    /// The function.
    pub worker: StreamWorker,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// Where word of what was given up goes.
    pub dead_letters: Option<(Client, String)>,
}

/// Follows the embedded table's stream until `stop`. `changed` is rung when the table may have changed.
///
/// # Errors
/// When the mapping's filter cannot be understood.
pub fn follow_journal(
    journal: Journal,
    follower: Follower,
    mut checkpoint: Checkpoint,
    changed: Arc<Notify>,
    mut stop: Stop,
) -> Result<impl Future<Output = ()> + Send, Error> {
    let filter = Arc::new(follower.filter()?);
    Ok(async move {
        tokio::select! {
            () = follower.follow(&journal, &filter, &mut checkpoint, &changed) => {}
            () = stopped(&mut stop) => {}
        }
    })
}

impl Follower {
    /// The filter of the mapping.
    pub(super) fn filter(&self) -> Result<Filter, Error> {
        Filter::new(
            self.source
                .filter_criteria
                .filters
                .iter()
                .map(|filter| filter.pattern.as_str()),
        )
    }

    async fn follow(&self, journal: &Journal, filter: &Arc<Filter>, checkpoint: &mut Checkpoint, changed: &Notify) {
        let mut at = checkpoint.sequence().and_then(position).unwrap_or_default();
        let mut trimmed = Instant::now();
        loop {
            let version = journal.version();
            let read = read(journal, at, Arc::clone(filter)).await;
            let Some(position) = read.position else {
                checkpoint.advance(&sequence(at));
                change_after(journal, version, changed).await;
                continue;
            };
            for batch in read.records.chunks(self.source.batch_size.max(1)) {
                self.deliver(batch, checkpoint).await;
            }
            at = position;
            if trimmed.elapsed() > TRIM_EVERY {
                checkpoint.advance(&sequence(at));
                trim(journal, at).await;
                trimmed = Instant::now();
            }
        }
    }

    /// Brings a batch to the function; what is not accepted in the end is given up.
    pub(super) async fn deliver(&self, batch: &[Record], checkpoint: &mut Checkpoint) {
        let delivery = Delivery {
            source: &self.source,
            worker: &self.worker,
            timeout: self.timeout,
        };
        let dead_letters = self.dead_letters.as_ref();
        let give_up = |what| give_up(dead_letters, &self.source.stream, what);
        delivery
            .run(batch, |sequence| checkpoint.advance(sequence), give_up)
            .await;
    }
}

async fn read(journal: &Journal, at: i64, filter: Arc<Filter>) -> Read {
    let journal = journal.clone();
    let read = move || journal.read(at, READ_AT_ONCE, filter.needs_images(), |record| filter.accepts(record));
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(read)) => read,
        Ok(Err(why)) => {
            tracing::warn!(%why, "the table's stream could not be read");
            Read::default()
        }
        Err(_) => Read::default(),
    }
}

/// Waits for a change after the given version of the file.
async fn change_after(journal: &Journal, version: i64, changed: &Notify) {
    loop {
        tokio::select! {
            () = changed.notified() => {}
            () = tokio::time::sleep(GLANCE_EVERY) => {}
        }
        if journal.version() != version {
            return;
        }
    }
}

async fn trim(journal: &Journal, consumed: i64) {
    let journal = journal.clone();
    let now = Clock::default().now().second();
    let trim = move || {
        // At most ten rounds, so that a long backlog does not hold up what is new.
        for _ in 0..10 {
            if !journal.trim(consumed, now)? {
                break;
            }
        }
        Ok::<_, rusqlite::Error>(())
    };
    if let Ok(Err(why)) = tokio::task::spawn_blocking(trim).await {
        tracing::warn!(%why, "consumed records could not be removed");
    }
}

/// Sends the word that Lambda sends of a batch that was given up.
async fn give_up(dead_letters: Option<&(Client, String)>, stream_arn: &str, what: GivenUp) {
    tracing::error!(
        first = what.first,
        last = what.last,
        tries = what.tries,
        "records of the stream were given up"
    );
    let Some((sqs, queue)) = dead_letters else { return };
    let word = json!({
        "requestContext": {
            "requestId": shared::ids::fresh(),
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": what.tries,
        },
        "version": "1.0",
        "timestamp": Clock::default().now(),
        "DDBStreamBatchInfo": {
            "startSequenceNumber": what.first,
            "endSequenceNumber": what.last,
            "batchSize": what.records,
            "streamArn": stream_arn,
        },
    });
    let sent = sqs
        .send_message()
        .queue_url(queue)
        .message_body(word.to_string())
        .send()
        .await;
    if let Err(why) = sent {
        tracing::error!(why = %DisplayErrorContext(why), "word of given-up records was not sent");
    }
}

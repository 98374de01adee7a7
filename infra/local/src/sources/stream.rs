//! A table's stream and the function that follows it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::{Client, error::DisplayErrorContext};
use serde_json::json;
use shared::clock::Clock;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Filter, GivenUp, deliver::Delivery};
use crate::error::Error;
use crate::functions::StreamWorker;
use crate::server::Stop;
use crate::services::{Journal, Read, position};
use crate::template::StreamSource;

/// Records looked at in one read.
const READ_AT_ONCE: i64 = 500;
/// How soon a write is noticed that no invocation announced (a test's own, or one after its client left).
const GLANCE_EVERY: Duration = Duration::from_millis(100);
/// How often what was consumed is removed.
const TRIM_EVERY: Duration = Duration::from_secs(1);

/// How far a function has come in a stream, kept in a file.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    position: i64,
}

impl Checkpoint {
    /// Reads the file; without one, the stream is read from its beginning.
    #[must_use]
    pub fn load(path: &Path) -> Self {
        let position = std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok()).unwrap_or_default();
        Self { path: path.to_owned(), position }
    }

    /// Moves on, never back. The file is replaced as a whole, so that it is always one or the other.
    fn advance(&mut self, position: i64) {
        if position <= self.position {
            return;
        }
        self.position = position;
        let fresh = self.path.with_extension("new");
        let written = std::fs::write(&fresh, position.to_string()).and_then(|()| std::fs::rename(&fresh, &self.path));
        if let Err(why) = written {
            tracing::error!(%why, path = %self.path.display(), "the stream's checkpoint was not written");
        }
    }
}

/// All that following a stream takes.
pub struct Follower {
    /// The stream.
    pub journal: Journal,
    /// The mapping as the template has it.
    pub source: StreamSource,
    /// The function.
    pub worker: StreamWorker,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// How far it has come.
    pub checkpoint: Checkpoint,
    /// Rung when the table may have changed.
    pub changed: Arc<Notify>,
    /// Where word of what was given up goes.
    pub dead_letters: Option<(Client, String)>,
}

/// Follows the stream until `stop`.
///
/// # Errors
/// When the mapping's filter cannot be understood.
pub fn follow_stream(mut follower: Follower, mut stop: Stop) -> Result<impl Future<Output = ()> + Send, Error> {
    let patterns = follower.source.filter_criteria.filters.iter().map(|filter| filter.pattern.as_str());
    let filter = Arc::new(Filter::new(patterns)?);
    Ok(async move {
        tokio::select! {
            () = follower.follow(filter) => {}
            _ = stop.wait_for(|stopped| *stopped) => {}
        }
    })
}

impl Follower {
    async fn follow(&mut self, filter: Arc<Filter>) {
        let mut at = self.checkpoint.position;
        let mut trimmed = Instant::now();
        loop {
            let version = self.journal.version();
            let read = self.read(at, Arc::clone(&filter)).await;
            let Some(position) = read.position else {
                self.checkpoint.advance(at);
                self.change_after(version).await;
                continue;
            };
            for batch in read.records.chunks(self.source.batch_size.max(1)) {
                self.deliver(batch).await;
            }
            at = position;
            if trimmed.elapsed() > TRIM_EVERY {
                self.checkpoint.advance(at);
                self.trim(at).await;
                trimmed = Instant::now();
            }
        }
    }

    async fn read(&self, at: i64, filter: Arc<Filter>) -> Read {
        let journal = self.journal.clone();
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
    async fn change_after(&self, version: i64) {
        loop {
            tokio::select! {
                () = self.changed.notified() => {}
                () = tokio::time::sleep(GLANCE_EVERY) => {}
            }
            if self.journal.version() != version {
                return;
            }
        }
    }

    async fn deliver(&mut self, batch: &[crate::services::Record]) {
        let delivery = Delivery { source: &self.source, worker: &self.worker, timeout: self.timeout };
        let checkpoint = &mut self.checkpoint;
        let done = |sequence: &str| {
            if let Some(position) = position(sequence) {
                checkpoint.advance(position);
            }
        };
        let dead_letters = &self.dead_letters;
        let arn = &self.source.stream;
        delivery.run(batch, done, |what| give_up(dead_letters.as_ref(), arn, what)).await;
    }

    async fn trim(&self, consumed: i64) {
        let journal = self.journal.clone();
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
}

/// Sends the word that Lambda sends of a batch that was given up.
async fn give_up(dead_letters: Option<&(Client, String)>, stream_arn: &str, what: GivenUp) {
    tracing::error!(first = what.first, last = what.last, tries = what.tries, "records of the stream were given up");
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
    let sent = sqs.send_message().queue_url(queue).message_body(word.to_string()).send().await;
    if let Err(why) = sent {
        tracing::error!(why = %DisplayErrorContext(why), "word of given-up records was not sent");
    }
}

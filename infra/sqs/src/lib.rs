//! A durable SQS server for one machine: the wire protocol of the AWS SDKs on one side, one SQLite file on the other.
//!
//! It offers the standard-queue operations that this project and its tests use: creating, describing, changing, listing,
//! purging and deleting queues; sending, receiving, deleting and re-timing messages, singly and in batches; long polling;
//! fair queues; dead-letter queues and moving messages back out of them. Everything else is refused with `UnsupportedOperation`.
//! Requests are not authenticated: bind it to loopback.
//!
//! Fair queues: messages that carry a `MessageGroupId` are received in turn, first those of the group with the fewest messages in
//! flight, the ones that the same receive has taken included. A group with a long backlog or with slow messages thus does not delay the
//! others, and has all of the capacity that they leave. A message without a group counts as a group of its own; a queue without
//! groups is first in, first out. The real service waits until a group has at least 30 messages and a tenth of all in flight before it
//! prefers the others; this one always does.
//!
//! `StartMessageMoveTask` moves all visible messages of a dead-letter queue before it answers, whatever `MaxNumberOfMessagesPerSecond`
//! says; what is in flight there stays. They arrive as new messages: another id, another time of sending, no receives. Where a message
//! has no way back, because it was sent to the dead-letter queue or its queue is gone, it stays, and the task is listed as `FAILED`
//! although the others moved. There is never a task to cancel.
//!
//! Durability: a call is answered after its transaction is committed to the write-ahead log. Because the log is handed to the operating
//! system at each commit but flushed to the disk only at checkpoints (`synchronous = NORMAL`), a killed process loses nothing that was
//! answered, while a power failure may lose the last moments; neither can corrupt the file.
//!
//! Differences from the real service, on purpose: without groups, order is first in, first out as long as nobody fails; a second `PurgeQueue` or
//! re-creating a deleted queue need not wait 60 seconds; there is no limit of messages in flight; queue tags and the X-Ray
//! header of a message are accepted and forgotten.

mod attributes;
mod batch;
mod clock;
mod digest;
mod error;
mod fault;
mod http;
mod message;
mod moves;
mod operations;
mod queue;
mod receipt;
mod settings;
mod store;
mod transit;
mod turns;
mod waiters;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

pub use error::Error;

/// The account number in every queue URL and ARN of this server.
pub const ACCOUNT: &str = "000000000000";

/// An open queue file; clones share it, and it closes when the last one is dropped.
#[derive(Clone)]
pub struct Sqs(Arc<Inner>);

struct Inner {
    store: store::Store,
    waiters: waiters::Waiters,
}

/// Opens the queue file at `path`, creating it when it is absent; its folder must exist.
///
/// # Errors
/// When the file cannot be opened, is held by another server, or was written by a later version of this crate;
/// files of earlier versions are upgraded.
pub async fn open(path: &Path) -> Result<Sqs, Error> {
    let store = store::Store::open(path).await?;
    Ok(Sqs(Arc::new(Inner {
        store,
        waiters: waiters::Waiters::default(),
    })))
}

/// The HTTP service. Any path is answered, since some SDKs post to the queue's URL and others to the endpoint;
/// queue URLs carry the `Host` that the client used.
pub fn router(sqs: Sqs) -> axum::Router {
    http::router(sqs)
}

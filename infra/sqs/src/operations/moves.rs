//! `StartMessageMoveTask`, `ListMessageMoveTasks` and `CancelMessageMoveTask`.
//!
//! A task is over when it is answered, so that none is ever running.

use serde::{Deserialize, Serialize};

use super::{Call, Empty};
use crate::fault::{Code, Fault, within};
use crate::moves::{self, Handle, Move};
use crate::queue::Queue;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Start {
    source_arn: String,
    destination_arn: Option<String>,
    /// Checked and listed, but all messages move at once.
    max_number_of_messages_per_second: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct List {
    source_arn: String,
    max_results: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Cancel {
    task_handle: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Started {
    task_handle: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Listed {
    results: Vec<Task>,
}

/// A task that is over; its handle is told only while it runs.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Task {
    status: &'static str,
    source_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_number_of_messages_per_second: Option<i64>,
    approximate_number_of_messages_moved: i64,
    approximate_number_of_messages_to_move: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<String>,
    started_timestamp: i64,
}

pub(crate) async fn start(call: Call, input: Start) -> Result<Started, Fault> {
    let source_arn = input.source_arn.clone();
    let work = move |db: &rusqlite::Transaction<'_>| {
        let (source, destination) = input.queues(db)?;
        moves::start(
            db,
            &source,
            destination.as_ref(),
            input.max_number_of_messages_per_second,
        )
    };
    let (record, gained) = call.sqs.0.store.call(work).await?;
    for queue in &gained {
        call.sqs.0.waiters.wake(queue);
    }
    let task_id = record.task;
    let task_handle = Handle { task_id, source_arn }.issue()?;
    Ok(Started { task_handle })
}

pub(crate) async fn list(call: Call, input: List) -> Result<Listed, Fault> {
    let most = within("MaxResults", input.max_results.unwrap_or(1), 1..=10)?;
    let work = move |db: &rusqlite::Transaction<'_>| {
        let source = Queue::by_arn(db, "SourceArn", &input.source_arn)?;
        let tasks = moves::latest(db, &source, most)?;
        Ok(tasks.into_iter().map(|task| Task::new(&source, task)).collect())
    };
    let results = call.sqs.0.store.call(work).await?;
    Ok(Listed { results })
}

pub(crate) async fn cancel(call: Call, input: Cancel) -> Result<Empty, Fault> {
    let handle = Handle::read(&input.task_handle)?;
    let work = move |db: &rusqlite::Transaction<'_>| {
        let source = Queue::by_arn(db, "SourceArn", &handle.source_arn)?;
        moves::find(db, &source, &handle.task_id)
    };
    Err(match call.sqs.0.store.call(work).await? {
        None => Fault::new(Code::ResourceNotFound, "Task does not exist."),
        Some(_) => Fault::new(
            Code::UnsupportedOperation,
            "Only a task that is RUNNING can be cancelled.",
        ),
    })
}

impl Start {
    /// The source and the destination, when the move may be made.
    fn queues(&self, db: &rusqlite::Connection) -> Result<(Queue, Option<Queue>), Fault> {
        let refuse = |message: &str| Err(Fault::new(Code::InvalidParameterValue, message));
        let source = Queue::by_arn(db, "SourceArn", &self.source_arn)?;
        if !source.takes_dead_letters(db)? {
            return refuse("Source queue must be configured as a Dead Letter Queue.");
        }
        let destination = self.destination_arn.as_deref();
        let destination = destination
            .map(|arn| Queue::by_arn(db, "DestinationArn", arn))
            .transpose()?;
        if destination.as_ref().is_some_and(|queue| queue.id == source.id) {
            return refuse("Source queue arn and destination queue arn cannot be the same.");
        }
        if let Some(rate) = self.max_number_of_messages_per_second {
            within("MaxNumberOfMessagesPerSecond", rate, 1..=500)?;
        }
        Ok((source, destination))
    }
}

impl Task {
    fn new(source: &Queue, task: Move) -> Self {
        Self {
            status: if task.failure.is_none() { "COMPLETED" } else { "FAILED" },
            source_arn: source.arn(),
            destination_arn: task.destination_arn,
            max_number_of_messages_per_second: task.rate,
            approximate_number_of_messages_moved: task.moved,
            approximate_number_of_messages_to_move: task.to_move,
            failure_reason: task.failure,
            started_timestamp: task.started,
        }
    }
}

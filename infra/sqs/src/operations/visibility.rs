//! `ChangeMessageVisibility` and `ChangeMessageVisibilityBatch`.

use serde::Deserialize;

use super::{Call, Empty};
use crate::batch::{self, Done, Entry, Outcome};
use crate::fault::{Fault, within};
use crate::queue::{self, Queue};
use crate::settings::LONGEST_TIMEOUT;
use crate::transit;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct One {
    queue_url: String,
    #[serde(flatten)]
    change: Change,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Change {
    receipt_handle: String,
    /// Optional in batches, where it means 0.
    visibility_timeout: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Batch {
    queue_url: String,
    #[serde(default)]
    entries: Vec<Entry<Change>>,
}

impl Change {
    fn make(&self, db: &rusqlite::Connection, queue: &Queue) -> Result<(), Fault> {
        let timeout = self.visibility_timeout.unwrap_or_default();
        within("VisibilityTimeout", timeout, 0..=LONGEST_TIMEOUT)?;
        transit::change_visibility(db, queue, &self.receipt_handle, timeout)
    }
}

pub(crate) async fn one(call: Call, input: One) -> Result<Empty, Fault> {
    if input.change.visibility_timeout.is_none() {
        return Err(Fault::missing("VisibilityTimeout"));
    }
    let name = queue::name_in(&input.queue_url).to_owned();
    let queue = name.clone();
    let work = move |db: &rusqlite::Transaction<'_>| input.change.make(db, &Queue::get(db, &queue)?);
    call.sqs.0.store.call(work).await?;
    // Long polls sleep until the next message becomes visible, and that time may have moved.
    call.sqs.0.waiters.wake(&name);
    Ok(Empty {})
}

pub(crate) async fn batch(call: Call, input: Batch) -> Result<Outcome<Done>, Fault> {
    let name = queue::name_in(&input.queue_url).to_owned();
    let queue = name.clone();
    let work = move |db: &rusqlite::Transaction<'_>| {
        let queue = Queue::get(db, &queue)?;
        batch::check(&input.entries)?;
        batch::each(&input.entries, |entry| {
            entry.item.make(db, &queue)?;
            Ok(Done { id: entry.id.clone() })
        })
    };
    let outcome = call.sqs.0.store.call(work).await?;
    call.sqs.0.waiters.wake(&name);
    Ok(outcome)
}

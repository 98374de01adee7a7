//! `DeleteMessage` and `DeleteMessageBatch`.

use serde::Deserialize;

use super::{Call, Empty};
use crate::batch::{self, Done, Entry, Outcome};
use crate::fault::Fault;
use crate::queue::{self, Queue};
use crate::transit;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct One {
    queue_url: String,
    #[serde(flatten)]
    which: Which,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Which {
    receipt_handle: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Batch {
    queue_url: String,
    #[serde(default)]
    entries: Vec<Entry<Which>>,
}

pub(crate) async fn one(call: Call, input: One) -> Result<Empty, Fault> {
    let work = move |db: &rusqlite::Transaction<'_>| {
        let queue = Queue::get(db, queue::name_in(&input.queue_url))?;
        transit::delete(db, &queue, &input.which.receipt_handle)
    };
    call.sqs.0.store.call(work).await?;
    Ok(Empty {})
}

pub(crate) async fn batch(call: Call, input: Batch) -> Result<Outcome<Done>, Fault> {
    let work = move |db: &rusqlite::Transaction<'_>| {
        let queue = Queue::get(db, queue::name_in(&input.queue_url))?;
        batch::check(&input.entries)?;
        batch::each(&input.entries, |entry| {
            transit::delete(db, &queue, &entry.item.receipt_handle)?;
            Ok(Done { id: entry.id.clone() })
        })
    };
    call.sqs.0.store.call(work).await
}

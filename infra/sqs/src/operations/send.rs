//! `SendMessage` and `SendMessageBatch`.

use serde::{Deserialize, Serialize};

use super::Call;
use crate::batch::{self, Entry, Outcome};
use crate::fault::{Code, Fault};
use crate::message::{Accepted, Outgoing};
use crate::queue::{self, Queue};
use crate::settings::LARGEST_MESSAGE;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct One {
    queue_url: String,
    #[serde(flatten)]
    message: Outgoing,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Batch {
    queue_url: String,
    #[serde(default)]
    entries: Vec<Entry<Outgoing>>,
}

#[derive(Serialize)]
pub(crate) struct Sent {
    #[serde(rename = "Id", skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(rename = "MessageId")]
    message_id: String,
    #[serde(rename = "MD5OfMessageBody")]
    body_md5: String,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    attributes_md5: Option<String>,
}

impl Sent {
    fn new(id: Option<String>, accepted: Accepted) -> Self {
        Self {
            id,
            message_id: accepted.message_id,
            body_md5: accepted.body_md5,
            attributes_md5: accepted.attributes_md5,
        }
    }
}

pub(crate) async fn one(call: Call, input: One) -> Result<Sent, Fault> {
    let name = queue::name_in(&input.queue_url).to_owned();
    let queue = name.clone();
    let work = move |db: &rusqlite::Transaction<'_>| input.message.send(db, &Queue::get(db, &queue)?);
    let accepted = call.sqs.0.store.call(work).await?;
    call.sqs.0.waiters.wake(&name);
    Ok(Sent::new(None, accepted))
}

pub(crate) async fn batch(call: Call, input: Batch) -> Result<Outcome<Sent>, Fault> {
    let name = queue::name_in(&input.queue_url).to_owned();
    let queue = name.clone();
    let work = move |db: &rusqlite::Transaction<'_>| {
        let queue = Queue::get(db, &queue)?;
        batch::check(&input.entries)?;
        check_size(&input.entries)?;
        batch::each(&input.entries, |entry| {
            let accepted = entry.item.send(db, &queue)?;
            Ok(Sent::new(Some(entry.id.clone()), accepted))
        })
    };
    let outcome = call.sqs.0.store.call(work).await?;
    call.sqs.0.waiters.wake(&name);
    Ok(outcome)
}

/// A batch as a whole may not weigh more than one message.
fn check_size(entries: &[Entry<Outgoing>]) -> Result<(), Fault> {
    let size: usize = entries.iter().map(|entry| entry.item.size()).sum();
    if i64::try_from(size).is_ok_and(|size| size <= LARGEST_MESSAGE) {
        return Ok(());
    }
    let message = format!("Batch requests cannot be longer than {LARGEST_MESSAGE} bytes. You have sent {size} bytes.");
    Err(Fault::new(Code::BatchRequestTooLong, message))
}

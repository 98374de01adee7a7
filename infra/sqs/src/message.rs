//! Messages as they are sent: what they may hold and how they enter a queue.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use serde::Deserialize;

use crate::attributes::{self, Attribute};
use crate::clock;
use crate::digest;
use crate::fault::{Code, Fault, within};
use crate::queue::Queue;
use crate::settings::LONGEST_DELAY;

/// A message on its way in, as `SendMessage` and the entries of `SendMessageBatch` carry it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Outgoing {
    pub message_body: String,
    pub delay_seconds: Option<i64>,
    #[serde(default)]
    pub message_attributes: BTreeMap<String, Attribute>,
    pub message_group_id: Option<String>,
    pub message_deduplication_id: Option<String>,
}

/// A random id, as messages and tasks have them.
pub(crate) fn new_id() -> String {
    uuid::Builder::from_random_bytes(rand::random()).into_uuid().to_string()
}

/// What the sender gets to know.
pub(crate) struct Accepted {
    pub message_id: String,
    pub body_md5: String,
    pub attributes_md5: Option<String>,
}

impl Outgoing {
    /// The size that counts against the limits: body and attributes, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.message_body.len() + attributes::size(&self.message_attributes)
    }

    /// Puts the message into the queue.
    pub(crate) fn send(&self, db: &Connection, queue: &Queue) -> Result<Accepted, Fault> {
        self.check(queue)?;
        let delay = self.delay_seconds.unwrap_or(queue.settings.delay);
        let now = clock::now();
        let message_id = new_id();
        let kept = match self.message_attributes.is_empty() {
            true => None,
            false => Some(serde_json::to_string(&self.message_attributes).map_err(Fault::internal)?),
        };
        let insert = "INSERT INTO messages (queue, visible_at, sent, message_id, group_id, attributes, body) VALUES (?, ?, ?, ?, ?, ?, ?)";
        db.prepare_cached(insert)?.execute(params![
            queue.id,
            now + delay * 1_000,
            now,
            message_id,
            self.message_group_id,
            kept,
            self.message_body
        ])?;
        Ok(Accepted {
            message_id,
            body_md5: digest::of_body(&self.message_body),
            attributes_md5: digest::of_attributes(&self.message_attributes),
        })
    }

    fn check(&self, queue: &Queue) -> Result<(), Fault> {
        if self.message_body.is_empty() {
            return Err(Fault::missing("MessageBody"));
        }
        if let Some(delay) = self.delay_seconds {
            within("DelaySeconds", delay, 0..=LONGEST_DELAY)?;
        }
        let largest = usize::try_from(queue.settings.largest).unwrap_or(usize::MAX);
        if self.size() > largest {
            let message =
                format!("One or more parameters are invalid. Reason: Message must be shorter than {largest} bytes.");
            return Err(Fault::new(Code::InvalidParameterValue, message));
        }
        if !self.message_body.chars().all(is_legal) {
            let message = "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF";
            return Err(Fault::new(Code::InvalidMessageContents, message));
        }
        if let Some(group) = &self.message_group_id {
            check_group(group)?;
        }
        if let Some(id) = &self.message_deduplication_id {
            let reason = "The request includes a parameter that is not valid for this queue type.";
            return Err(Fault::parameter("MessageDeduplicationId", id, reason));
        }
        attributes::check(&self.message_attributes)
    }
}

/// Characters that a body may hold: those of XML 1.0.
fn is_legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

/// A group id makes a standard queue a fair one: see `turns`.
fn check_group(group: &str) -> Result<(), Fault> {
    if (1..=128).contains(&group.len()) && group.chars().all(|c| c.is_ascii_graphic()) {
        return Ok(());
    }
    let reason = "MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.";
    Err(Fault::parameter("MessageGroupId", group, reason))
}

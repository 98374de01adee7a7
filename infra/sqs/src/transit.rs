//! Messages on their way out: receiving, giving up on them, deleting them, changing their timeout.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::attributes::Attribute;
use crate::clock;
use crate::fault::{Code, Fault};
use crate::queue::Queue;
use crate::receipt::Receipt;
use crate::turns;

/// A message that was handed to a receiver; times in milliseconds.
pub(crate) struct Delivery {
    pub message_id: String,
    pub receipt: Receipt,
    pub body: String,
    pub attributes: BTreeMap<String, Attribute>,
    pub group_id: Option<String>,
    pub came_from: Option<String>,
    pub sent: i64,
    pub receives: i64,
    pub first_received: i64,
}

/// What one look into a queue gave.
pub(crate) struct Taken {
    pub deliveries: Vec<Delivery>,
    /// The dead-letter queue, when messages went there.
    pub gave_up_to: Option<String>,
    /// When the next hidden message becomes visible, in milliseconds; only looked up when nothing was there.
    pub next: Option<i64>,
}

struct Due {
    id: i64,
    receives_here: i64,
    delivery: Delivery,
}

/// Takes up to `most` visible messages and hides them for `timeout` seconds. On the way it drops expired messages and moves the ones
/// that were received too often to the dead-letter queue.
pub(crate) fn receive(db: &Connection, queue: &Queue, most: i64, timeout: i64) -> Result<Taken, Fault> {
    let now = clock::now();
    let dead_letters = match &queue.settings.redrive {
        Some(redrive) => Queue::find(db, redrive.target_name())?.map(|target| (target, redrive.most_receives)),
        None => None,
    };
    let mut taken = Taken {
        deliveries: Vec::new(),
        gave_up_to: None,
        next: None,
    };
    loop {
        let due = due(db, queue, now, most)?;
        let mut keep = Vec::with_capacity(due.len());
        let found = due.len();
        for message in due {
            if message.delivery.sent < queue.oldest(now) {
                db.prepare_cached("DELETE FROM messages WHERE id = ?")?
                    .execute([message.id])?;
            } else if let Some((target, most_receives)) = &dead_letters
                && message.receives_here >= *most_receives
            {
                give_up(db, queue, target, message.id, now)?;
                taken.gave_up_to = Some(target.name.clone());
            } else {
                keep.push(message);
            }
        }
        // Look again only when some of the messages found were not for the receiver.
        if keep.len() == found {
            for message in keep {
                taken.deliveries.push(hand_over(db, message, now, timeout)?);
            }
            break;
        }
    }
    if taken.deliveries.is_empty() {
        taken.next = next_visible(db, queue, now)?;
    }
    Ok(taken)
}

/// The visible messages whose turn it is.
fn due(db: &Connection, queue: &Queue, now: i64, most: i64) -> Result<Vec<Due>, Fault> {
    let Some(in_turn) = turns::order(db, queue, now, most)? else {
        return first_in_first_out(db, queue, now, most);
    };
    let mut statement = db.prepare_cached("SELECT * FROM messages WHERE id = ?")?;
    let rows = in_turn.into_iter().map(|id| statement.query_row([id], from_row));
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The same for messages without a group, in one query.
fn first_in_first_out(db: &Connection, queue: &Queue, now: i64, most: i64) -> Result<Vec<Due>, Fault> {
    let select = "SELECT * FROM messages WHERE queue = ? AND group_id IS NULL AND visible_at <= ? \
                  ORDER BY visible_at, id LIMIT ?";
    let mut statement = db.prepare_cached(select)?;
    let rows = statement.query_map([queue.id, now, most], from_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// When the first of the hidden messages becomes visible, in a queue in which none is.
fn next_visible(db: &Connection, queue: &Queue, now: i64) -> Result<Option<i64>, Fault> {
    let select = "SELECT min(at) FROM (\
                  SELECT min(visible_at) AS at FROM messages WHERE queue = ?1 AND group_id IS NULL AND visible_at > ?2 \
                  UNION ALL SELECT min(visible_at) FROM heads WHERE queue = ?1 AND visible_at > ?2)";
    Ok(db
        .prepare_cached(select)?
        .query_row([queue.id, now], |row| row.get(0))?)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Due> {
    let id = row.get("id")?;
    let attributes: Option<String> = row.get("attributes")?;
    Ok(Due {
        id,
        receives_here: row.get("receives_here")?,
        delivery: Delivery {
            message_id: row.get("message_id")?,
            receipt: Receipt::issue(row.get("queue")?, id),
            body: row.get("body")?,
            attributes: attributes
                .and_then(|text| serde_json::from_str(&text).ok())
                .unwrap_or_default(),
            group_id: row.get("group_id")?,
            came_from: row.get("came_from")?,
            sent: row.get("sent")?,
            receives: row.get("receives")?,
            first_received: row.get::<_, Option<i64>>("first_received")?.unwrap_or_default(),
        },
    })
}

fn hand_over(db: &Connection, message: Due, now: i64, timeout: i64) -> Result<Delivery, Fault> {
    let mut delivery = message.delivery;
    if delivery.receives == 0 {
        delivery.first_received = now;
    }
    delivery.receives += 1;
    let update = "UPDATE messages SET visible_at = ?, receives = ?, receives_here = receives_here + 1, first_received = ?, receipt = ? \
                  WHERE id = ?";
    db.prepare_cached(update)?.execute(params![
        now + timeout * 1_000,
        delivery.receives,
        delivery.first_received,
        delivery.receipt.nonce,
        message.id
    ])?;
    Ok(delivery)
}

/// Moves a message to the dead-letter queue, where it keeps its age and its count of receives.
fn give_up(db: &Connection, source: &Queue, target: &Queue, message: i64, now: i64) -> Result<(), Fault> {
    let update =
        "UPDATE messages SET queue = ?, visible_at = ?, receives_here = 0, receipt = NULL, came_from = ? WHERE id = ?";
    db.prepare_cached(update)?
        .execute(params![target.id, now, source.arn(), message])?;
    Ok(())
}

/// Deletes the message if this is the handle of its latest receive. An older handle, or one of a message that is gone, succeeds without effect.
pub(crate) fn delete(db: &Connection, queue: &Queue, handle: &str) -> Result<(), Fault> {
    let receipt = Receipt::read(handle, queue.id)?;
    db.prepare_cached("DELETE FROM messages WHERE id = ? AND queue = ? AND receipt = ?")?
        .execute([receipt.message, queue.id, receipt.nonce])?;
    Ok(())
}

/// Hides a message that is in flight for `timeout` seconds from now; 0 makes it visible at once.
pub(crate) fn change_visibility(db: &Connection, queue: &Queue, handle: &str, timeout: i64) -> Result<(), Fault> {
    let receipt = Receipt::read(handle, queue.id)?;
    let now = clock::now();
    let select = "SELECT visible_at FROM messages WHERE id = ? AND queue = ? AND receipt = ?";
    let visible_at: Option<i64> = db
        .prepare_cached(select)?
        .query_row([receipt.message, queue.id, receipt.nonce], |row| row.get(0))
        .optional()?;
    match visible_at {
        None => {
            let reason = "Message does not exist or is not available for visibility timeout change.";
            Err(Fault::parameter("ReceiptHandle", handle, reason))
        }
        Some(at) if at <= now => Err(Fault::new(
            Code::MessageNotInflight,
            "The specified message isn't in flight.",
        )),
        Some(_) => {
            db.prepare_cached("UPDATE messages SET visible_at = ? WHERE id = ?")?
                .execute([now + timeout * 1_000, receipt.message])?;
            Ok(())
        }
    }
}

/// Removes every message of the queue.
pub(crate) fn purge(db: &Connection, queue: &Queue) -> Result<(), Fault> {
    db.execute("DELETE FROM messages WHERE queue = ?", [queue.id])?;
    Ok(())
}

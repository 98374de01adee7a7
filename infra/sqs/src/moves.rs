//! Redrive: moving what waits in a dead-letter queue back to where it came from, or to another queue.

use std::collections::BTreeSet;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::fault::{Code, Fault};
use crate::message::new_id;
use crate::queue::{self, Queue};

/// What one move did; times in milliseconds.
pub(crate) struct Move {
    pub task: String,
    pub destination_arn: Option<String>,
    pub rate: Option<i64>,
    pub to_move: i64,
    pub moved: i64,
    /// Why some messages stayed, in the words of the API.
    pub failure: Option<String>,
    pub started: i64,
}

/// What a client holds of a task; the form is that of AWS.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Handle {
    pub task_id: String,
    pub source_arn: String,
}

/// Moves every visible message of `source` to `destination`, or else to the queue that gave it up, and keeps a record of that.
/// Gives the record and the names of the queues that gained messages.
pub(crate) fn start(
    db: &Connection,
    source: &Queue,
    destination: Option<&Queue>,
    rate: Option<i64>,
) -> Result<(Move, BTreeSet<String>), Fault> {
    let started = clock::now();
    source.drop_expired(db, started)?;
    let mut record = Move {
        task: new_id(),
        destination_arn: destination.map(Queue::arn),
        rate,
        to_move: 0,
        moved: 0,
        failure: None,
        started,
    };
    let mut gained = BTreeSet::new();
    for origin in origins(db, source, started)? {
        let messages = waiting(db, source, origin.as_deref(), started)?;
        let count = i64::try_from(messages.len()).unwrap_or(i64::MAX);
        record.to_move += count;
        let target = match destination {
            Some(queue) => Ok(queue.clone()),
            None => way_back(db, origin.as_deref())?,
        };
        match target {
            Ok(target) => {
                send_anew(db, &messages, &target, started)?;
                record.moved += count;
                gained.insert(target.name);
            }
            Err(reason) => record.failure = Some(reason.to_owned()),
        }
    }
    record.save(db, source)?;
    Ok((record, gained))
}

/// The ARNs of the queues that gave up what waits in `source`; none for messages that were sent there.
fn origins(db: &Connection, source: &Queue, now: i64) -> Result<Vec<Option<String>>, Fault> {
    let select = "SELECT DISTINCT came_from FROM messages WHERE queue = ? AND visible_at <= ?";
    let mut statement = db.prepare_cached(select)?;
    let rows = statement.query_map([source.id, now], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn waiting(db: &Connection, source: &Queue, origin: Option<&str>, now: i64) -> Result<Vec<i64>, Fault> {
    let select = "SELECT id FROM messages WHERE queue = ? AND visible_at <= ? AND came_from IS ?";
    let mut statement = db.prepare_cached(select)?;
    let rows = statement.query_map(params![source.id, now, origin], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The queue that gave a message up, or why there is none.
fn way_back(db: &Connection, origin: Option<&str>) -> Result<Result<Queue, &'static str>, Fault> {
    let Some(arn) = origin else {
        return Ok(Err("CouldNotDetermineMessageSource"));
    };
    let found = Queue::find(db, queue::name_in_arn(arn))?;
    Ok(found.ok_or(Code::QueueDoesNotExist.names().1))
}

/// A message that was moved is a new one, as on AWS: with another id, sent now, never received. It keeps its body, attributes and group.
fn send_anew(db: &Connection, messages: &[i64], target: &Queue, now: i64) -> Result<(), Fault> {
    let update = "UPDATE messages SET queue = ?1, visible_at = ?2, sent = ?2, message_id = ?3, receives = 0, receives_here = 0, \
                  first_received = NULL, receipt = NULL, came_from = NULL WHERE id = ?4";
    let mut statement = db.prepare_cached(update)?;
    for message in messages {
        statement.execute(params![target.id, now, new_id(), message])?;
    }
    Ok(())
}

/// The latest moves out of a queue, the newest first.
pub(crate) fn latest(db: &Connection, source: &Queue, most: i64) -> Result<Vec<Move>, Fault> {
    let mut statement = db.prepare_cached("SELECT * FROM moves WHERE source = ? ORDER BY id DESC LIMIT ?")?;
    let rows = statement.query_map([source.id, most], Move::from_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Finds a move out of a queue by its task id.
pub(crate) fn find(db: &Connection, source: &Queue, task: &str) -> Result<Option<Move>, Fault> {
    let mut statement = db.prepare_cached("SELECT * FROM moves WHERE source = ? AND task = ?")?;
    Ok(statement
        .query_row(params![source.id, task], Move::from_row)
        .optional()?)
}

impl Move {
    fn save(&self, db: &Connection, source: &Queue) -> Result<(), Fault> {
        let insert = "INSERT INTO moves (task, source, destination_arn, rate, to_move, moved, failure, started) \
                      VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        db.prepare_cached(insert)?.execute(params![
            self.task,
            source.id,
            self.destination_arn,
            self.rate,
            self.to_move,
            self.moved,
            self.failure,
            self.started
        ])?;
        Ok(())
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            task: row.get("task")?,
            destination_arn: row.get("destination_arn")?,
            rate: row.get("rate")?,
            to_move: row.get("to_move")?,
            moved: row.get("moved")?,
            failure: row.get("failure")?,
            started: row.get("started")?,
        })
    }
}

impl Handle {
    /// The handle as text.
    pub(crate) fn issue(&self) -> Result<String, Fault> {
        Ok(BASE64_STANDARD.encode(serde_json::to_vec(self).map_err(Fault::internal)?))
    }

    /// Reads a handle that was issued.
    pub(crate) fn read(text: &str) -> Result<Self, Fault> {
        let bytes = BASE64_STANDARD.decode(text).ok();
        let handle = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let invalid = || {
            Fault::new(
                Code::InvalidParameterValue,
                "Value for parameter TaskHandle is invalid.",
            )
        };
        handle.ok_or_else(invalid)
    }
}

//! The table's change stream, read where dynoxide keeps it: the rows of `_stream_records` in its SQLite file.
//!
//! Reading the rows directly costs no request, holds up no writer (the file is in WAL mode), and lets a filter look at
//! a record's keys before its two images are parsed. Two things that dynoxide leaves out are made up for here: an index
//! on the position, without which every write would read the whole stream, and the removal of what was consumed.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Row, params};
use serde_json::{Value, json};

use crate::error::{During, Error};
use crate::template::REGION;

/// dynoxide's public sequence numbers are its stored ones plus this.
const SEQUENCE_OFFSET: u128 = 100_000_000_000_000_000_000;
/// Consumed records stay readable for this long, in seconds.
const KEPT: i64 = 60;
/// Rows deleted in one transaction: a writer waits for no more than that.
const DELETED_AT_ONCE: i64 = 500;

/// An open stream.
#[derive(Clone)]
pub struct Journal {
    connection: Arc<Mutex<Connection>>,
    table: Arc<str>,
}

/// A record of the stream, as Lambda would hand it over.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its sequence number.
    pub sequence: String,
    /// The record.
    pub json: Value,
}

/// What one read gave.
#[derive(Debug, Default)]
pub struct Read {
    /// The records that were wanted.
    pub records: Vec<Record>,
    /// The last position that was looked at; `None` when there was nothing new.
    pub position: Option<i64>,
}

impl Journal {
    /// Opens the stream of a table in a dynoxide file.
    ///
    /// # Errors
    /// When the file is not as dynoxide makes it.
    pub fn open(path: &Path, table: &str) -> Result<Self, Error> {
        let part = "the table's stream";
        let connection = Connection::open(path).during(part)?;
        connection.busy_timeout(Duration::from_secs(10)).during(part)?;
        connection.pragma_update(None, "synchronous", "NORMAL").during(part)?;
        connection
            .execute_batch(
                "CREATE INDEX IF NOT EXISTS docent_stream_position
                 ON _stream_records (table_name, CAST(sequence_number AS INTEGER))",
            )
            .during(part)?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
            table: table.into(),
        })
    }

    /// A number that changes when another connection has written. It costs a look at shared memory.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.with(|connection| connection.query_row("PRAGMA data_version", [], |row| row.get(0)))
            .unwrap_or_default()
    }

    /// Reads up to `limit` records after a position and keeps those that `wanted` accepts. It sees the record without
    /// its images, unless `images` asks for them.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(
        &self,
        after: i64,
        limit: i64,
        images: bool,
        wanted: impl Fn(&Value) -> bool,
    ) -> rusqlite::Result<Read> {
        self.with(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT CAST(sequence_number AS INTEGER), event_name, keys_json, created_at, event_id,
                        new_image, old_image, user_identity
                 FROM _stream_records
                 WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) > ?2
                 ORDER BY CAST(sequence_number AS INTEGER) LIMIT ?3",
            )?;
            let mut rows = statement.query(params![&*self.table, after, limit])?;
            let mut read = Read::default();
            while let Some(row) = rows.next()? {
                let position: i64 = row.get(0)?;
                read.position = Some(position);
                let mut json = head(row, position)?;
                if images {
                    add_images(row, &mut json)?;
                }
                if !wanted(&json) {
                    continue;
                }
                if !images {
                    add_images(row, &mut json)?;
                }
                read.records.push(Record {
                    sequence: sequence(position),
                    json,
                });
            }
            Ok(read)
        })
    }

    /// Removes some records that everybody has consumed: up to `consumed`, and older than a minute at `now` (seconds).
    /// Returns whether there may be more.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn trim(&self, consumed: i64, now: i64) -> rusqlite::Result<bool> {
        let deleted = self.with(|connection| {
            connection
                .prepare_cached(
                    "DELETE FROM _stream_records WHERE id IN (
                       SELECT id FROM _stream_records
                       WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) <= ?2 AND created_at < ?3
                       ORDER BY CAST(sequence_number AS INTEGER) LIMIT ?4)",
                )?
                .execute(params![&*self.table, consumed, now - KEPT, DELETED_AT_ONCE])
        })?;
        Ok(i64::try_from(deleted).is_ok_and(|deleted| deleted == DELETED_AT_ONCE))
    }

    fn with<T>(&self, work: impl FnOnce(&Connection) -> T) -> T {
        work(&self.connection.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The position that a sequence number stands for.
#[must_use]
pub fn position(sequence: &str) -> Option<i64> {
    i64::try_from(sequence.parse::<u128>().ok()?.checked_sub(SEQUENCE_OFFSET)?).ok()
}

/// The sequence number of a position.
#[must_use]
pub fn sequence(position: i64) -> String {
    (SEQUENCE_OFFSET + u128::try_from(position).unwrap_or_default()).to_string()
}

fn head(row: &Row<'_>, position: i64) -> rusqlite::Result<Value> {
    let identity: Option<String> = row.get(7)?;
    let mut record = json!({
        "eventID": row.get::<_, Option<String>>(4)?.unwrap_or_else(|| position.to_string()),
        "eventName": row.get::<_, String>(1)?,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        "dynamodb": {
            "ApproximateCreationDateTime": row.get::<_, i64>(3)?,
            "Keys": parsed(row.get_ref(2)?.as_str()?),
            "SequenceNumber": sequence(position),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    });
    if let Some(identity) = identity {
        record["userIdentity"] = parsed(&identity);
    }
    Ok(record)
}

fn add_images(row: &Row<'_>, record: &mut Value) -> rusqlite::Result<()> {
    let mut size = 0;
    for (column, name) in [(5, "NewImage"), (6, "OldImage")] {
        if let Some(image) = row.get_ref(column)?.as_str_or_null()? {
            size += image.len();
            record["dynamodb"][name] = parsed(image);
        }
    }
    record["dynamodb"]["SizeBytes"] = json!(size);
    Ok(())
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

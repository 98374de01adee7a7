//! Queues: their names, addresses and rows.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::ACCOUNT;
use crate::clock;
use crate::fault::{Code, Fault};
use crate::settings::{Redrive, Settings};

/// A queue as it is in the file.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    pub id: i64,
    pub name: String,
    pub region: String,
    /// Seconds since 1970.
    pub created: i64,
    /// Seconds since 1970.
    pub modified: i64,
    pub settings: Settings,
}

/// How many messages a queue holds, by what they wait for.
pub(crate) struct Counts {
    pub visible: i64,
    pub in_flight: i64,
    pub delayed: i64,
}

impl Queue {
    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:sqs:{}:{ACCOUNT}:{}", self.region, self.name)
    }

    /// Finds a queue by name.
    pub(crate) fn find(db: &Connection, name: &str) -> Result<Option<Self>, Fault> {
        let mut statement = db.prepare_cached("SELECT * FROM queues WHERE name = ?")?;
        Ok(statement.query_row([name], from_row).optional()?)
    }

    /// Finds a queue that has to be there.
    pub(crate) fn get(db: &Connection, name: &str) -> Result<Self, Fault> {
        Self::find(db, name)?.ok_or_else(|| Fault::new(Code::QueueDoesNotExist, "The specified queue does not exist."))
    }

    /// Finds the queue that a parameter names by its ARN.
    pub(crate) fn by_arn(db: &Connection, parameter: &str, arn: &str) -> Result<Self, Fault> {
        let parts: Vec<&str> = arn.split(':').collect();
        let ["arn", _, "sqs", _, _, _] = parts[..] else {
            let message = format!(
                "You must use this format to specify the {parameter}: arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
            );
            return Err(Fault::new(Code::InvalidParameterValue, message));
        };
        let message = format!("The resource that you specified for the {parameter} parameter doesn't exist.");
        Self::find(db, name_in_arn(arn))?.ok_or_else(|| Fault::new(Code::ResourceNotFound, message))
    }

    /// Creates the queue. When it is there already, the attributes given must be the ones it has.
    pub(crate) fn create(
        db: &Connection,
        name: &str,
        region: &str,
        attributes: &BTreeMap<String, String>,
    ) -> Result<(), Fault> {
        check_name(name)?;
        let present = Self::find(db, name)?.map(|queue| queue.settings);
        let mut wanted = present.clone().unwrap_or_default();
        wanted.apply(attributes)?;
        if let Some(present) = present {
            return match present.difference(&wanted) {
                None => Ok(()),
                Some(attribute) => Err(Fault::new(
                    Code::QueueNameExists,
                    format!(
                        "A queue already exists with the same name and a different value for attribute {attribute}"
                    ),
                )),
            };
        }
        let now = clock::now() / 1_000;
        let insert = "INSERT INTO queues (name, region, created, modified, visibility_timeout, delay, retention, wait, largest, inert) \
             VALUES (?, ?, ?, ?, 0, 0, 0, 0, 0, '')";
        db.execute(insert, params![name, region, now, now])?;
        save(db, db.last_insert_rowid(), &wanted)
    }

    /// Changes the attributes given and leaves the others.
    pub(crate) fn change(&self, db: &Connection, attributes: &BTreeMap<String, String>) -> Result<(), Fault> {
        let mut settings = self.settings.clone();
        settings.apply(attributes)?;
        save(db, self.id, &settings)
    }

    /// Removes the queue with its messages.
    pub(crate) fn delete(&self, db: &Connection) -> Result<(), Fault> {
        db.execute("DELETE FROM queues WHERE id = ?", [self.id])?;
        Ok(())
    }

    /// Counts what is in the queue now, after dropping what has outlived its retention.
    pub(crate) fn counts(&self, db: &Connection) -> Result<Counts, Fault> {
        let now = clock::now();
        self.drop_expired(db, now)?;
        let count = "SELECT count(*) FILTER (WHERE visible_at <= ?2), \
                    count(*) FILTER (WHERE visible_at > ?2 AND receives_here > 0), \
                    count(*) FILTER (WHERE visible_at > ?2 AND receives_here = 0) FROM messages WHERE queue = ?1";
        Ok(db.query_row(count, [self.id, now], |row| {
            Ok(Counts {
                visible: row.get(0)?,
                in_flight: row.get(1)?,
                delayed: row.get(2)?,
            })
        })?)
    }

    /// Drops the messages that have outlived their retention.
    pub(crate) fn drop_expired(&self, db: &Connection, now: i64) -> Result<(), Fault> {
        let expired = "DELETE FROM messages WHERE queue = ? AND sent < ?";
        db.execute(expired, [self.id, self.oldest(now)])?;
        Ok(())
    }

    /// Whether some queue gives up its messages to this one.
    pub(crate) fn takes_dead_letters(&self, db: &Connection) -> Result<bool, Fault> {
        let select = "SELECT EXISTS (SELECT 1 FROM queues WHERE substr(dead_letter_arn, -length(?1)) = ?1)";
        Ok(db.query_row(select, [format!(":{}", self.name)], |row| row.get(0))?)
    }

    /// Messages sent before this time have outlived their retention; milliseconds.
    pub(crate) fn oldest(&self, now: i64) -> i64 {
        now - self.settings.retention * 1_000
    }
}

/// The names of all queues that begin with `prefix`, in alphabetical order.
pub(crate) fn list(db: &Connection, prefix: &str) -> Result<Vec<String>, Fault> {
    let mut statement =
        db.prepare_cached("SELECT name FROM queues WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name")?;
    let names = statement.query_map([prefix], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// The name in a queue URL: its last part.
pub(crate) fn name_in(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or_default()
}

/// The name in an ARN: its last part. Names are unique in a file, so region and account are not looked at.
pub(crate) fn name_in_arn(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or_default()
}

fn check_name(name: &str) -> Result<(), Fault> {
    if name.ends_with(".fifo") {
        let reason = "This server has standard queues only.";
        return Err(Fault::parameter("QueueName", name, reason));
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if (1..=80).contains(&name.len()) && name.chars().all(legal) {
        return Ok(());
    }
    let reason = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
    Err(Fault::parameter("QueueName", name, reason))
}

fn save(db: &Connection, id: i64, settings: &Settings) -> Result<(), Fault> {
    if let Some(redrive) = &settings.redrive
        && Queue::find(db, redrive.target_name())?.is_none()
    {
        let reason = "Dead letter target does not exist.";
        return Err(Fault::parameter("RedrivePolicy", redrive, reason));
    }
    let update = "UPDATE queues SET modified = ?, visibility_timeout = ?, delay = ?, retention = ?, wait = ?, largest = ?, \
                  dead_letter_arn = ?, most_receives = ?, inert = ? WHERE id = ?";
    db.execute(
        update,
        params![
            clock::now() / 1_000,
            settings.visibility_timeout,
            settings.delay,
            settings.retention,
            settings.wait,
            settings.largest,
            settings.redrive.as_ref().map(|redrive| &redrive.target),
            settings.redrive.as_ref().map(|redrive| redrive.most_receives),
            serde_json::to_string(&settings.inert).map_err(Fault::internal)?,
            id
        ],
    )?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Queue> {
    let target: Option<String> = row.get("dead_letter_arn")?;
    let most_receives: Option<i64> = row.get("most_receives")?;
    let inert: String = row.get("inert")?;
    Ok(Queue {
        id: row.get("id")?,
        name: row.get("name")?,
        region: row.get("region")?,
        created: row.get("created")?,
        modified: row.get("modified")?,
        settings: Settings {
            visibility_timeout: row.get("visibility_timeout")?,
            delay: row.get("delay")?,
            retention: row.get("retention")?,
            wait: row.get("wait")?,
            largest: row.get("largest")?,
            redrive: target
                .zip(most_receives)
                .map(|(target, most_receives)| Redrive { target, most_receives }),
            inert: serde_json::from_str(&inert).unwrap_or_default(),
        },
    })
}

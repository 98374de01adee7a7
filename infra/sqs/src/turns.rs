//! Fair queues: whose message a receive takes next, when messages carry a group.
//!
//! It is the turn of the group with the fewest messages in flight, those that this receive took before included; among equals, of the
//! group that has waited longest. Within a group the order is first in, first out. A message without a group is a group of its own, as
//! on AWS, and so has no other in flight.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::fault::Fault;
use crate::queue::Queue;

/// The first visible message of each group, and how many the group has in flight. Both are found in indexes that hold nothing else, and
/// row by row, so that a long backlog costs nothing and groups cost only as far as they are looked at.
const WAITING: &str = "SELECT (SELECT count(*) FROM messages INDEXED BY messages_in_flight \
        WHERE messages.queue = heads.queue AND messages.group_id = heads.group_id AND messages.visible_at > ?2 AND receives_here > 0 \
    ) AS in_flight, visible_at, message, group_id FROM heads \
    WHERE queue = ?1 AND visible_at <= ?2 ORDER BY visible_at, message";

const UNGROUPED: &str = "SELECT 0 AS in_flight, visible_at, id AS message, group_id FROM messages \
    WHERE queue = ? AND group_id IS NULL AND visible_at <= ? ORDER BY visible_at, id LIMIT ?";

const NEXT_OF_GROUP: &str = "SELECT ? AS in_flight, visible_at, id AS message, group_id FROM messages \
    WHERE queue = ? AND group_id = ? AND (visible_at, id) > (?, ?) AND visible_at <= ? ORDER BY visible_at, id LIMIT 1";

/// A message that waits at the front of its group. The smallest is the next to go: the order of the fields is the rule.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    in_flight: i64,
    visible_at: i64,
    message: i64,
    group: Option<String>,
}

/// The ids of up to `most` visible messages in fair order, or none when no message with a group is visible.
pub(crate) fn order(db: &Connection, queue: &Queue, now: i64, most: i64) -> Result<Option<Vec<i64>>, Fault> {
    let most = usize::try_from(most).unwrap_or_default();
    let groups = groups(db, queue, now, most)?;
    if groups.is_empty() {
        return Ok(None);
    }
    let mut turns: BinaryHeap<_> = groups.into_iter().map(Reverse).collect();
    turns.extend(ungrouped(db, queue, now, most)?.into_iter().map(Reverse));
    let mut taken = Vec::with_capacity(most);
    while taken.len() < most
        && let Some(Reverse(turn)) = turns.pop()
    {
        taken.push(turn.message);
        turns.extend(turn.next(db, queue, now)?.map(Reverse));
    }
    Ok(Some(taken))
}

/// The groups that may get a turn: as many as are wanted of those with nothing in flight, or else all.
fn groups(db: &Connection, queue: &Queue, now: i64, most: usize) -> Result<Vec<Turn>, Fault> {
    let mut statement = db.prepare_cached(WAITING)?;
    let mut rows = statement.query([queue.id, now])?;
    let mut groups = Vec::new();
    let mut idle = 0;
    while idle < most
        && let Some(row) = rows.next()?
    {
        let turn = Turn::from_row(row)?;
        idle += usize::from(turn.in_flight == 0);
        groups.push(turn);
    }
    Ok(groups)
}

fn ungrouped(db: &Connection, queue: &Queue, now: i64, most: usize) -> Result<Vec<Turn>, Fault> {
    let mut statement = db.prepare_cached(UNGROUPED)?;
    let rows = statement.query_map(params![queue.id, now, most], Turn::from_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl Turn {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            in_flight: row.get("in_flight")?,
            visible_at: row.get("visible_at")?,
            message: row.get("message")?,
            group: row.get("group_id")?,
        })
    }

    /// The turn of the group's next message, now that this one is taken.
    fn next(self, db: &Connection, queue: &Queue, now: i64) -> Result<Option<Self>, Fault> {
        let Some(group) = self.group else {
            return Ok(None);
        };
        let behind = params![self.in_flight + 1, queue.id, group, self.visible_at, self.message, now];
        let mut statement = db.prepare_cached(NEXT_OF_GROUP)?;
        Ok(statement.query_row(behind, Self::from_row).optional()?)
    }
}

//! What answers took, summed by day and month: counters that follow from the table's stream, each event once.

use std::collections::BTreeMap;

use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Time,
    error::Error,
    ids::{BotId, TenantId},
    store::{Condition, Key, Partition, Table, Transaction, TransactionError, Update, sort},
};

/// Writes of one transaction.
const WRITES: usize = 100;
/// Rows that one answer counts in: its credential's and its bot's of the day, and its bot's of the month.
const ROWS: usize = 3;

/// What one answer took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// The credential that asked ([`crate::http::Caller::id`]).
    pub credential: String,
    /// The bot that answered.
    pub bot: BotId,
    /// The model that wrote.
    pub model: String,
    /// Tokens of the prompt.
    pub input_tokens: u32,
    /// Tokens of the answer.
    pub output_tokens: u32,
    /// What it cost, in nano-USD.
    pub nano_usd: i64,
}

/// The sums of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Sums {
    /// Answers.
    #[serde(default)]
    pub requests: i64,
    /// Tokens of prompts.
    #[serde(default)]
    pub input_tokens: i64,
    /// Tokens of answers.
    #[serde(default)]
    pub output_tokens: i64,
    /// What they cost, in nano-USD.
    #[serde(default)]
    pub nano_usd: i64,
}

/// `2026-11-24` and `2026-11`, in UTC.
fn day_and_month(at: Time) -> (String, String) {
    let date = Offset::UTC.to_datetime(at.timestamp()).date();
    (date.to_string(), date.strftime("%Y-%m").to_string())
}

/// The sums of one day or month.
fn partition(tenant: &TenantId, period: &str) -> Partition {
    Partition::tenant(tenant, &["U", period])
}

fn bot_key(tenant: &TenantId, period: &str, bot: &BotId) -> Key {
    partition(tenant, period).at(sort("BOT", &[bot.as_str()]))
}

/// What a bot has cost in the month of `now`, in nano-USD. Answers count a moment after they are stored.
///
/// # Errors
/// When the table does not answer.
pub async fn cost_this_month(table: &Table, tenant: &TenantId, bot: &BotId, now: Time) -> Result<i64, Error> {
    let (_, month) = day_and_month(now);
    let sums: Option<Sums> = table.get(&bot_key(tenant, &month, bot)).await?;
    Ok(sums.unwrap_or_default().nano_usd)
}

/// Nano-USD as USD.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "exact up to 9 million USD")]
pub fn usd(nano_usd: i64) -> f64 {
    nano_usd as f64 / 1e9
}

/// An answer to be counted.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The event that told of it, which is marked as counted.
    pub event: Key,
    /// Whose answer.
    pub tenant: TenantId,
    /// When it was stored.
    pub at: Time,
    /// What it took.
    pub spent: Spent,
}

impl Entry {
    fn rows(&self) -> [Key; ROWS] {
        let (day, month) = day_and_month(self.at);
        let Spent {
            credential, bot, model, ..
        } = &self.spent;
        [
            partition(&self.tenant, &day).at(sort("BY", &[credential, "MODEL", model])),
            bot_key(&self.tenant, &day, bot),
            bot_key(&self.tenant, &month, bot),
        ]
    }
}

/// Counts answers. Each event is marked in the same transaction, so that one that comes again is dropped.
///
/// # Errors
/// When the table does not answer; what was not counted then can be counted later.
pub async fn fold(table: &Table, entries: Vec<Entry>) -> Result<(), Error> {
    for entries in entries.chunks(WRITES / (ROWS + 1)) {
        let mut left = entries.to_vec();
        while !left.is_empty() {
            match table.transact(transaction(&left)?).await {
                Ok(()) => break,
                // Marks come first: this one was counted before, or expired.
                Err(TransactionError::Condition(at)) if at < left.len() => {
                    left.remove(at);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

fn transaction(entries: &[Entry]) -> Result<Transaction, Error> {
    let mut transaction = Transaction::default();
    let mut sums: BTreeMap<String, (Key, Sums)> = BTreeMap::new();
    for entry in entries {
        let mark = Update::at(entry.event.clone())
            .when(Condition::Exists)
            .when(Condition::Lacks("counted"))
            .set("counted", &true)?;
        transaction.update(mark);
        for key in entry.rows() {
            let (_, sum) = sums.entry(key.name()).or_insert_with(|| (key, Sums::default()));
            sum.requests += 1;
            sum.input_tokens += i64::from(entry.spent.input_tokens);
            sum.output_tokens += i64::from(entry.spent.output_tokens);
            sum.nano_usd += entry.spent.nano_usd;
        }
    }
    for (key, sum) in sums.into_values() {
        transaction.update(
            Update::at(key)
                .add("requests", sum.requests)
                .add("input_tokens", sum.input_tokens)
                .add("output_tokens", sum.output_tokens)
                .add("nano_usd", sum.nano_usd),
        );
    }
    Ok(transaction)
}

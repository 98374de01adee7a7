//! What answers took, summed by day: counters that follow from the table's stream, each event once. Those of a month are one
//! partition.

mod days;
mod report;

pub use days::Days;
pub use report::{Of, Report};

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Time,
    error::Error,
    ids::{BotId, TenantId},
    store::{Condition, Key, Partition, Table, Transaction, TransactionError, Update, sort},
};

/// Writes of one transaction.
const WRITES: usize = 100;
/// Rows that one answer counts in: its credential's and its bot's, of the day and the model.
const ROWS: usize = 2;
/// The kind of a credential's rows: `BY#<credential>#<day>#<model>`.
const BY: &str = "BY";
/// The kind of a bot's rows: `BOT#<bot>#<day>#<model>`.
const BOT: &str = "BOT";

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

/// The sums of a row, or of many.
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

/// The sums of one month.
fn partition(tenant: &TenantId, month: &str) -> Partition {
    Partition::tenant(tenant, &["U", month])
}

/// What a bot has cost in the month of `now`, in nano-USD. Answers count a moment after they are stored.
///
/// # Errors
/// When the table does not answer.
pub async fn cost_this_month(table: &Table, tenant: &TenantId, bot: &BotId, now: Time) -> Result<i64, Error> {
    let report = Report::of_month(table, tenant, &Of::Bot(bot.clone()), Days::month(now), &|_| true).await?;
    Ok(report.total.nano_usd)
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

/// A row that an answer counts in, by its key and what it says of itself.
struct Row<'e> {
    key: Key,
    day: Date,
    model: &'e str,
    bot: Option<&'e BotId>,
}

impl Entry {
    fn rows(&self) -> [Row<'_>; ROWS] {
        let Spent {
            credential, bot, model, ..
        } = &self.spent;
        let day = days::day(self.at);
        let row = |kind: &str, name: &str, bot| {
            let key = partition(&self.tenant, &days::month_name(day)).at(sort(kind, &[name, &day.to_string(), model]));
            Row { key, day, model, bot }
        };
        [row(BY, credential, None), row(BOT, bot.as_str(), Some(bot))]
    }
}

/// Counts answers. Each event is marked in the same transaction, so that one that comes again is dropped.
///
/// # Errors
/// When the table does not answer; what was not counted then can be counted later.
pub async fn fold(table: &Table, mut entries: Vec<Entry>) -> Result<(), Error> {
    // A transaction names no item twice.
    let mut told = BTreeSet::new();
    entries.retain(|entry| told.insert(entry.event.name()));
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
    let mut sums: BTreeMap<String, (Row<'_>, Sums)> = BTreeMap::new();
    for entry in entries {
        let mark = Update::at(entry.event.clone())
            .when(Condition::Exists)
            .when(Condition::Lacks("counted"))
            .set("counted", &true)?;
        transaction.update(mark);
        for row in entry.rows() {
            let (_, sum) = sums.entry(row.key.name()).or_insert_with(|| (row, Sums::default()));
            *sum += Sums::from(&entry.spent);
        }
    }
    for (row, sum) in sums.into_values() {
        transaction.update(
            Update::at(row.key)
                .set("day", &row.day)?
                .set("model", &row.model)?
                .set_or_remove("bot", row.bot)?
                .add("requests", sum.requests)
                .add("input_tokens", sum.input_tokens)
                .add("output_tokens", sum.output_tokens)
                .add("nano_usd", sum.nano_usd),
        );
    }
    Ok(transaction)
}

impl From<&Spent> for Sums {
    fn from(spent: &Spent) -> Self {
        Self {
            requests: 1,
            input_tokens: spent.input_tokens.into(),
            output_tokens: spent.output_tokens.into(),
            nano_usd: spent.nano_usd,
        }
    }
}

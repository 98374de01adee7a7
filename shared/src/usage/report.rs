//! The sums of a range of days: one query for each month, a few months at a time.

use std::{collections::BTreeMap, ops::AddAssign};

use futures::{StreamExt, TryStreamExt, stream};
use jiff::civil::Date;
use serde::Deserialize;

use super::{BOT, BY, Days, Sums, days::month_name, partition};
use crate::{
    error::Error,
    ids::{BotId, TenantId},
    store::{Query, Table, sort},
};

/// Months that are read at once.
const AT_ONCE: usize = 8;

/// Whose answers are summed.
#[derive(Clone, Debug)]
pub enum Of {
    /// What was asked with this credential ([`crate::http::Caller::id`]).
    Credential(String),
    /// What this bot answered.
    Bot(BotId),
    /// What all bots of the tenant answered, those that are gone included.
    Bots,
}

impl Of {
    /// The sort keys of some days of one month. `$` follows `#`, which stands behind a day.
    fn between(&self, days: Days) -> (String, String) {
        let of = match self {
            Self::Credential(credential) => sort(BY, &[credential]),
            Self::Bot(bot) => sort(BOT, &[bot.as_str()]),
            Self::Bots => return (format!("{BOT}#"), format!("{BOT}$")),
        };
        (format!("{of}#{}", days.first), format!("{of}#{}$", days.last))
    }
}

/// A counter row.
#[derive(Debug, Deserialize)]
struct Counter {
    day: Date,
    model: String,
    /// Absent in a credential's row.
    bot: Option<BotId>,
    #[serde(flatten)]
    sums: Sums,
}

/// What answers took in a range of days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// All of them.
    pub total: Sums,
    /// By the model that wrote.
    pub by_model: BTreeMap<String, Sums>,
    /// By the day, where there was something.
    pub by_day: BTreeMap<Date, Sums>,
}

impl Report {
    /// Sums what was counted on `days`, of the bots that `sees` lets through.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn read(
        table: &Table,
        tenant: &TenantId,
        of: &Of,
        days: Days,
        sees: &(impl Fn(&BotId) -> bool + Sync),
    ) -> Result<Self, Error> {
        let months = days
            .months()
            .map(|month| Self::of_month(table, tenant, of, month, sees));
        let mut months = stream::iter(months).buffer_unordered(AT_ONCE);
        let mut report = Self::default();
        while let Some(month) = months.try_next().await? {
            report.merge(month);
        }
        Ok(report)
    }

    /// [`Report::read`] for days of one month.
    pub(super) async fn of_month(
        table: &Table,
        tenant: &TenantId,
        of: &Of,
        days: Days,
        sees: &(impl Fn(&BotId) -> bool + Sync),
    ) -> Result<Self, Error> {
        let mut report = Self::default();
        let mut pages = table.pages(Query {
            between: of.between(days),
            ..Query::whole(partition(tenant, &month_name(days.first)))
        });
        while let Some(page) = pages.next::<Counter>().await? {
            for counter in page {
                if days.holds(counter.day) && counter.bot.as_ref().is_none_or(sees) {
                    report.add(counter);
                }
            }
        }
        Ok(report)
    }

    fn add(&mut self, counter: Counter) {
        let Counter { day, model, sums, .. } = counter;
        self.total += sums;
        *self.by_model.entry(model).or_default() += sums;
        *self.by_day.entry(day).or_default() += sums;
    }

    fn merge(&mut self, other: Self) {
        self.total += other.total;
        for (model, sums) in other.by_model {
            *self.by_model.entry(model).or_default() += sums;
        }
        self.by_day.extend(other.by_day);
    }
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.nano_usd += other.nano_usd;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_ends_behind_the_last_days_models_and_before_the_next_day() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        let days = Days {
            first: day("2026-11-03"),
            last: day("2026-11-09"),
        };
        let bot = BotId::parse("b#1").unwrap();
        let at = |day: &str, model: &str| sort(BOT, &[bot.as_str(), day, model]);
        let (low, high) = Of::Bot(bot.clone()).between(days);
        let inside = |key: String| (low.as_str()..=high.as_str()).contains(&key.as_str());
        for model in ["", "#", "~", "ÿ"] {
            assert!(
                inside(at("2026-11-03", model)) && inside(at("2026-11-09", model)),
                "{model}"
            );
            assert!(
                !inside(at("2026-11-02", model)) && !inside(at("2026-11-10", model)),
                "{model}"
            );
        }
        assert!(!inside(sort(BOT, &["b#11", "2026-11-05", "m"])));
        let (low, high) = Of::Bots.between(days);
        let any = sort(BOT, &["~", "2026-11-05", "m"]);
        assert!(low < any && any < high && sort(BY, &["key:a"]) > high);
    }
}

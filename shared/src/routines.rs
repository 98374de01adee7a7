//! Routines: saved prompts of a bot, run on demand or on a schedule, and their runs.

mod cron;
mod runs;
pub mod schedule;

pub use runs::{Failure, Run, Status, Trigger, runs_of_bot};

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Time,
    error::Error,
    ids::{BotId, RoutineId, TenantId},
    logins::Email,
    routines::schedule::{Schedule, zone},
    store::{Condition, Key, Partition, Row, sort},
};

/// A saved prompt of a bot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Routine {
    /// Its id.
    pub id: RoutineId,
    /// Whose routine it is.
    pub tenant: TenantId,
    /// The bot that is asked.
    pub bot: BotId,
    /// What it is called.
    pub name: String,
    /// What the bot is asked.
    pub prompt: String,
    /// When it runs by itself, as `rate(…)` or `cron(…)`; absent = only on demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// The IANA name of the time zone of a `cron(…)`.
    pub timezone: String,
    /// Whether it runs at all.
    pub enabled: bool,
    /// Who gets what a run says.
    #[serde(default)]
    pub deliver: Deliver,
    /// When it runs next by itself: there exactly as long as it is due then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run: Option<Time>,
    /// Counts its changes, so that of two at once none is lost.
    #[serde(default)]
    pub revision: u32,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// Who gets what a run says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deliver {
    /// The webhooks that listen to `routine_finished`.
    #[serde(default)]
    pub webhook: bool,
    /// Addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub email: Vec<Email>,
}

impl Routine {
    /// Most characters of its name.
    pub const MAX_NAME: usize = 100;
    /// Most characters of its prompt.
    pub const MAX_PROMPT: usize = 16_000;
    /// Most characters of what a run on demand adds to the prompt.
    pub const MAX_INPUT: usize = 16_000;
    /// Most addresses that get what a run says.
    pub const MAX_ADDRESSES: usize = 10;
    /// Most routines of a bot.
    pub const MOST: usize = 100;

    /// A new routine that runs on demand.
    #[must_use]
    pub fn new(tenant: &TenantId, bot: &BotId, name: &str, prompt: &str, now: Time) -> Self {
        Self {
            id: RoutineId::new(),
            tenant: tenant.clone(),
            bot: bot.clone(),
            name: name.to_owned(),
            prompt: prompt.to_owned(),
            schedule: None,
            timezone: "UTC".to_owned(),
            enabled: true,
            deliver: Deliver::default(),
            next_run: None,
            revision: 0,
            created_at: now,
            updated_at: now,
        }
    }

    /// Where a routine lives.
    #[must_use]
    pub fn key(tenant: &TenantId, id: &RoutineId) -> Key {
        Partition::tenant(tenant, &[]).at(sort("ROUTINE", &[id.as_str()]))
    }

    /// That nobody changed or deleted it since it was read.
    ///
    /// # Errors
    /// When the condition cannot be written.
    pub fn unchanged(&self) -> Result<Condition, Error> {
        Condition::is("revision", &self.revision)
    }

    /// Its schedule, and the time zone that it is meant in.
    ///
    /// # Errors
    /// 400 naming `schedule` or `timezone`.
    pub fn timing(&self) -> Result<Option<(Schedule, TimeZone)>, Error> {
        let zone = zone(&self.timezone);
        let zone =
            zone.ok_or_else(|| Error::field("timezone", "must be the name of a time zone, like Europe/Berlin or UTC"))?;
        let Some(schedule) = &self.schedule else {
            return Ok(None);
        };
        let schedule = Schedule::parse(schedule).map_err(|why| Error::field("schedule", why))?;
        Ok(Some((schedule, zone)))
    }

    /// Finds out when it runs next, counted from `now`.
    ///
    /// # Errors
    /// 400 naming `schedule` or `timezone`; a schedule that never comes is one too.
    pub fn plan(&mut self, now: Time) -> Result<(), Error> {
        self.next_run = None;
        if let Some((schedule, zone)) = self.timing()? {
            let next = schedule.next(now, &zone);
            let next = next.ok_or_else(|| Error::field("schedule", "never comes"))?;
            self.next_run = self.enabled.then_some(next);
        }
        Ok(())
    }

    /// Where those lie that are due some time. Global: one look finds those of all tenants.
    #[must_use]
    pub fn due() -> Partition {
        Partition::global("DUE", &["ROUTINE"])
    }

    /// Its place among those that are due, when it runs next at `next`.
    #[must_use]
    pub fn due_key(&self, next: Time) -> Key {
        Self::due().at(sort(&next.to_string(), &[self.tenant.as_str(), self.id.as_str()]))
    }
}

impl Row for Routine {
    fn key(&self) -> Key {
        Self::key(&self.tenant, &self.id)
    }

    fn gsi1(&self) -> Option<Key> {
        let place = sort(&self.created_at.to_string(), &[self.id.as_str()]);
        Some(of_bot(&self.tenant, &self.bot).at(place))
    }

    fn gsi2(&self) -> Option<Key> {
        self.next_run.map(|next| self.due_key(next))
    }
}

/// The partition of the first index that lists a bot's routines.
#[must_use]
pub fn of_bot(tenant: &TenantId, bot: &BotId) -> Partition {
    Partition::tenant(tenant, &["B", bot.as_str(), "R"])
}

/// Where a bot's routines are counted, as `routines`, so that however many are made at once there are never more than
/// [`Routine::MOST`].
#[must_use]
pub fn count_key(tenant: &TenantId, bot: &BotId) -> Key {
    of_bot(tenant, bot).at(sort("COUNT", &[]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sort_until;

    fn routine(schedule: &str) -> Routine {
        let now = Time::parse("2026-01-15T10:30:00Z").unwrap();
        Routine {
            schedule: Some(schedule.to_owned()),
            ..Routine::new(&TenantId::new(), &BotId::new(), "R", "P", now)
        }
    }

    #[test]
    fn only_an_enabled_routine_with_a_schedule_is_due_some_time() {
        let mut daily = routine("cron(0 9 * * ? *)");
        daily.plan(daily.created_at).unwrap();
        assert_eq!(daily.next_run, Time::parse("2026-01-16T09:00:00Z"));
        let place = daily.gsi2().unwrap();
        assert!(place.sk() <= sort_until(daily.next_run.unwrap()).as_str());
        assert!(place.sk() > sort_until(daily.next_run.unwrap().plus(-1)).as_str());
        daily.enabled = false;
        daily.plan(daily.created_at).unwrap();
        assert!(daily.next_run.is_none() && daily.gsi2().is_none());
    }

    #[test]
    fn a_schedule_that_never_comes_and_an_unknown_zone_are_named() {
        let named = |mut routine: Routine| match routine.plan(routine.created_at) {
            Err(Error::Invalid { fields, .. }) => fields.into_keys().next().unwrap(),
            other => panic!("{other:?}"),
        };
        assert_eq!(named(routine("cron(0 0 30 2 ? *)")), "schedule");
        assert_eq!(named(routine("cron(0 0 30 2 *)")), "schedule");
        let nowhere = Routine {
            timezone: "Mars/Phobos".to_owned(),
            ..routine("rate(1 day)")
        };
        assert_eq!(named(nowhere), "timezone");
    }
}

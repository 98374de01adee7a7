//! Runs of routines: each is asked for once, runs once, and ends once.

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::Routine;
use crate::{
    clock::Time,
    events::{Event, EventType, Job},
    ids::{BotId, RoutineId, RunId, TenantId},
    logins::Email,
    messages::Citation,
    store::{Key, Partition, Row, sort},
};

/// How long a run can be looked up, in seconds.
const KEPT: i64 = 90 * 24 * 3600;

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RunStatus)]
pub enum Status {
    /// It waits for its turn.
    Queued,
    /// The bot is at it.
    Running,
    /// The output is there.
    Succeeded,
    /// It was given up; `error` says why.
    Failed,
}

/// Why a run began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RunTrigger)]
pub enum Trigger {
    /// Somebody asked for it.
    Manual,
    /// It was due.
    Schedule,
}

/// Why a run was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Machine-readable reason.
    pub code: String,
    /// A sentence.
    pub message: String,
}

impl Failure {
    /// A reason.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
        }
    }
}

/// One run of a routine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// Its id; ids of one routine sort by the time that the run was meant for.
    pub id: RunId,
    /// Whose routine.
    pub tenant: TenantId,
    /// The routine.
    pub routine: RoutineId,
    /// The bot that is asked.
    pub bot: BotId,
    /// How far it has come.
    pub status: Status,
    /// Why it began.
    pub trigger: Trigger,
    /// When it was due, when it was by schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_for: Option<Time>,
    /// What whoever asked for it adds to the prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// What the bot said, with markers `[n]` that count `citations` from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// What it rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub citations: Vec<Citation>,
    /// Why it was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// Counts its beginnings: only the last one may end it.
    #[serde(default)]
    pub attempt: u32,
    /// Until when nobody else may begin it, while it is running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_until: Option<Time>,
    /// Who has got the output by mail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mailed: Vec<Email>,
    /// When it was asked for.
    pub created_at: Time,
    /// When it last began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
}

impl Run {
    /// The sort key's kind, for lists.
    pub const KIND: &'static str = "RUN";

    /// A run that somebody asks for.
    #[must_use]
    pub fn manual(routine: &Routine, input: Option<String>, now: Time) -> Self {
        Self {
            input,
            ..Self::queued(routine, RunId::new(), Trigger::Manual, now)
        }
    }

    /// The run of an occurrence of the schedule: the same however often it is made.
    #[must_use]
    pub fn scheduled(routine: &Routine, occurrence: Time, now: Time) -> Self {
        let id = RunId::of_occurrence(&routine.id, occurrence);
        Self {
            scheduled_for: Some(occurrence),
            ..Self::queued(routine, id, Trigger::Schedule, now)
        }
    }

    fn queued(routine: &Routine, id: RunId, trigger: Trigger, now: Time) -> Self {
        Self {
            id,
            tenant: routine.tenant.clone(),
            routine: routine.id.clone(),
            bot: routine.bot.clone(),
            status: Status::Queued,
            trigger,
            scheduled_for: None,
            input: None,
            output: None,
            citations: Vec::new(),
            error: None,
            attempt: 0,
            held_until: None,
            mailed: Vec::new(),
            created_at: now,
            started_at: None,
            finished_at: None,
        }
    }

    /// This run, given up before it began.
    #[must_use]
    pub fn given_up(self, why: Failure, now: Time) -> Self {
        Self {
            status: Status::Failed,
            error: Some(why),
            finished_at: Some(now),
            ..self
        }
    }

    /// Where a run lives.
    #[must_use]
    pub fn key(tenant: &TenantId, routine: &RoutineId, id: &RunId) -> Key {
        Self::partition(tenant, routine).at(sort(Self::KIND, &[id.as_str()]))
    }

    /// The runs of a routine.
    #[must_use]
    pub fn partition(tenant: &TenantId, routine: &RoutineId) -> Partition {
        Partition::tenant(tenant, &["R", routine.as_str()])
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.status, Status::Succeeded | Status::Failed)
    }

    /// Whether it can still be looked up.
    #[must_use]
    pub fn is_kept(&self, now: Time) -> bool {
        now.second() < self.created_at.second() + KEPT
    }

    /// The event that has it run.
    #[must_use]
    pub fn requested(&self) -> Event {
        let data = json!({"routine_id": self.routine, "run_id": self.id});
        let job = Job::Run {
            tenant: self.tenant.clone(),
            routine: self.routine.clone(),
            run: self.id.clone(),
        };
        Event::new(
            &self.tenant,
            Some(&self.bot),
            EventType::RunRequested,
            self.created_at,
            data,
        )
        .with([job])
    }

    /// The event that tells of its end, with this outcome.
    #[must_use]
    pub fn finished(&self, status: Status, failure: Option<&Failure>, now: Time) -> Event {
        let data = json!({
            "routine_id": self.routine,
            "run_id": self.id,
            "status": status,
            "trigger": self.trigger,
            "scheduled_for": self.scheduled_for,
            "error": failure.map(|failure| &failure.message),
            "error_code": failure.map(|failure| &failure.code),
        });
        Event::new(&self.tenant, Some(&self.bot), EventType::RoutineFinished, now, data)
    }
}

impl Row for Run {
    fn key(&self) -> Key {
        Self::key(&self.tenant, &self.routine, &self.id)
    }

    fn gsi1(&self) -> Option<Key> {
        let place = sort(&self.created_at.to_string(), &[self.id.as_str()]);
        Some(runs_of_bot(&self.tenant, &self.bot).at(place))
    }

    fn expires_at(&self) -> Option<i64> {
        Some(self.created_at.second() + KEPT)
    }
}

/// The partition of the first index that lists the runs of all routines of a bot, also of those that were deleted.
#[must_use]
pub fn runs_of_bot(tenant: &TenantId, bot: &BotId) -> Partition {
    Partition::tenant(tenant, &["B", bot.as_str(), "RUN"])
}

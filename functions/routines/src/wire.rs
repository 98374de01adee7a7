//! Routines and runs on the wire.

use serde::Serialize;
use shared::{
    clock::Time,
    http::ai::CitationOut,
    ids::{BotId, RoutineId, RunId},
    logins::Email,
    routines::{Routine, Run, Status, Trigger},
};
use utoipa::ToSchema;

/// A routine.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoutineOut {
    /// Its id.
    id: RoutineId,
    /// The bot that is asked.
    agent_id: BotId,
    /// What it is called.
    name: String,
    /// What the bot is asked.
    prompt: String,
    /// When it runs by itself; `null` = only on demand.
    schedule: Option<String>,
    /// The time zone of a `cron(…)`.
    timezone: String,
    /// Whether it runs at all.
    enabled: bool,
    /// Who gets what a run says.
    deliver: DeliverOut,
    /// When it runs next by itself.
    next_run_at: Option<Time>,
    /// When it was made.
    created_at: Time,
    /// When it was last changed.
    updated_at: Time,
}

/// Who gets what a run says.
#[derive(Debug, Serialize, ToSchema)]
struct DeliverOut {
    /// The webhooks that listen to `routine_finished`.
    webhook: bool,
    /// Addresses.
    #[schema(value_type = Vec<String>)]
    email: Vec<Email>,
}

/// A page of routines, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoutinesOut {
    /// The routines.
    pub(crate) routines: Vec<RoutineOut>,
    /// For the next page's `?cursor=`; `null` at the end.
    pub(crate) next_cursor: Option<String>,
}

/// A run that waits for its turn.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueuedOut {
    /// Its id.
    pub(crate) run_id: RunId,
    /// How far it has come: `queued`.
    pub(crate) status: Status,
}

/// A run of a routine.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunOut {
    /// Its id.
    id: RunId,
    /// The same.
    run_id: RunId,
    /// The routine.
    routine_id: RoutineId,
    /// How far it has come.
    status: Status,
    /// Why it began.
    trigger: Trigger,
    /// When it was due, when it was by schedule.
    scheduled_for: Option<Time>,
    /// What whoever asked for it added to the prompt.
    input: Option<String>,
    /// What the bot said, with markers `[n]` that count `citations` from 1.
    output: Option<String>,
    /// What it rests on.
    citations: Vec<CitationOut>,
    /// When it was asked for.
    created_at: Time,
    /// When it last began.
    started_at: Option<Time>,
    /// When it ended.
    finished_at: Option<Time>,
    /// Why it failed, in a sentence.
    error: Option<String>,
    /// Why it failed, for machines: `missed`, `routine_disabled`, `routine_deleted`, `bot_inactive`, `bot_deleted`,
    /// `budget_exceeded`, `unavailable` or `internal`.
    error_code: Option<String>,
}

/// A page of runs, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunsOut {
    /// The runs.
    pub(crate) runs: Vec<RunOut>,
    /// For the next page's `?cursor=`; `null` at the end.
    pub(crate) next_cursor: Option<String>,
}

impl From<Routine> for RoutineOut {
    fn from(routine: Routine) -> Self {
        Self {
            id: routine.id,
            agent_id: routine.bot,
            name: routine.name,
            prompt: routine.prompt,
            schedule: routine.schedule,
            timezone: routine.timezone,
            enabled: routine.enabled,
            deliver: DeliverOut {
                webhook: routine.deliver.webhook,
                email: routine.deliver.email,
            },
            next_run_at: routine.next_run,
            created_at: routine.created_at,
            updated_at: routine.updated_at,
        }
    }
}

impl From<Run> for RunOut {
    fn from(run: Run) -> Self {
        let (error_code, error) = run.error.map(|failure| (failure.code, failure.message)).unzip();
        Self {
            id: run.id.clone(),
            run_id: run.id,
            routine_id: run.routine,
            status: run.status,
            trigger: run.trigger,
            scheduled_for: run.scheduled_for,
            input: run.input,
            output: run.output,
            citations: run.citations.into_iter().map(CitationOut::from).collect(),
            created_at: run.created_at,
            started_at: run.started_at,
            finished_at: run.finished_at,
            error,
            error_code,
        }
    }
}

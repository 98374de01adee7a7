//! Running routines, and reading what their runs said.

use axum::{Json, extract::State};
use http::StatusCode;
use shared::{
    app::App,
    bots::Bot,
    error::Error,
    http::{JsonOrNothing, PageParams, Paths, Query, RoutineAsker, RunReader},
    ids::{BotId, RoutineId, RunId},
    routines::Run,
    store::{self, Condition, Row, Transaction, TransactionError},
};

use crate::{
    body::RunIn,
    place,
    wire::{QueuedOut, RunOut, RunsOut},
};

/// Run a routine.
///
/// Runs the routine now, in the background; the body may be left out. It counts as a question.
#[utoipa::path(post, path = "/api/agents/{agentId}/routines/{routineId}/run", tag = "routines",
    request_body = Option<RunIn>,
    params(("agentId" = BotId, Path, description = "The bot"), ("routineId" = RoutineId, Path, description = "The routine")),
    responses((status = 202, description = "The run, which waits for its turn", body = QueuedOut)))]
pub(crate) async fn run_routine(
    State(app): State<App>,
    RoutineAsker(caller): RoutineAsker,
    Paths([agent, id]): Paths<2>,
    JsonOrNothing(body): JsonOrNothing<RunIn>,
) -> Result<(StatusCode, Json<QueuedOut>), Error> {
    let input = body.input()?;
    let routine = place::routine(&app, &caller, &agent, &id).await?;
    let disabled = || Error::conflict("routine_disabled", "This routine is disabled");
    if !routine.enabled {
        return Err(disabled());
    }
    let bot: Option<Bot> = app.table.get(&Bot::key(&routine.tenant, &routine.bot)).await?;
    if !bot.ok_or(Error::NotFound("Routine"))?.active {
        return Err(Error::conflict("bot_inactive", "This bot is not active"));
    }
    let run = Run::manual(&routine, input, app.clock.now());
    let mut transaction = Transaction::default();
    transaction
        .create(&run)?
        .create(&run.requested())?
        .check(Row::key(&routine), Condition::is("enabled", &true)?);
    app.table.transact(transaction).await.map_err(|error| match error {
        TransactionError::Condition(_) => disabled(),
        TransactionError::Other(error) => error,
    })?;
    let queued = QueuedOut {
        run_id: run.id,
        status: run.status,
    };
    Ok((StatusCode::ACCEPTED, Json(queued)))
}

/// List the runs of a routine.
///
/// Its runs of the last 90 days, on demand and by schedule, newest first.
#[utoipa::path(get, path = "/api/agents/{agentId}/routines/{routineId}/runs", tag = "routines", params(
        ("agentId" = BotId, Path, description = "The bot"), ("routineId" = RoutineId, Path, description = "The routine"),
        ("limit" = Option<u32>, Query, description = "Items of a page, 20 when not said", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before")),
    responses((status = 200, description = "A page of runs, newest first", body = RunsOut)))]
pub(crate) async fn list_runs(
    State(app): State<App>,
    RunReader(caller): RunReader,
    Paths([agent, id]): Paths<2>,
    Query(page): Query<PageParams>,
) -> Result<Json<RunsOut>, Error> {
    let routine = place::routine(&app, &caller, &agent, &id).await?;
    let partition = Run::partition(&routine.tenant, &routine.id);
    let mut query = store::Query::newest(partition.clone(), Run::KIND);
    query.limit = Some(page.limit()?);
    query.after = page.cursor(&partition, Run::KIND)?;
    let found = app.table.query::<Run>(query).await?;
    let now = app.clock.now();
    let kept = found.items.into_iter().filter(|run| run.is_kept(now));
    Ok(Json(RunsOut {
        runs: kept.map(RunOut::from).collect(),
        next_cursor: found.next.map(|cursor| cursor.encode(&partition)),
    }))
}

/// Read a run of a routine.
#[utoipa::path(get, path = "/api/agents/{agentId}/routines/{routineId}/runs/{runId}", tag = "routines", params(
        ("agentId" = BotId, Path, description = "The bot"), ("routineId" = RoutineId, Path, description = "The routine"),
        ("runId" = RunId, Path, description = "The run")),
    responses((status = 200, description = "The run", body = RunOut)))]
pub(crate) async fn get_run(
    State(app): State<App>,
    RunReader(caller): RunReader,
    Paths(ids): Paths<3>,
) -> Result<Json<RunOut>, Error> {
    Ok(Json(place::run(&app, &caller, ids).await?.into()))
}

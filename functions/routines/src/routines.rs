//! Making, reading and changing routines.

use axum::{Json, extract::State};
use http::StatusCode;
use shared::{
    app::App,
    error::Error,
    http::{self as extract, Admin, PageParams, Path, Paths, Query, Reader},
    ids::{BotId, RoutineId},
    routines::{self, Routine},
    store::{Condition, Row, Transaction, TransactionError, Update, on_top},
};

use crate::{
    body::{RoutineIn, RoutinePatch},
    place,
    wire::{RoutineOut, RoutinesOut},
};

/// List routines.
///
/// The routines of a bot, newest first.
#[utoipa::path(get, path = "/api/agents/{agentId}/routines", tag = "routines", params(
        ("agentId" = BotId, Path, description = "The bot"),
        ("limit" = Option<u32>, Query, description = "Items of a page, 20 when not said", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before")),
    responses((status = 200, description = "A page of routines, newest first", body = RoutinesOut)))]
pub(crate) async fn list_routines(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(agent): Path,
    Query(page): Query<PageParams>,
) -> Result<Json<RoutinesOut>, Error> {
    let bot = place::bot(&app, &caller, &agent).await?;
    let partition = routines::of_bot(&bot.tenant, &bot.id);
    let (limit, after) = (page.limit()?, page.index_cursor(&partition)?);
    let found = app.table.index1_page::<Routine>(&partition, limit, after).await?;
    Ok(Json(RoutinesOut {
        routines: found.items.into_iter().map(RoutineOut::from).collect(),
        next_cursor: found.next.map(|cursor| cursor.encode(&partition)),
    }))
}

/// Make a routine.
///
/// A new routine of a bot. With a schedule it runs by itself from its next occurrence on.
#[utoipa::path(post, path = "/api/agents/{agentId}/routines", tag = "routines", request_body = RoutineIn,
    params(("agentId" = BotId, Path, description = "The bot")),
    responses((status = 201, description = "The new routine", body = RoutineOut)))]
pub(crate) async fn create_routine(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(agent): Path,
    extract::Json(body): extract::Json<RoutineIn>,
) -> Result<(StatusCode, Json<RoutineOut>), Error> {
    let bot = place::bot(&app, &caller, &agent).await?;
    let routine = body.routine(&bot.tenant, &bot.id, app.clock.now())?;
    let count = routines::count_key(&bot.tenant, &bot.id);
    app.table.update(Update::at(count.clone()).add("routines", 0)).await?;
    let room = Condition::below("routines", &Routine::MOST)?;
    let mut transaction = Transaction::default();
    transaction
        .update(Update::at(count).add("routines", 1).when(room))
        .check(Row::key(&bot), Condition::Exists)
        .create(&routine)?;
    app.table.transact(transaction).await.map_err(|error| match error {
        TransactionError::Condition(0) => {
            let message = format!("A bot has at most {} routines; delete one first", Routine::MOST);
            Error::conflict("too_many_routines", message)
        }
        TransactionError::Condition(_) => Error::NotFound("Agent"),
        TransactionError::Other(error) => error,
    })?;
    Ok((StatusCode::CREATED, Json(routine.into())))
}

/// Read a routine.
#[utoipa::path(get, path = "/api/agents/{agentId}/routines/{routineId}", tag = "routines",
    params(("agentId" = BotId, Path, description = "The bot"), ("routineId" = RoutineId, Path, description = "The routine")),
    responses((status = 200, description = "The routine", body = RoutineOut)))]
pub(crate) async fn get_routine(
    State(app): State<App>,
    Reader(caller): Reader,
    Paths([agent, id]): Paths<2>,
) -> Result<Json<RoutineOut>, Error> {
    Ok(Json(place::routine(&app, &caller, &agent, &id).await?.into()))
}

/// Change a routine.
///
/// Changes what is stated and leaves the rest. `null` is the same as absent; an empty text or list
/// takes something away. Runs that wait when a routine is disabled do not run any more.
#[utoipa::path(put, path = "/api/agents/{agentId}/routines/{routineId}", tag = "routines", request_body = RoutinePatch,
    params(("agentId" = BotId, Path, description = "The bot"), ("routineId" = RoutineId, Path, description = "The routine")),
    responses((status = 200, description = "The routine as it is now", body = RoutineOut)))]
pub(crate) async fn update_routine(
    State(app): State<App>,
    Admin(caller): Admin,
    Paths([agent, id]): Paths<2>,
    extract::Json(body): extract::Json<RoutinePatch>,
) -> Result<Json<RoutineOut>, Error> {
    let routine = on_top(|| async {
        let before = place::routine(&app, &caller, &agent, &id).await?;
        let mut after = before.clone();
        let now = app.clock.now();
        body.apply(&mut after, now)?;
        after.updated_at = now;
        after.revision += 1;
        let mut transaction = Transaction::default();
        transaction.put(&after, vec![before.unchanged()?])?;
        app.table.transact(transaction).await?;
        Ok(after)
    })
    .await?;
    Ok(Json(routine.into()))
}

/// Delete a routine.
///
/// It does not run any more, also not where a run waits already. A run whose id is known can be read until it is 90 days old.
#[utoipa::path(delete, path = "/api/agents/{agentId}/routines/{routineId}", tag = "routines",
    params(("agentId" = BotId, Path, description = "The bot"), ("routineId" = RoutineId, Path, description = "The routine")),
    responses((status = 204, description = "It is gone")))]
pub(crate) async fn delete_routine(
    State(app): State<App>,
    Admin(caller): Admin,
    Paths([agent, id]): Paths<2>,
) -> Result<StatusCode, Error> {
    let routine = place::routine(&app, &caller, &agent, &id).await?;
    let count = routines::count_key(&routine.tenant, &routine.bot);
    let mut transaction = Transaction::default();
    transaction
        .delete(Row::key(&routine), vec![Condition::Exists])
        .update(Update::at(count).add("routines", -1));
    app.table.transact(transaction).await.map_err(|error| match error {
        TransactionError::Condition(_) => Error::NotFound("Routine"),
        TransactionError::Other(error) => error,
    })?;
    Ok(StatusCode::NO_CONTENT)
}

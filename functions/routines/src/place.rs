//! Routines and runs as the caller may find them: what belongs to others looks as if it never existed.

use shared::{
    app::App,
    bots::Bot,
    error::Error,
    http::Caller,
    ids::{BotId, RoutineId, RunId},
    routines::{Routine, Run},
};

/// A bot of the caller's.
pub(crate) async fn bot(app: &App, caller: &Caller, agent: &str) -> Result<Bot, Error> {
    caller.find_bot(app, agent, "Agent").await
}

/// A routine of a bot of the caller's.
pub(crate) async fn routine(app: &App, caller: &Caller, agent: &str, id: &str) -> Result<Routine, Error> {
    let absent = || Error::NotFound("Routine");
    let bot = seen(caller, agent).ok_or_else(absent)?;
    let id = RoutineId::parse(id).ok_or_else(absent)?;
    let routine: Option<Routine> = app.table.get(&Routine::key(caller.tenant(), &id)).await?;
    routine.filter(|routine| routine.bot == bot).ok_or_else(absent)
}

/// A run of a routine of a bot of the caller's; it outlives its routine.
pub(crate) async fn run(app: &App, caller: &Caller, [agent, routine, id]: [String; 3]) -> Result<Run, Error> {
    let absent = || Error::NotFound("Run");
    let bot = seen(caller, &agent).ok_or_else(absent)?;
    let routine = RoutineId::parse(routine).ok_or_else(absent)?;
    let id = RunId::parse(id).ok_or_else(absent)?;
    let run: Option<Run> = app.table.get(&Run::key(caller.tenant(), &routine, &id)).await?;
    let now = app.clock.now();
    run.filter(|run| run.bot == bot && run.is_kept(now)).ok_or_else(absent)
}

/// The id of a bot that the caller may see, when there is one.
fn seen(caller: &Caller, agent: &str) -> Option<BotId> {
    BotId::parse(agent).filter(|id| caller.sees(Some(id)))
}

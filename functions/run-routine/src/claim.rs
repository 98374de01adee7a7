//! Whose turn a run is. A run that began is held for longer than an invocation can take, so that a message that comes twice
//! starts nothing, and one that comes back after its worker died goes on. Only whoever began a run last may end it.

use shared::{
    app::App,
    error::Error,
    events::Job,
    messages::Citation,
    routines::{Failure, Run, Status},
    store::{Condition, Row, Transaction, TransactionError, Update},
    usage::Spent,
};

/// How long a run is held, in milliseconds: longer than the function's timeout.
const HOLD: i64 = 200_000;

/// What came of a run.
pub(crate) struct Output {
    /// The text, with markers.
    pub(crate) text: String,
    /// What it rests on.
    pub(crate) citations: Vec<Citation>,
    /// What it took.
    pub(crate) spent: Spent,
    /// What follows.
    pub(crate) jobs: Vec<Job>,
}

/// Whose turn a run is.
pub(crate) enum Claim {
    /// Nobody's: it has ended.
    Over,
    /// Somebody else's, for so many seconds at most.
    Held(u32),
    /// Ours.
    Taken(Box<Run>),
}

/// Begins a run, when it is nobody's turn.
pub(crate) async fn claim(app: &App, run: &Run) -> Result<Claim, Error> {
    if run.is_over() {
        return Ok(Claim::Over);
    }
    let now = app.clock.now();
    if let Some(until) = run.held_until.filter(|until| *until > now) {
        return Ok(held(until.millisecond() - now.millisecond()));
    }
    let claimed = Run {
        status: Status::Running,
        attempt: run.attempt + 1,
        held_until: Some(now.plus(HOLD)),
        started_at: Some(now),
        ..run.clone()
    };
    let update = Update::at(Row::key(run))
        .when(Condition::is("status", &run.status)?)
        .when(Condition::is("attempt", &run.attempt)?)
        .set("status", &claimed.status)?
        .set("attempt", &claimed.attempt)?
        .set("held_until", &claimed.held_until)?
        .set("started_at", &claimed.started_at)?;
    match app.table.update(update).await? {
        true => Ok(Claim::Taken(Box::new(claimed))),
        // Another delivery of the same message was quicker.
        false => Ok(held(HOLD)),
    }
}

fn held(milliseconds: i64) -> Claim {
    Claim::Held(u32::try_from(milliseconds / 1000 + 1).unwrap_or(0))
}

/// Lets another try begin the run; `false` when it is no longer this one's.
pub(crate) async fn release(app: &App, run: &Run) -> Result<bool, Error> {
    let update = ours(run)?
        .set("status", &Status::Queued)?
        .set_or_remove::<()>("held_until", None)?;
    app.table.update(update).await
}

/// Ends a run well.
pub(crate) async fn succeed(app: &App, run: &Run, output: Output) -> Result<(), Error> {
    let mut event = run.finished(Status::Succeeded, None, app.clock.now());
    event.spent = Some(output.spent);
    let update = ours(run)?
        .set("status", &Status::Succeeded)?
        .set("output", &output.text)?
        .set("citations", &output.citations)?
        .set("finished_at", &event.timestamp)?
        .set_or_remove::<()>("held_until", None)?;
    let mut transaction = Transaction::default();
    transaction.update(update).create(&event.with(output.jobs))?;
    unless_lost(app.table.transact(transaction).await)
}

/// Gives a run up.
pub(crate) async fn fail(app: &App, run: &Run, why: &Failure) -> Result<(), Error> {
    let event = run.finished(Status::Failed, Some(why), app.clock.now());
    let update = ours(run)?
        .set("status", &Status::Failed)?
        .set("error", why)?
        .set("finished_at", &event.timestamp)?
        .set_or_remove::<()>("held_until", None)?;
    let mut transaction = Transaction::default();
    transaction.update(update).create(&event)?;
    unless_lost(app.table.transact(transaction).await)
}

/// A change of a run that is still this worker's.
fn ours(run: &Run) -> Result<Update, Error> {
    Ok(Update::at(Row::key(run))
        .when(Condition::is("status", &Status::Running)?)
        .when(Condition::is("attempt", &run.attempt)?))
}

fn unless_lost(written: Result<(), TransactionError>) -> Result<(), Error> {
    match written {
        Err(TransactionError::Condition(_)) => {
            tracing::info!("the run was erased, or another worker took it over");
            Ok(())
        }
        written => written.map_err(Error::from),
    }
}

//! The clock of routines: once a minute it makes a run of each occurrence that has come.
//!
//! Run, event and the routine's next time are written in one transaction, under the condition that the routine is still due
//! then; so of two ticks at once one does nothing, and a tick that failed is made up for by the next. An occurrence that is
//! more than an hour late does not run any more: a failed run says how many there were.

use futures::{StreamExt, stream};
use jiff::tz::TimeZone;
use shared::{
    app::App,
    clock::Time,
    error::{Error, chain},
    routines::{Failure, Routine, Run, Status, schedule::Schedule},
    store::{Condition, Found, Row, Transaction, TransactionError, Update, sort_until},
};

/// How late an occurrence may be and still run, in milliseconds.
const LATEST: i64 = 60 * 60_000;
/// Routines that are read at once.
const PAGE: usize = 100;
/// Routines that are worked on at the same time.
const AT_ONCE: usize = 16;
/// Runs that one tick makes, about; the rest is still due at the next.
const MOST: usize = 2_000;
/// Runs that one tick makes of one routine.
const MOST_OF_ONE: usize = 100;
/// Missed occurrences that one failed run stands for.
const MOST_MISSED: usize = 10_000;

/// Makes the runs that are due at `now`; gives how many.
///
/// # Errors
/// When the table does not say what is due.
pub async fn run(app: &App, now: Time) -> Result<usize, Error> {
    let (due, until) = (Routine::due(), sort_until(now));
    let mut made = 0;
    let mut pages = app.table.index2_pages_until(&due, &until, PAGE);
    while made < MOST
        && let Some(page) = pages.next_items().await?
    {
        let working = stream::iter(page).map(|found| one(app, found, now));
        made += working
            .buffer_unordered(AT_ONCE)
            .fold(0, async |sum, made| sum + made)
            .await;
    }
    Ok(made)
}

/// Makes the runs of one routine; gives how many.
async fn one(app: &App, found: Found, now: Time) -> usize {
    let place = found.sk().to_owned();
    let made = async { occurrences(app, found.into()?, now).await };
    made.await.unwrap_or_else(|error| {
        tracing::error!(place, cause = %chain(&error), "a routine that is due cannot be run");
        0
    })
}

async fn occurrences(app: &App, mut routine: Routine, now: Time) -> Result<usize, Error> {
    let Some((schedule, zone)) = routine.timing()? else {
        return Err(Error::internal("a routine without a schedule is due"));
    };
    let mut made = 0;
    while let Some(at) = routine.next_run.filter(|at| *at <= now && made < MOST_OF_ONE) {
        let (run, next) = match at < now.plus(-LATEST) {
            true => missed(&routine, at, now, &schedule, &zone),
            false => (Run::scheduled(&routine, at, now), schedule.next(at, &zone)),
        };
        if !write(app, &routine, at, &run, next).await? {
            break;
        }
        routine.next_run = next;
        made += 1;
    }
    Ok(made)
}

/// A failed run that stands for the occurrences from `first` on that are too late, and the occurrence behind them.
fn missed(routine: &Routine, first: Time, now: Time, schedule: &Schedule, zone: &TimeZone) -> (Run, Option<Time>) {
    let (mut count, mut last) = (1, first);
    let mut next = schedule.next(first, zone);
    while let Some(at) = next.filter(|at| *at < now.plus(-LATEST) && count < MOST_MISSED) {
        (count, last) = (count + 1, at);
        next = schedule.next(at, zone);
    }
    let which = match count {
        1 => format!("The run of {first} was"),
        _ => format!("{count} runs from {first} to {last} were"),
    };
    let why = Failure::new(
        "missed",
        format!("{which} missed: noticed more than an hour late, at {now}"),
    );
    (Run::scheduled(routine, first, now).given_up(why, now), next)
}

/// Writes a run with its event and moves the routine on to `next`; `false` when somebody else did, or changed the routine.
async fn write(app: &App, routine: &Routine, at: Time, run: &Run, next: Option<Time>) -> Result<bool, Error> {
    let event = match run.status {
        Status::Queued => run.requested(),
        _ => run.finished(run.status, run.error.as_ref(), run.created_at),
    };
    let mut transaction = Transaction::default();
    transaction
        .create(run)?
        .update(moved(routine, at, next)?)
        .create(&event)?;
    match app.table.transact(transaction).await {
        Ok(()) => Ok(true),
        // This occurrence has had its run, and is the next one all the same: a clock that is behind has planned it again.
        Err(TransactionError::Condition(0)) => app.table.update(moved(routine, at, next)?).await,
        Err(TransactionError::Condition(_)) => Ok(false),
        Err(TransactionError::Other(error)) => Err(error),
    }
}

fn moved(routine: &Routine, at: Time, next: Option<Time>) -> Result<Update, Error> {
    let place = next.map(|next| routine.due_key(next));
    let update = Update::at(Row::key(routine))
        .when(Condition::is("next_run", &at)?)
        .when(Condition::is("enabled", &true)?)
        .set_or_remove("next_run", next.as_ref())?;
    Ok(update.add("revision", 1).index2_or_remove(place.as_ref()))
}

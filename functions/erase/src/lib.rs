//! The worker that removes what was erased from every store: it sweeps until nothing is left, waits until no answer that
//! was under way can still be stored, and looks once more. Every step may be done twice and broken off anywhere.

mod sweep;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use shared::{
    app::App,
    clock::Time,
    erasures::{Erasure, Status},
    error::Error,
    events::Job,
    queue::Destination,
    store::{Condition, Row, Update},
    worker::{self, JobError, is_last_try, run_messages},
};

use crate::sweep::{Sweep, Swept};

/// Time that is kept at the end of an invocation, in milliseconds: one page takes much less.
const RESERVE: i64 = 60_000;
/// Seconds until what did not go at once is tried again, when something else did.
const AGAIN: u32 = 15;

/// When an invocation ends that Lambda's context gives so many milliseconds since 1970.
#[must_use]
pub fn deadline(millisecond: u64) -> Time {
    Time::at_millisecond(i64::try_from(millisecond).unwrap_or(i64::MAX))
}

/// Handles one batch of the queue, as far as it comes until shortly before `deadline`; gives back what is to be delivered
/// again.
///
/// # Errors
/// Never for a single message: those are reported one by one.
pub async fn handle(app: &App, batch: SqsEvent, deadline: Time) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    let until = deadline.millisecond() - RESERVE;
    Ok(run_messages(&app.queue, Destination::Erase, batch, |message| {
        run(app, message, until)
    })
    .await)
}

async fn run(app: &App, message: SqsMessage, until: i64) -> Result<(), JobError> {
    let job = worker::job(&message)?;
    let Job::Erase { tenant, erasure } = &job else {
        return Err(worker::misled(&job));
    };
    let known: Option<Erasure> = app.table.get(&Erasure::key(tenant, erasure)).await?;
    let Some(known) = known.filter(|known| known.status != Status::Done) else {
        return Ok(());
    };
    let outcome = erase(app, &known, &job, until).await;
    if outcome.is_err() && is_last_try(&message) {
        give_up(app, &known).await?;
    }
    outcome.map_err(JobError::Retry)
}

/// Does one sweep and says, by a message to itself, when the next one is due; a sweep that found nothing, after everything
/// has settled, is the last.
async fn erase(app: &App, erasure: &Erasure, job: &Job, until: i64) -> Result<(), Error> {
    let running = Update::at(Row::key(erasure))
        .when(Condition::is("status", &erasure.status)?)
        .set("status", &Status::Running)?;
    if !app.table.update(running).await? {
        // Another delivery of the same message has it in hand.
        return Ok(());
    }
    let began = app.clock.now();
    let settled = erasure.requested_at.plus(i64::from(app.erase_settle) * 1000);
    let again = match Sweep::new(app, erasure, until).run().await? {
        Swept::Nothing if began >= settled => return finish(app, erasure).await,
        Swept::Nothing => began.seconds_until(settled),
        Swept::All => app.erase_settle,
        Swept::Some => AGAIN.min(app.erase_settle),
        Swept::OutOfTime => 0,
    };
    app.queue.send_in(Destination::Erase, job, again).await
}

async fn finish(app: &App, erasure: &Erasure) -> Result<(), Error> {
    let now = app.clock.now();
    // Of two deliveries of one message the first to find nothing ends it.
    let done = Update::at(Row::key(erasure))
        .when(Condition::is("status", &Status::Running)?)
        .set("status", &Status::Done)?
        .set("finished_at", &now)?
        .set("expires_at", &Erasure::forgotten_at(now))?;
    if !app.table.update(done).await? {
        tracing::debug!(erasure = %erasure.id, "another delivery has ended this erasure");
    }
    Ok(())
}

/// Says that somebody has to look after it: the message lies in the dead-letter queue, and goes on when it is sent again.
async fn give_up(app: &App, erasure: &Erasure) -> Result<(), Error> {
    let failed = Update::at(Row::key(erasure))
        .when(Condition::is("status", &Status::Running)?)
        .set("status", &Status::Failed)?;
    if !app.table.update(failed).await? {
        tracing::debug!(erasure = %erasure.id, "another delivery has an erasure in hand that was given up here");
    }
    Ok(())
}

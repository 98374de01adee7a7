//! The worker that runs routines, and mails what runs said.

mod claim;
mod mail;
mod run;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use shared::{
    app::App,
    events::Job,
    queue::Destination,
    worker::{self, JobError, is_last_try, run_messages},
};

/// Handles one batch of the queue; gives back what is to be delivered again.
///
/// # Errors
/// Never for a single message: those are reported one by one.
pub async fn handle(app: &App, batch: SqsEvent) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    Ok(run_messages(&app.queue, Destination::Routines, batch, |message| work(app, message)).await)
}

async fn work(app: &App, message: SqsMessage) -> Result<(), JobError> {
    let job = worker::job(&message)?;
    let last = is_last_try(&message);
    match job {
        Job::Run { tenant, routine, run } => run::run(app, &tenant, &routine, &run, last).await,
        Job::MailRun { tenant, routine, run } => mail::mail(app, &tenant, &routine, &run).await,
        other => Err(worker::misled(&other)),
    }
}

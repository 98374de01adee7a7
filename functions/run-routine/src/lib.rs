//! The worker that runs routines, and mails what runs said.

mod claim;
mod mail;
mod run;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use shared::{
    app::App,
    events::Job,
    queue::Destination,
    worker::{self, JobError, run_messages, tries},
};

/// Deliveries after which the queue gives a message up: `maxReceiveCount` in the template.
const MAX_TRIES: i32 = 5;

/// Handles one batch of the queue; gives back what is to be delivered again.
///
/// # Errors
/// Never for a single message: those are reported one by one.
pub async fn handle(app: &App, batch: SqsEvent) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    Ok(run_messages(&app.queue, Destination::Routines, batch, |message| work(app, message)).await)
}

async fn work(app: &App, message: SqsMessage) -> Result<(), JobError> {
    let job = worker::job(&message)?;
    let last = tries(&message) >= MAX_TRIES;
    match job {
        Job::Run { tenant, routine, run } => run::run(app, &tenant, &routine, &run, last).await,
        Job::MailRun { tenant, routine, run } => mail::mail(app, &tenant, &routine, &run).await,
        other => Err(worker::misled(&other)),
    }
}

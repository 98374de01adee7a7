//! The worker that runs routines.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use shared::{
    app::App,
    events::Job,
    queue::Destination,
    worker::{JobError, run_messages},
};

/// Handles one batch of the queue; gives back what is to be delivered again.
///
/// # Errors
/// Never for a single message: those are reported one by one.
pub async fn handle(app: &App, batch: SqsEvent) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    Ok(run_messages(&app.queue, Destination::Routines, batch, |message| run(app, message)).await)
}

async fn run(_app: &App, message: SqsMessage) -> Result<(), JobError> {
    let body = message.body.as_deref().unwrap_or_default();
    let job: Job = serde_json::from_str(body).map_err(|e| JobError::Fail(format!("undecodable message: {e}")))?;
    Err(JobError::Fail(format!("not a job of this worker: {job:?}")))
}

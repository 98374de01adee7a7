//! The clock: once a minute it makes the runs of routines, and sends the deliveries, whose time has come.

pub mod deliveries;
pub mod routines;

use shared::app::App;

/// Does what is due now.
///
/// # Errors
/// When nothing can be found out; trouble with one thing does not hold up the others and is in the log.
pub async fn handle(app: &App) -> Result<(), lambda_runtime::Error> {
    let now = app.clock.now();
    let (made, sent) = tokio::join!(routines::run(app, now), deliveries::run(app, now));
    tracing::debug!(
        made = made?,
        sent = sent?,
        "runs of routines were made, and deliveries were sent"
    );
    Ok(())
}

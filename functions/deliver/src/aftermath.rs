//! What an attempt says about its webhook: since when it fails, and when that has lasted too long.

use shared::{
    app::App,
    clock::Time,
    deliveries::{Attempt, Delivery, Status},
    error::Error,
    store::{Condition, Row, TransactionError, Update},
    webhooks::{DisabledBecause, Webhook},
};

/// Notes what `made` says about its webhook.
pub(crate) async fn of(app: &App, webhook: &Webhook, made: &Attempt, noted: Option<&Delivery>) -> Result<(), Error> {
    if made.problem.is_none() {
        return recovered(app, webhook).await;
    }
    if made.says_gone() {
        return disable(app, webhook, DisabledBecause::Gone).await;
    }
    let Some(since) = webhook.failing_since else {
        return failing(app, webhook, made.at).await;
    };
    let given_up = noted.is_some_and(|noted| noted.status == Status::Failed);
    match given_up && app.clock.now() >= since.plus(Webhook::PATIENCE) {
        true => disable(app, webhook, DisabledBecause::Failing).await,
        false => Ok(()),
    }
}

/// It works again.
async fn recovered(app: &App, webhook: &Webhook) -> Result<(), Error> {
    let Some(since) = &webhook.failing_since else {
        return Ok(());
    };
    let update = Update::at(Row::key(webhook))
        .when(Condition::is("failing_since", since)?)
        .set_or_remove::<Time>("failing_since", None)?;
    app.table.update(update).await.map(|_| ())
}

/// It failed for the first time since it worked.
async fn failing(app: &App, webhook: &Webhook, since: Time) -> Result<(), Error> {
    let update = Update::at(Row::key(webhook))
        .when(Condition::Exists)
        .when(Condition::Lacks("failing_since"))
        .set("failing_since", &since)?;
    app.table.update(update).await.map(|_| ())
}

async fn disable(app: &App, webhook: &Webhook, reason: DisabledBecause) -> Result<(), Error> {
    let disabling = webhook.disabling(reason, app.clock.now())?;
    match app.table.transact(disabling).await {
        Ok(()) => {
            tracing::warn!(webhook = %webhook.id, ?reason, "a webhook was disabled");
            Ok(())
        }
        Err(TransactionError::Condition(_)) => {
            tracing::debug!(webhook = %webhook.id, "it was disabled, changed or deleted meanwhile");
            Ok(())
        }
        Err(TransactionError::Other(error)) => Err(error),
    }
}

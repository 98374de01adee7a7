//! What an attempt says about its webhook: that it is gone, since when it fails, and when that has lasted too long. Whatever is
//! noted holds for the address that was attempted; when the webhook has another one by now, it says nothing.

use shared::{
    app::App,
    clock::Time,
    deliveries::Attempt,
    error::Error,
    store::{Condition, Row, TransactionError},
    webhooks::{DisabledBecause, Webhook},
};

/// Notes what `made` says about its webhook; `true` when that is gone, so that there is no other attempt.
pub(crate) async fn of(app: &App, webhook: &Webhook, made: &Attempt) -> Result<bool, Error> {
    if !made.was_made() {
        return Ok(false);
    }
    if made.says_gone() {
        return disable(app, webhook, DisabledBecause::Gone).await;
    }
    match made.problem {
        None => recovered(app, webhook).await?,
        Some(_) => failing(app, webhook, made.at).await?,
    }
    Ok(false)
}

/// A delivery was given up: when there has been nothing but failure for days, nothing more is sent.
pub(crate) async fn given_up(app: &App, webhook: &Webhook) -> Result<(), Error> {
    let now = app.clock.now();
    match webhook.failing_since {
        Some(since) if webhook.enabled && now >= since.plus(Webhook::PATIENCE) => {
            disable(app, webhook, DisabledBecause::Failing).await.map(|_| ())
        }
        _ => Ok(()),
    }
}

/// It works again.
async fn recovered(app: &App, webhook: &Webhook) -> Result<(), Error> {
    let Some(since) = &webhook.failing_since else {
        return Ok(());
    };
    let note = webhook.note()?.when(Condition::is("failing_since", since)?);
    let note = note.set_or_remove::<Time>("failing_since", None)?;
    app.table.update(note).await.map(|_| ())
}

/// It failed, perhaps for the first time since it worked.
async fn failing(app: &App, webhook: &Webhook, since: Time) -> Result<(), Error> {
    if webhook.failing_since.is_some() {
        return Ok(());
    }
    let note = webhook.note()?.when(Condition::Lacks("failing_since"));
    app.table.update(note.set("failing_since", &since)?).await.map(|_| ())
}

/// Disables a webhook; `false` when it has another address by now and goes on.
async fn disable(app: &App, webhook: &Webhook, reason: DisabledBecause) -> Result<bool, Error> {
    match app.table.transact(webhook.disabling(reason, app.clock.now())?).await {
        Ok(()) => {
            tracing::warn!(webhook = %webhook.id, ?reason, "a webhook was disabled");
            Ok(true)
        }
        Err(TransactionError::Condition(_)) => {
            let now: Option<Webhook> = app.table.get(&Row::key(webhook)).await?;
            Ok(now.is_none_or(|now| !now.enabled))
        }
        Err(TransactionError::Other(error)) => Err(error),
    }
}

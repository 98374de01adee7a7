//! What owners are told by mail.

use shared::{
    app::App,
    error::Error,
    ids::{BotId, TenantId, WebhookId},
    logins::Email,
    mail::{self, Letter, NotSent},
    members::{Member, Role},
    store::{Condition, Partition, Query, Row, Update},
    webhooks::{DisabledBecause, Webhook},
    worker::JobError,
};

/// Tells a tenant's owners that a webhook was disabled, once, unless it is enabled again.
pub(crate) async fn webhook_disabled(
    app: &App,
    tenant: &TenantId,
    bot: &BotId,
    webhook: &WebhookId,
) -> Result<(), JobError> {
    let known: Option<Webhook> = app.table.get(&Webhook::key(tenant, bot, webhook)).await?;
    let Some(known) = known else { return Ok(()) };
    let Some(disabled) = known.disabled.as_ref().filter(|disabled| !disabled.told) else {
        return Ok(());
    };
    let why = match disabled.reason {
        DisabledBecause::Gone => "It answered 410 Gone.",
        DisabledBecause::Failing => "Every delivery to it has failed for five days.",
    };
    let text = format!(
        "A webhook was disabled, and nothing is sent to it any more.\n\n{why}\n\nWebhook: {}\nAddress: {}\nBot: {}\n\n\
         GET /api/v1/webhooks/{}/deliveries shows every attempt. When the receiver is back, enable the webhook again \
         with PUT /api/v1/webhooks/{} {{\"enabled\": true}} and have what it missed sent again.\n",
        known.id, known.url, known.bot, known.bot, known.id
    );
    let mut waiting = None;
    let mut told = 0;
    for owner in owners(app, tenant).await? {
        if !mail::may_send(app, tenant).await? {
            tracing::warn!("the tenant's mails of this day are used up; nobody is told of a disabled webhook");
            return Ok(());
        }
        match app
            .mail
            .send(&owner, Letter::text("A webhook was disabled", text.clone()))
            .await
        {
            Ok(()) => told += 1,
            Err(NotSent::Yet(error)) => waiting = Some(error),
            Err(NotSent::Ever(why)) => tracing::error!(why, "an owner cannot be told of a disabled webhook"),
        }
    }
    // Once more when nobody was reached; else those who were would hear of it twice.
    if let Some(error) = waiting.filter(|_| told == 0) {
        return Err(JobError::Retry(error));
    }
    // The event comes again when another one of its batch has to.
    let note = Update::at(Row::key(&known)).when(Condition::is("disabled.at", &disabled.at)?);
    app.table.update(note.set("disabled.told", &true)?).await?;
    Ok(())
}

/// The addresses of a tenant's owners.
async fn owners(app: &App, tenant: &TenantId) -> Result<Vec<Email>, Error> {
    let mut owners = Vec::new();
    let mut pages = app
        .table
        .pages(Query::newest(Partition::tenant(tenant, &[]), Member::KIND));
    while let Some(page) = pages.next::<Member>().await? {
        let addresses = page.iter().filter(|member| member.role == Role::Owner);
        owners.extend(addresses.filter_map(|owner| Email::parse(&owner.email).ok()));
    }
    Ok(owners)
}

//! Webhooks and deliveries as the caller may find them: what belongs to others looks as if it never existed.

use shared::{
    app::App,
    bots::Bot,
    deliveries::Delivery,
    error::Error,
    http::Caller,
    ids::{DeliveryId, WebhookId},
    webhooks::{self, Webhook},
};

/// A bot of the caller's.
pub(crate) async fn bot(app: &App, caller: &Caller, id: &str) -> Result<Bot, Error> {
    caller.find_bot(app, id, "Bot").await
}

/// A webhook of a bot of the caller's. It is looked for among all of the tenant's, since its id does not say whose it is.
pub(crate) async fn webhook(app: &App, caller: &Caller, id: &str) -> Result<Webhook, Error> {
    let absent = || Error::NotFound("Webhook");
    let id = WebhookId::parse(id).ok_or_else(absent)?;
    let all = webhooks::of_bot(&app.table, caller.tenant(), caller.bound()).await?;
    let found = all.into_iter().find(|webhook| webhook.id == id);
    found
        .filter(|webhook| caller.sees(Some(&webhook.bot)))
        .ok_or_else(absent)
}

/// A delivery of a bot of the caller's.
pub(crate) async fn delivery(app: &App, caller: &Caller, [bot, id]: [String; 2]) -> Result<Delivery, Error> {
    let absent = || Error::NotFound("Delivery");
    let bot = self::bot(app, caller, &bot).await?;
    let id = DeliveryId::parse(id).ok_or_else(absent)?;
    let delivery: Option<Delivery> = app.table.get(&Delivery::key(&bot.tenant, &bot.id, &id)).await?;
    let now = app.clock.now();
    delivery.filter(|delivery| delivery.is_kept(now)).ok_or_else(absent)
}

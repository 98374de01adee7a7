//! Webhooks and deliveries as the caller may find them: what belongs to others looks as if it never existed.

use shared::{
    app::App,
    bots::Bot,
    deliveries::Delivery,
    error::Error,
    http::Caller,
    ids::{DeliveryId, WebhookId},
    webhooks::{Place, Webhook},
};

/// A bot of the caller's.
pub(crate) async fn bot(app: &App, caller: &Caller, id: &str) -> Result<Bot, Error> {
    caller.find_bot(app, id, "Bot").await
}

/// A webhook of a bot of the caller's.
pub(crate) async fn webhook(app: &App, caller: &Caller, id: &str) -> Result<Webhook, Error> {
    let absent = || Error::NotFound("Webhook");
    let id = WebhookId::parse(id).ok_or_else(absent)?;
    let place: Option<Place> = app.table.get(&Place::key(caller.tenant(), &id)).await?;
    let place = place.filter(|place| caller.sees(Some(&place.bot))).ok_or_else(absent)?;
    let webhook: Option<Webhook> = app.table.get(&Webhook::key(&place.tenant, &place.bot, &id)).await?;
    webhook.ok_or_else(absent)
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

//! The log of what webhooks were told, and telling them again.

use axum::{Json, extract::State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use shared::{
    app::App,
    deliveries::{Delivery, Status, Trigger},
    error::Error,
    events::{Event, EventType, Job},
    http::{Admin, PageOut, PageParams, Path, Paths, Query, Reader},
    ids::{BotId, DeliveryId},
    store::{self, Condition, Transaction, on_top},
    webhooks::Webhook,
};

use crate::{place, wire::DeliveryOut};

/// Rows that one request reads to find those that are asked for.
const MOST_READ: usize = 1_000;

/// Which deliveries are listed.
#[derive(Debug, Deserialize)]
pub(crate) struct ListParams {
    limit: Option<String>,
    cursor: Option<String>,
    webhook_id: Option<String>,
    status: Option<String>,
    event: Option<String>,
}

impl ListParams {
    /// The conditions that a listed delivery meets.
    fn filter(&self) -> Result<Vec<Condition>, Error> {
        let stated = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        let mut filter = Vec::new();
        if let Some(webhook) = stated(&self.webhook_id) {
            filter.push(Condition::is("webhook", &webhook)?);
        }
        if let Some(status) = stated(&self.status) {
            let parsed: Result<Status, _> = serde_json::from_value(json!(status));
            let parsed = parsed.map_err(|_| Error::field("status", "must be pending, succeeded or failed"))?;
            filter.push(Condition::is("status", &parsed)?);
        }
        if let Some(event) = stated(&self.event) {
            let kind = EventType::of_name(&event);
            let kind = kind.ok_or_else(|| Error::field("event", "must be the name of an event, like new_message"))?;
            filter.push(Condition::is("kind", &kind)?);
        }
        Ok(filter)
    }
}

/// List deliveries.
///
/// What the bot's webhooks were told in the last 30 days, newest first, with every attempt: how the receiver answered, how
/// long it took, why it failed and when the next attempt is. A page of few that are asked for may be short.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/deliveries", tag = "webhooks", params(
        ("id" = BotId, Path, description = "The bot"),
        ("webhook_id" = Option<String>, Query, description = "Only those of this webhook"),
        ("status" = Option<Status>, Query, description = "Only those that have come so far"),
        ("event" = Option<EventType>, Query, description = "Only those of this event"),
        ("limit" = Option<u32>, Query, description = "Items of a page, 20 when not said", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")),
    responses((status = 200, description = "A page of deliveries, newest first", body = PageOut<DeliveryOut>)))]
pub(crate) async fn list_deliveries(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(bot): Path,
    Query(params): Query<ListParams>,
) -> Result<Json<PageOut<DeliveryOut>>, Error> {
    let filter = params.filter()?;
    let page = PageParams::new(params.limit, params.cursor);
    let bot = place::bot(&app, &caller, &bot).await?;
    let partition = Delivery::partition(&bot.tenant, &bot.id);
    let mut query = store::Query::newest(partition.clone(), Delivery::KIND);
    query.limit = Some(page.limit()?);
    query.after = page.cursor(&partition, Delivery::KIND)?;
    query.filter = filter;
    let found = app.table.query_on::<Delivery>(query, MOST_READ).await?;
    let now = app.clock.now();
    let kept = found.items.into_iter().filter(|delivery| delivery.is_kept(now));
    Ok(Json(PageOut {
        data: kept.map(DeliveryOut::from).collect(),
        next_cursor: found.next.map(|cursor| cursor.encode(&partition)),
    }))
}

/// Read a delivery.
///
/// With the body that is sent.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/deliveries/{delivery_id}", tag = "webhooks", params(
        ("id" = BotId, Path, description = "The bot"), ("delivery_id" = DeliveryId, Path, description = "The delivery")),
    responses((status = 200, description = "The delivery", body = DeliveryOut)))]
pub(crate) async fn get_delivery(
    State(app): State<App>,
    Reader(caller): Reader,
    Paths(ids): Paths<2>,
) -> Result<Json<DeliveryOut>, Error> {
    Ok(Json(DeliveryOut::whole(place::delivery(&app, &caller, ids).await?)))
}

/// Deliver again.
///
/// Has the same event, under the same id, sent again at once, however far the delivery had come; when that fails, the
/// attempts go on as from the beginning. A test is not delivered again (409 `test_delivery`).
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/deliveries/{delivery_id}/redeliver", tag = "webhooks", params(
        ("id" = BotId, Path, description = "The bot"), ("delivery_id" = DeliveryId, Path, description = "The delivery")),
    responses((status = 202, description = "The delivery, which waits for its attempt", body = DeliveryOut)))]
pub(crate) async fn redeliver(
    State(app): State<App>,
    Admin(caller): Admin,
    Paths(ids): Paths<2>,
) -> Result<(StatusCode, Json<DeliveryOut>), Error> {
    let begun = on_top(|| async {
        let before = place::delivery(&app, &caller, ids.clone()).await?;
        if before.trigger == Trigger::Test {
            let message = "A test is not delivered again: try the webhook out once more";
            return Err(Error::conflict("test_delivery", message).into());
        }
        let key = Webhook::key(&before.tenant, &before.bot, &before.webhook);
        let webhook: Option<Webhook> = app.table.get(&key).await?;
        let deleted = || Error::conflict("webhook_deleted", "The webhook of this delivery was deleted");
        if !webhook.ok_or_else(deleted)?.enabled {
            let message = "The webhook of this delivery is disabled; enable it first";
            return Err(Error::conflict("webhook_disabled", message).into());
        }
        let (mut after, now) = (before.clone(), app.clock.now());
        if before.is_under_way(now) {
            return Ok(before);
        }
        after.again(now);
        let data = json!({"delivery_id": after.id});
        let job = Job::Deliver(Box::new(after.next()));
        let kind = EventType::RedeliveryRequested;
        let event = Event::new(&after.tenant, Some(&after.bot), kind, now, data).with([job]);
        let mut transaction = Transaction::default();
        transaction.update(after.changed(&before)?).create(&event)?;
        app.table.transact(transaction).await?;
        Ok(after)
    })
    .await?;
    Ok((StatusCode::ACCEPTED, Json(begun.into())))
}

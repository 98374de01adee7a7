//! Making, reading and changing webhooks.

use axum::{Extension, Json, extract::State};
use http::StatusCode;
use shared::{
    app::App,
    bots::Bot,
    error::Error,
    events::{Sender, SigningSecret},
    http::{self as extract, Admin, Caller, JsonOrNothing, PageOut, PageParams, Path, Query, Reader, Secretive},
    ids::{BotId, WebhookId},
    store::{self, Condition, Row, Transaction, Update, on_top, sort},
    webhooks::{self, Making, Place, Previous, Webhook},
};

use crate::{
    body::{RotateIn, WebhookIn, WebhookPatch},
    place,
    wire::WebhookOut,
};

/// A repetition of the request does not show the secret again.
const ONCE: Extension<Secretive> = Extension(Secretive(&["secret"]));

/// Make a webhook.
///
/// The answer shows the secret that signs, once. Deliveries are signed as *Standard Webhooks* 1.0.0 says; any of its
/// libraries verifies them. It hears what happens from now on, and at most some of what happened a moment ago.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "webhooks", request_body = WebhookIn,
    responses((status = 201, description = "The new webhook with its secret", body = WebhookOut)))]
pub(crate) async fn create_webhook(
    State(app): State<App>,
    Extension(sender): Extension<Sender>,
    Admin(caller): Admin,
    extract::Json(body): extract::Json<WebhookIn>,
) -> Result<(StatusCode, Extension<Secretive>, Json<WebhookOut>), Error> {
    let stated = body.bot_id.clone().filter(|id| !id.is_empty());
    let bot = stated.unwrap_or_else(|| caller.bound().unwrap_or(&caller.default_bot).to_string());
    let bot = place::bot(&app, &caller, &bot).await?;
    let (url, secret, rest) = body.parts()?;
    let (key, now) = (sender.sealing_key().await?, app.clock.now());
    let mut webhook = Webhook::new((&bot.tenant, &bot.id), url, Vec::new(), &secret, &key, now)?;
    rest.apply(&mut webhook)?;
    webhook.url = sender.check(&webhook.url).await?;
    add(&app, &bot, &webhook).await?;
    let shown = WebhookOut::with_secret(webhook, &secret, now);
    Ok((StatusCode::CREATED, ONCE, Json(shown)))
}

/// Writes a new webhook, when its bot has room for it.
async fn add(app: &App, bot: &Bot, webhook: &Webhook) -> Result<(), Error> {
    on_top(|| async {
        let making: Option<Making> = app.table.get(&Making::key(&bot.tenant, &bot.id)).await?;
        let known = webhooks::of_bot(&app.table, &bot.tenant, Some(&bot.id)).await?;
        if known.len() >= Webhook::MOST {
            let message = format!("A bot has at most {} webhooks; delete one first", Webhook::MOST);
            return Err(Error::conflict("too_many_webhooks", message).into());
        }
        let made = Update::at(Making::key(&bot.tenant, &bot.id)).add("made", 1);
        let made = match &making {
            Some(making) => made.when(Condition::is("made", &making.made)?),
            None => made.when(Condition::Absent),
        };
        let mut transaction = Transaction::default();
        transaction
            .create(webhook)?
            .create(&Place::from(webhook))?
            .update(made)
            .check(Row::key(bot), Condition::Exists);
        app.table.transact(transaction).await
    })
    .await
}

/// List a bot's webhooks.
///
/// Newest first, without their secrets.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}", tag = "webhooks", params(
        ("id" = BotId, Path, description = "The bot"),
        ("limit" = Option<u32>, Query, description = "Items of a page, 20 when not said", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")),
    responses((status = 200, description = "A page of webhooks, newest first", body = PageOut<WebhookOut>)))]
pub(crate) async fn list_webhooks(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(bot): Path,
    Query(page): Query<PageParams>,
) -> Result<Json<PageOut<WebhookOut>>, Error> {
    let bot = place::bot(&app, &caller, &bot).await?;
    let partition = webhooks::partition(&bot.tenant);
    let kind = sort(Webhook::KIND, &[bot.id.as_str()]);
    let mut query = store::Query::newest(partition.clone(), &kind);
    query.limit = Some(page.limit()?);
    query.after = page.cursor(&partition, &kind)?;
    let found = app.table.query::<Webhook>(query).await?;
    let now = app.clock.now();
    Ok(Json(PageOut {
        data: found
            .items
            .into_iter()
            .map(|webhook| WebhookOut::new(webhook, now))
            .collect(),
        next_cursor: found.next.map(|cursor| cursor.encode(&partition)),
    }))
}

/// Change a webhook.
///
/// Changes what is stated and leaves the rest. `enabled: true` also enables one that was disabled because its receiver
/// failed; the log has what it missed meanwhile, which can be sent again, delivery by delivery.
#[utoipa::path(put, path = "/api/v1/webhooks/{id}", tag = "webhooks", request_body = WebhookPatch,
    params(("id" = WebhookId, Path, description = "The webhook")),
    responses((status = 200, description = "The webhook as it is now", body = WebhookOut)))]
pub(crate) async fn update_webhook(
    State(app): State<App>,
    Extension(sender): Extension<Sender>,
    Admin(caller): Admin,
    Path(id): Path,
    extract::Json(body): extract::Json<WebhookPatch>,
) -> Result<Json<WebhookOut>, Error> {
    // Looked for before the URL is: whose webhook it is comes before what is wrong with the body.
    place::webhook(&app, &caller, &id).await?;
    let url = match &body.url {
        Some(url) => Some(sender.check(url).await?),
        None => None,
    };
    let changed = changed(&app, &caller, &id, |webhook| {
        if let Some(url) = &url {
            webhook.url.clone_from(url);
        }
        body.apply(webhook)
    });
    Ok(Json(WebhookOut::new(changed.await?, app.clock.now())))
}

/// Rotate a webhook's secret.
///
/// A new secret, shown once. For `grace_seconds` (a day when not said) deliveries carry both signatures, so that receivers can
/// be changed meanwhile. A secret that was in its grace time already ends at once.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/rotate", tag = "webhooks", request_body = Option<RotateIn>,
    params(("id" = WebhookId, Path, description = "The webhook")),
    responses((status = 200, description = "The webhook with its new secret", body = WebhookOut)))]
pub(crate) async fn rotate_webhook(
    State(app): State<App>,
    Extension(sender): Extension<Sender>,
    Admin(caller): Admin,
    Path(id): Path,
    JsonOrNothing(body): JsonOrNothing<RotateIn>,
) -> Result<(Extension<Secretive>, Json<WebhookOut>), Error> {
    let (grace, now) = (body.grace()?, app.clock.now());
    let (secret, key) = (SigningSecret::generate(), sender.sealing_key().await?);
    let changed = changed(&app, &caller, &id, |webhook| {
        let sealed = key.seal(webhook.id.as_str(), secret.bytes())?;
        let before = std::mem::replace(&mut webhook.secret, sealed);
        webhook.previous = (grace > 0).then(|| Previous {
            secret: before,
            until: now.plus(grace),
        });
        Ok(())
    });
    Ok((ONCE, Json(WebhookOut::with_secret(changed.await?, &secret, now))))
}

/// Changes a webhook, on top of what others change at the same time.
async fn changed(
    app: &App,
    caller: &Caller,
    id: &str,
    change: impl Fn(&mut Webhook) -> Result<(), Error>,
) -> Result<Webhook, Error> {
    on_top(|| async {
        let before = place::webhook(app, caller, id).await?;
        let mut after = before.clone();
        change(&mut after)?;
        after.updated_at = app.clock.now();
        let mut transaction = Transaction::default();
        transaction.update(after.changed(&before)?);
        app.table.transact(transaction).await?;
        Ok(after)
    })
    .await
}

/// Delete a webhook.
///
/// Nothing is sent to it any more, also not what waits. Its deliveries can be read until they are 30 days old.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", tag = "webhooks",
    params(("id" = WebhookId, Path, description = "The webhook")),
    responses((status = 204, description = "It is gone")))]
pub(crate) async fn delete_webhook(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(id): Path,
) -> Result<StatusCode, Error> {
    let webhook = place::webhook(&app, &caller, &id).await?;
    let mut transaction = Transaction::default();
    transaction
        .delete(Row::key(&webhook), Vec::new())
        .delete(Place::key(&webhook.tenant, &webhook.id), Vec::new());
    app.table.transact(transaction).await?;
    Ok(StatusCode::NO_CONTENT)
}

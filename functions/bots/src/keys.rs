//! API keys: made, changed, rotated and revoked. Each change holds from the very next request.

use axum::{Extension, Json, extract::State};
use bytes::Bytes;
use http::StatusCode;
use shared::{
    app::App,
    bots::Bot,
    error::Error,
    http::{self as extract, Admin, Caller, PageOut, PageParams, Path as Id, Query, Secretive, parse_json},
    ids::{BotId, KeyId},
    keys::{ApiKey, Scope, Secret},
    store::{self, Condition, Partition, Transaction, TransactionError},
};

use crate::{
    key_body::{KeyIn, KeyPatch, RotateIn},
    on_top, place,
    wire::KeyOut,
};

/// A repetition of the request does not show the secret again.
const ONCE: Extension<Secretive> = Extension(Secretive(&["key"]));
/// Most keys of a tenant. Requests at the same time may exceed it by their number.
const MAX_KEYS: usize = 200;

/// List API keys.
///
/// The keys, newest first, without their secrets. A key that is bound to a bot sees those of its bot.
#[utoipa::path(get, path = "/api/v1/keys", tag = "keys", params(
        ("limit" = Option<u32>, Query, description = "Items of a page, 20 when not said", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")),
    responses((status = 200, description = "A page of keys, newest first", body = PageOut<KeyOut>)))]
pub(crate) async fn list_keys(
    State(app): State<App>,
    Admin(caller): Admin,
    Query(page): Query<PageParams>,
) -> Result<Json<PageOut<KeyOut>>, Error> {
    let partition = Partition::tenant(caller.tenant(), &[]);
    let mut query = store::Query::newest(partition.clone(), ApiKey::KIND);
    query.limit = Some(page.limit()?);
    query.after = page.cursor(&partition, ApiKey::KIND)?;
    if let Some(bound) = caller.bound() {
        query.filter.push(Condition::is("bot", bound)?);
    }
    let found = app.table.query::<ApiKey>(query).await?;
    let now = app.clock.now();
    Ok(Json(PageOut {
        data: found.items.into_iter().map(|key| KeyOut::new(key, now)).collect(),
        next_cursor: found.next.map(|cursor| cursor.encode(&partition)),
    }))
}

/// Make an API key.
///
/// A new key. The answer shows its secret, once.
#[utoipa::path(post, path = "/api/v1/keys", tag = "keys", request_body = KeyIn,
    responses((status = 201, description = "The new key with its secret", body = KeyOut)))]
pub(crate) async fn create_key(
    State(app): State<App>,
    Admin(caller): Admin,
    extract::Json(body): extract::Json<KeyIn>,
) -> Result<(StatusCode, Extension<Secretive>, Json<KeyOut>), Error> {
    let stated = body.bot_id.clone().filter(|id| !id.is_empty());
    let (name, scope, rest) = body.parts()?;
    let now = app.clock.now();
    rest.check(now)?;
    let bot = bot_of(&app, &caller, scope, stated).await?;
    if count(&app, &caller).await? >= MAX_KEYS {
        let message = format!("There are {MAX_KEYS} keys already; delete one that is not used any more");
        return Err(Error::conflict("too_many_keys", message));
    }
    let secret = Secret::generate();
    let mut key = ApiKey {
        bot,
        ..ApiKey::new(caller.tenant(), &caller.default_bot, &name, scope, &secret, now)
    };
    rest.apply(&mut key);
    let mut transaction = Transaction::default();
    key.create_in(&mut transaction)?;
    if let Some(bot) = &key.bot {
        // A bot that is being deleted gets no new keys.
        transaction.check(Bot::key(&key.tenant, bot), Condition::Exists);
    }
    app.table.transact(transaction).await.map_err(|error| match error {
        TransactionError::Condition(_) => Error::NotFound("Bot"),
        TransactionError::Other(error) => error,
    })?;
    Ok((StatusCode::CREATED, ONCE, Json(KeyOut::with_secret(key, &secret, now))))
}

/// The bot of a new key: the one that is stated, or the caller's own when its key is bound.
async fn bot_of(app: &App, caller: &Caller, scope: Scope, stated: Option<String>) -> Result<Option<BotId>, Error> {
    match stated {
        Some(id) => Ok(Some(place::bot(app, caller, &id).await?.id)),
        None if caller.bound().is_some() => Ok(caller.bound().cloned()),
        None if scope == Scope::Full => Ok(None),
        None => Err(Error::field("bot_id", "is required for a key of this scope")),
    }
}

async fn count(app: &App, caller: &Caller) -> Result<usize, Error> {
    let mut found = 0;
    let keys = store::Query::newest(Partition::tenant(caller.tenant(), &[]), ApiKey::KIND);
    let mut pages = app.table.pages(keys);
    while found < MAX_KEYS
        && let Some(page) = pages.next_items().await?
    {
        found += page.len();
    }
    Ok(found)
}

/// Change an API key.
///
/// Changes what is stated and leaves the rest.
#[utoipa::path(put, path = "/api/v1/keys/{id}", tag = "keys", request_body = KeyPatch,
    params(("id" = KeyId, Path, description = "The key")),
    responses((status = 200, description = "The key as it is now", body = KeyOut)))]
pub(crate) async fn update_key(
    State(app): State<App>,
    Admin(caller): Admin,
    Id(id): Id,
    extract::Json(body): extract::Json<KeyPatch>,
) -> Result<Json<KeyOut>, Error> {
    let now = app.clock.now();
    body.check(now)?;
    let key = changed(&app, &caller, &id, |mut key| {
        body.apply(&mut key);
        key
    });
    Ok(Json(KeyOut::new(key.await?, now)))
}

/// Rotate an API key.
///
/// A new secret. The one before opens the key for `grace_seconds` more; one that was in
/// its grace time already ends at once.
#[utoipa::path(post, path = "/api/v1/keys/{id}/rotate", tag = "keys", params(("id" = KeyId, Path, description = "The key")),
    request_body(content = Option<RotateIn>),
    responses((status = 200, description = "The key with its new secret", body = KeyOut)))]
pub(crate) async fn rotate_key(
    State(app): State<App>,
    Admin(caller): Admin,
    Id(id): Id,
    body: Bytes,
) -> Result<(Extension<Secretive>, Json<KeyOut>), Error> {
    let stated = match body.trim_ascii().is_empty() {
        true => RotateIn::default(),
        false => parse_json(&body)?,
    };
    let grace = stated.grace()?;
    let (secret, now) = (Secret::generate(), app.clock.now());
    let key = changed(&app, &caller, &id, |key| key.rotated(&secret, grace, now)).await?;
    Ok((ONCE, Json(KeyOut::with_secret(key, &secret, now))))
}

/// Revoke an API key.
///
/// Its secrets open nothing from the very next request. A key may delete itself.
#[utoipa::path(delete, path = "/api/v1/keys/{id}", tag = "keys", params(("id" = KeyId, Path, description = "The key")),
    responses((status = 204, description = "The key is gone")))]
pub(crate) async fn delete_key(State(app): State<App>, Admin(caller): Admin, Id(id): Id) -> Result<StatusCode, Error> {
    on_top(|| async {
        let mut transaction = Transaction::default();
        place::key(&app, &caller, &id).await?.delete_in(&mut transaction)?;
        app.table.transact(transaction).await
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Changes a key and everything that its secrets open, at once.
async fn changed(app: &App, caller: &Caller, id: &str, change: impl Fn(ApiKey) -> ApiKey) -> Result<ApiKey, Error> {
    on_top(|| async {
        let before = place::key(app, caller, id).await?;
        let now = app.clock.now();
        let mut after = change(before.clone());
        after.updated_at = now;
        if after.previous.as_ref().is_some_and(|previous| previous.until <= now) {
            after.previous = None;
        }
        let mut transaction = Transaction::default();
        after.replace_in(&before, &mut transaction)?;
        app.table.transact(transaction).await?;
        Ok(after)
    })
    .await
}

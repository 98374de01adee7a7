//! Making, reading and changing bots.

use axum::{Json, extract::State};
use http::StatusCode;
use shared::{
    app::App,
    bots::Bot,
    error::Error,
    http::{self as extract, Admin, Caller, PageOut, PageParams, Path as Id, Query, Reader},
    ids::BotId,
    store::{self, Condition, Partition, Transaction},
};

use crate::{
    body::{BotIn, BotPatch},
    on_top, place,
    wire::BotOut,
};

/// List bots.
///
/// The bots that the caller sees, newest first.
#[utoipa::path(get, path = "/api/v1/bots", tag = "bots", params(
        ("limit" = Option<u32>, Query, description = "Items of a page, 20 when not said", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")),
    responses((status = 200, description = "A page of bots, newest first", body = PageOut<BotOut>)))]
pub(crate) async fn list_bots(
    State(app): State<App>,
    Reader(caller): Reader,
    Query(page): Query<PageParams>,
) -> Result<Json<PageOut<BotOut>>, Error> {
    let partition = Partition::tenant(caller.tenant(), &[]);
    let mut query = store::Query::newest(partition.clone(), Bot::KIND);
    query.limit = Some(page.limit()?);
    query.after = page.cursor(&partition, Bot::KIND)?;
    if let Some(bound) = caller.bound() {
        query.filter.push(Condition::is("id", bound)?);
    }
    let found = app.table.query::<Bot>(query).await?;
    let seen = found.items.into_iter().filter(|bot| caller.sees(Some(&bot.id)));
    Ok(Json(PageOut {
        data: seen.map(|bot| BotOut::listed(bot, &caller)).collect(),
        next_cursor: found.next.map(|cursor| cursor.encode(&partition)),
    }))
}

/// Make a bot.
///
/// A new bot, which answers at once.
#[utoipa::path(post, path = "/api/v1/bots", tag = "bots", request_body = BotIn,
    responses((status = 201, description = "The new bot", body = BotOut)))]
pub(crate) async fn create_bot(
    State(app): State<App>,
    Admin(caller): Admin,
    extract::Json(body): extract::Json<BotIn>,
) -> Result<(StatusCode, Json<BotOut>), Error> {
    place::may_make_bots(&caller)?;
    let (name, rest) = body.parts()?;
    rest.check(app.models.offered())?;
    let mut bot = Bot::new(caller.tenant(), &name, app.clock.now());
    rest.apply(&mut bot);
    let mut transaction = Transaction::default();
    bot.create_in(&mut transaction)?;
    app.table.transact(transaction).await?;
    Ok((StatusCode::CREATED, Json(BotOut::new(bot, &caller))))
}

/// Read a bot.
#[utoipa::path(get, path = "/api/v1/bots/{id}", tag = "bots", params(("id" = BotId, Path, description = "The bot")),
    responses((status = 200, description = "The bot", body = BotOut)))]
pub(crate) async fn get_bot(State(app): State<App>, Reader(caller): Reader, Id(id): Id) -> Result<Json<BotOut>, Error> {
    let bot = place::bot(&app, &caller, &id).await?;
    Ok(Json(BotOut::new(bot, &caller)))
}

/// Change a bot.
///
/// Changes what is stated and leaves the rest. `null` is the same as absent; an empty text or list
/// takes something away.
#[utoipa::path(put, path = "/api/v1/bots/{id}", tag = "bots", request_body = BotPatch,
    params(("id" = BotId, Path, description = "The bot")),
    responses((status = 200, description = "The bot as it is now", body = BotOut)))]
pub(crate) async fn update_bot(
    State(app): State<App>,
    Admin(caller): Admin,
    Id(id): Id,
    extract::Json(body): extract::Json<BotPatch>,
) -> Result<Json<BotOut>, Error> {
    body.check(app.models.offered())?;
    let bot = changed(&app, &caller, &id, |bot| body.apply(bot)).await?;
    Ok(Json(BotOut::new(bot, &caller)))
}

/// Activate a bot.
///
/// Lets the bot answer.
#[utoipa::path(post, path = "/api/v1/bots/{id}/activate", tag = "bots", params(("id" = BotId, Path, description = "The bot")),
    responses((status = 200, description = "The bot, which answers now", body = BotOut)))]
pub(crate) async fn activate_bot(
    State(app): State<App>,
    Admin(caller): Admin,
    Id(id): Id,
) -> Result<Json<BotOut>, Error> {
    let bot = changed(&app, &caller, &id, |bot| bot.active = true).await?;
    Ok(Json(BotOut::new(bot, &caller)))
}

/// Deactivate a bot.
///
/// Its chat answers 409 from now on; everything else stays.
#[utoipa::path(post, path = "/api/v1/bots/{id}/deactivate", tag = "bots", params(("id" = BotId, Path, description = "The bot")),
    responses((status = 200, description = "The bot, which no longer answers", body = BotOut)))]
pub(crate) async fn deactivate_bot(
    State(app): State<App>,
    Admin(caller): Admin,
    Id(id): Id,
) -> Result<Json<BotOut>, Error> {
    let bot = changed(&app, &caller, &id, |bot| bot.active = false).await?;
    Ok(Json(BotOut::new(bot, &caller)))
}

/// Changes a bot.
async fn changed(app: &App, caller: &Caller, id: &str, change: impl Fn(&mut Bot)) -> Result<Bot, Error> {
    on_top(|| async {
        let before = place::bot(app, caller, id).await?;
        let mut after = before.clone();
        change(&mut after);
        after.updated_at = app.clock.now();
        let mut transaction = Transaction::default();
        after.replace_in(&before, &mut transaction)?;
        app.table.transact(transaction).await?;
        Ok(after)
    })
    .await
}

//! Deleting a bot: it is gone at once, and what belongs to it is removed from every store in the background.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde_json::json;
use shared::{
    app::App,
    bots::{Bot, Copying},
    erasures::Erasure,
    error::Error,
    events::{Event, EventType, Job},
    http::{Admin, Path as Id, Reader},
    ids::{BotId, ErasureId},
    keys::{self, ApiKey},
    store::{self, Partition, Row, Transaction},
    tenants::Tenant,
};

use crate::{on_top, place, wire::ErasureOut};

/// Keys that end in the same moment as their bot: each takes up to three of a transaction's hundred writes. Further ones of
/// the scopes that do not look at the bot end as soon as the erasure runs.
const KEYS_AT_ONCE: usize = 30;

/// Delete a bot.
///
/// The bot, its public token and its keys open nothing from now on; its documents, vectors,
/// files and conversations are removed in the background.
#[utoipa::path(delete, path = "/api/v1/bots/{id}", tag = "bots", params(("id" = BotId, Path, description = "The bot")),
    responses((status = 202, description = "The erasure, which goes on in the background", body = ErasureOut,
        headers(("Location" = String, description = "Where to read how far it has come")))))]
pub(crate) async fn delete_bot(State(app): State<App>, Admin(caller): Admin, Id(id): Id) -> Result<Response, Error> {
    let erasure = on_top(|| async {
        let bot = place::bot(&app, &caller, &id).await?;
        let tenant: Option<Tenant> = app.table.get(&Tenant::key(&bot.tenant)).await?;
        if tenant.is_some_and(|tenant| tenant.default_bot == bot.id) {
            let message = "This bot answers when nothing names one, so it cannot be deleted; deactivate it instead";
            return Err(Error::conflict("default_bot", message).into());
        }
        refuse_while_copying(&app, &bot).await?;
        let mut keys = keys::of_bot(&app.table, &bot.tenant, &bot.id).await?;
        keys.truncate(KEYS_AT_ONCE);
        let erasure = Erasure::of_bot(&bot.tenant, &bot.id, keys.len() as u64, app.clock.now());
        app.table.transact(deletion(&bot, &keys, &erasure)?).await?;
        Ok(erasure)
    })
    .await?;
    let location = [(header::LOCATION, format!("/api/v1/erasures/{}", erasure.id))];
    Ok((StatusCode::ACCEPTED, location, Json(ErasureOut::from(erasure))).into_response())
}

/// What is being copied from the bot would be gone before it arrived.
async fn refuse_while_copying(app: &App, bot: &Bot) -> Result<(), Error> {
    let copies = store::Query::newest(Partition::tenant(&bot.tenant, &[]), &Copying::kind(&bot.id));
    let copies = app.table.query::<Copying>(copies).await?.items;
    match copies.iter().any(|copy| copy.is_on(app.clock.now())) {
        true => Err(Error::conflict(
            "being_copied",
            "This bot's documents are still being copied to another bot; try again in a moment",
        )),
        false => Ok(()),
    }
}

fn deletion(bot: &Bot, keys: &[ApiKey], erasure: &Erasure) -> Result<Transaction, Error> {
    let mut transaction = Transaction::default();
    transaction.delete(Row::key(bot), vec![bot.unchanged()?]);
    if let Some(token) = bot.public_row() {
        transaction.delete(Row::key(&token), Vec::new());
    }
    for key in keys {
        key.delete_in(&mut transaction)?;
    }
    let job = Job::Erase {
        tenant: erasure.tenant.clone(),
        erasure: erasure.id.clone(),
    };
    let data = json!({"bot_id": bot.id, "action": "erased"});
    let event = Event::new(
        &bot.tenant,
        Some(&bot.id),
        EventType::KbUpdated,
        erasure.requested_at,
        data,
    );
    transaction.create(erasure)?.create(&event.with([job]))?;
    Ok(transaction)
}

/// Read how far an erasure has come.
///
/// How far an erasure has come. A finished one can be looked up for 90 days.
#[utoipa::path(get, path = "/api/v1/erasures/{id}", tag = "erasures", params(("id" = ErasureId, Path, description = "The erasure")),
    responses((status = 200, description = "The erasure", body = ErasureOut)))]
pub(crate) async fn get_erasure(
    State(app): State<App>,
    Reader(caller): Reader,
    Id(id): Id,
) -> Result<Json<ErasureOut>, Error> {
    let absent = || Error::NotFound("Erasure");
    let id = ErasureId::parse(id).ok_or_else(absent)?;
    let erasure: Option<Erasure> = app.table.get(&Erasure::key(caller.tenant(), &id)).await?;
    let erasure = erasure.filter(|erasure| caller.sees(Some(&erasure.bot)));
    Ok(Json(erasure.ok_or_else(absent)?.into()))
}

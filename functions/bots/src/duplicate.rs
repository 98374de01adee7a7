//! Copies of bots.

use axum::{Json, extract::State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use shared::{
    app::App,
    bots::Copying,
    error::Error,
    events::{Event, EventType, Job},
    http::{Admin, Path as Id, Query},
    ids::BotId,
    store::{Condition, Row, Transaction},
};
use utoipa::IntoParams;

use crate::{place, wire::BotOut};

/// `?include=`
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DuplicateParams {
    /// `documents`: copy its documents and folders too, in the background; each is `ready` when answers see it.
    include: Option<String>,
}

/// Duplicate a bot.
///
/// A new bot with the same settings, and tokens and secrets of its own.
#[utoipa::path(post, path = "/api/v1/bots/{id}/duplicate", tag = "bots", params(("id" = BotId, Path, description = "The bot"), DuplicateParams),
    responses((status = 201, description = "The new bot", body = BotOut)))]
pub(crate) async fn duplicate_bot(
    State(app): State<App>,
    Admin(caller): Admin,
    Id(id): Id,
    Query(params): Query<DuplicateParams>,
) -> Result<(StatusCode, Json<BotOut>), Error> {
    let documents = match params.include.as_deref() {
        None | Some("") => false,
        Some("documents") => true,
        Some(_) => return Err(Error::field("include", "must be documents, or absent")),
    };
    let original = place::bot(&app, &caller, &id).await?;
    place::may_make_bots(&caller)?;
    let now = app.clock.now();
    let copy = original.duplicate(now);
    let mut transaction = Transaction::default();
    copy.create_in(&mut transaction)?;
    if documents {
        transaction.check(Row::key(&original), Condition::Exists);
        transaction.create(&Copying {
            tenant: copy.tenant.clone(),
            from: original.id.clone(),
            to: copy.id.clone(),
            since: now,
        })?;
        let job = Job::Copy {
            tenant: copy.tenant.clone(),
            from: original.id,
            to: copy.id.clone(),
        };
        let data = json!({"bot_id": copy.id, "action": "copied"});
        let event = Event::new(&copy.tenant, Some(&copy.id), EventType::KbUpdated, now, data).with([job]);
        transaction.create(&event)?;
    }
    app.table.transact(transaction).await?;
    Ok((StatusCode::CREATED, Json(BotOut::new(copy, &caller))))
}

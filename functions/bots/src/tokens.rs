//! Publishable tokens.

use axum::{Json, extract::State};
use shared::{
    app::App,
    error::Error,
    http::{Admin, Path as Id},
    ids::BotId,
    keys::Secret,
    store::{Row, Transaction},
};

use crate::{on_top, place, wire::BotOut};

/// Rotate the publishable token.
///
/// A new publishable token. The one before opens nothing any more, so pages
/// that hold it must be changed.
#[utoipa::path(post, path = "/api/v1/bots/{id}/public-token/rotate", tag = "bots", params(("id" = BotId, Path, description = "The bot")),
    responses((status = 200, description = "The bot with its new token", body = BotOut)))]
pub(crate) async fn rotate_public_token(
    State(app): State<App>,
    Admin(caller): Admin,
    Id(id): Id,
) -> Result<Json<BotOut>, Error> {
    let rotated = on_top(|| async {
        let before = place::bot(&app, &caller, &id).await?;
        let mut after = before.clone();
        Secret::publishable().reveal().clone_into(&mut after.public_token);
        after.updated_at = app.clock.now();
        let mut transaction = Transaction::default();
        after.replace_in(&before, &mut transaction)?;
        if let Some(old) = before.public_row() {
            transaction.delete(Row::key(&old), Vec::new());
        }
        if let Some(new) = after.public_row() {
            transaction.create(&new)?;
        }
        app.table.transact(transaction).await?;
        Ok(after)
    });
    Ok(Json(BotOut::new(rotated.await?, &caller)))
}

//! Bots, their keys, and the erasures that their deletion starts.

mod body;
mod bots;
mod duplicate;
mod erase;
mod insights_body;
mod key_body;
mod keys;
mod place;
mod tokens;
mod wire;

use axum::Router;
use shared::{app::App, error::Error, http::finish, store::TransactionError};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Tries of a change that meets another one of the same thing.
const TRIES: usize = 5;

/// The routes of this function, with what they say of themselves.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(bots::list_bots, bots::create_bot))
        .routes(routes!(bots::get_bot, bots::update_bot, erase::delete_bot))
        .routes(routes!(bots::activate_bot))
        .routes(routes!(bots::deactivate_bot))
        .routes(routes!(duplicate::duplicate_bot))
        .routes(routes!(tokens::rotate_public_token))
        .routes(routes!(keys::list_keys, keys::create_key))
        .routes(routes!(keys::update_key, keys::delete_key))
        .routes(routes!(keys::rotate_key))
        .routes(routes!(erase::get_erasure))
}

/// Tries a change, and when another request changed the same thing meanwhile, once more on top of that: neither is lost.
async fn on_top<T, F>(change: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, TransactionError>>,
{
    for _ in 1..TRIES {
        match change().await {
            Err(TransactionError::Condition(_)) => {}
            done => return done.map_err(Error::from),
        }
    }
    change().await.map_err(Error::from)
}

/// The router of this function.
pub fn router(app: App) -> Router {
    finish(routes(), app)
}

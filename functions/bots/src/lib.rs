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
use shared::{app::App, http::finish, store::on_top};
use utoipa_axum::{router::OpenApiRouter, routes};

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

/// The router of this function.
pub fn router(app: App) -> Router {
    finish(routes(), app)
}

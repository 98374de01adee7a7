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

shared::routes! {
    bots::list_bots,
    bots::create_bot,
    bots::get_bot,
    bots::update_bot,
    erase::delete_bot,
    bots::activate_bot,
    bots::deactivate_bot,
    duplicate::duplicate_bot,
    tokens::rotate_public_token,
    keys::list_keys,
    keys::create_key,
    keys::update_key,
    keys::delete_key,
    keys::rotate_key,
    erase::get_erasure,
}

/// The router of this function.
pub fn router(app: App) -> Router {
    finish(routes(), app)
}

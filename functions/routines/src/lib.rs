//! Routines: saved prompts of a bot, run on demand or on a schedule.

mod body;
mod place;
mod routines;
mod runs;
mod wire;

use axum::Router;
use shared::{app::App, http::finish};

shared::routes! {
    routines::list_routines,
    routines::create_routine,
    routines::get_routine,
    routines::update_routine,
    routines::delete_routine,
    runs::run_routine,
    runs::list_runs,
    runs::get_run,
}

/// This function.
pub fn router(app: App) -> Router {
    finish(routes(), app)
}

//! Routines: saved prompts of a bot, run on demand or on a schedule.

mod body;
mod place;
mod routines;
mod runs;
mod wire;

use axum::Router;
use shared::{app::App, http::finish};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of this function.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(routines::list_routines, routines::create_routine))
        .routes(routes!(
            routines::get_routine,
            routines::update_routine,
            routines::delete_routine
        ))
        .routes(routes!(runs::run_routine))
        .routes(routes!(runs::list_runs))
        .routes(routes!(runs::get_run))
}

/// This function.
pub fn router(app: App) -> Router {
    finish(routes(), app)
}

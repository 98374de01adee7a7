//! Routines: saved prompts of a bot, run on demand or on a schedule.

use axum::Router;
use shared::{app::App, http::finish};
use utoipa_axum::router::OpenApiRouter;

/// The routes of this function.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}

/// This function.
pub fn router(app: App) -> Router {
    finish(routes(), app)
}

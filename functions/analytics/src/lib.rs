//! Figures: what answers took.

mod usage;

use axum::Router;
use shared::{app::App, http::finish};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of this function.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(usage::get_usage))
}

/// This function.
pub fn router(app: App) -> Router {
    finish(routes(), app)
}

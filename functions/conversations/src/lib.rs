//! Conversations: reading what was said.

mod ai;

use axum::Router;
use shared::{app::App, http::finish};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of this function.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(ai::list_conversations))
        .routes(routes!(ai::get_conversation))
}

/// This function.
pub fn router(app: App) -> Router {
    finish(routes(), app)
}

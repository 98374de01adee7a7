//! Conversations of the past.

mod ai;

use axum::{Router, routing::get};
use shared::{app::App, http::finish};
use utoipa_axum::router::OpenApiRouter;

/// The routes of this function.
pub fn router(app: App) -> Router {
    let routes = OpenApiRouter::new()
        .route("/api/ai/conversations", get(ai::list_conversations))
        .route("/api/ai/conversations/{id}", get(ai::get_conversation));
    finish(routes, app)
}

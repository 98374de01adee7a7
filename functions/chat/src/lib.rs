//! Questions and their streamed answers. A dialect parses its body into a `Turn` and frames the pieces of the answer.

mod ai;

use axum::{Router, routing::post};
use shared::{app::App, http::finish};
use utoipa_axum::router::OpenApiRouter;

/// The routes of this function.
pub fn router(app: App) -> Router {
    let routes = OpenApiRouter::new()
        .route("/api/ai/chat", post(ai::send_message))
        .route("/api/ai/chat/stream", post(ai::stream_message));
    finish(routes, app)
}

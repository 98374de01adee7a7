//! Questions and their streamed answers. A dialect parses its body into a `Turn` and frames the pieces of the answer.

mod ai;
mod app_chat;
mod channel;
mod platform;
mod resume;
mod turn;
mod visitor;

use axum::Router;
use shared::{app::App, http::finish};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of this function.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(ai::send_message))
        .routes(routes!(ai::stream_message))
        .routes(routes!(platform::send_platform_message))
        .routes(routes!(platform::stream_platform_message))
        .routes(routes!(resume::resume_platform_stream))
        .routes(routes!(channel::send_widget_message))
}

/// This function.
pub fn router(app: App) -> Router {
    finish(routes(), app)
}

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

shared::routes! {
    ai::send_message,
    ai::stream_message,
    platform::send_platform_message,
    platform::stream_platform_message,
    resume::resume_platform_stream,
    channel::send_widget_message,
}

/// This function.
pub fn router(app: App) -> Router {
    finish(routes(), app)
}

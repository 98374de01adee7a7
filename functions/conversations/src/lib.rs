//! Conversations: reading what was said, what people say about it, archiving and erasing it.

mod ai;
mod app_sessions;
mod opinions;
mod sessions;
mod threads;

use axum::Router;
use shared::{app::App, http::finish};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of this function.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(ai::list_conversations))
        .routes(routes!(ai::get_conversation))
        .routes(routes!(app_sessions::list_app_sessions))
        .routes(routes!(sessions::get_chat_history))
        .routes(routes!(sessions::list_chat_sessions, sessions::delete_chat_session))
        .routes(routes!(opinions::create_feedback))
        .routes(routes!(opinions::request_handoff, opinions::end_handoff))
        .routes(routes!(threads::list_thread_messages))
        .routes(routes!(threads::archive_thread))
        .routes(routes!(threads::get_latest_insights))
}

/// This function.
pub fn router(app: App) -> Router {
    finish(routes(), app)
}

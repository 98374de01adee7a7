//! Conversations: reading what was said, what people say about it, archiving and erasing it.

mod ai;
mod app_sessions;
mod opinions;
mod sessions;
mod threads;

use axum::Router;
use shared::{app::App, http::finish};

shared::routes! {
    ai::list_conversations,
    ai::get_conversation,
    app_sessions::list_app_sessions,
    sessions::get_chat_history,
    sessions::list_chat_sessions,
    sessions::delete_chat_session,
    opinions::create_feedback,
    opinions::request_handoff,
    opinions::end_handoff,
    threads::list_thread_messages,
    threads::archive_thread,
    threads::get_latest_insights,
}

/// This function.
pub fn router(app: App) -> Router {
    finish(routes(), app)
}

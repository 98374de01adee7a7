//! What a widget needs besides its chat: history, archive, settings; and search.

mod archive;
mod examples;
mod history;
mod search;
mod settings;
mod thread;

use axum::Router;
use shared::{app::App, http::finish};

shared::routes! {
    history::get_widget_history,
    archive::archive_widget_thread,
    settings::get_widget_settings,
    search::search_documents,
}

/// This function.
pub fn router(app: App) -> Router {
    finish(routes(), app)
}

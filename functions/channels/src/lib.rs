//! What a widget needs besides its chat: history, archive, settings; and search.

mod archive;
mod examples;
mod history;
mod search;
mod settings;
mod thread;

use axum::Router;
use shared::{app::App, http::finish};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of this function.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(history::get_widget_history))
        .routes(routes!(archive::archive_widget_thread))
        .routes(routes!(settings::get_widget_settings))
        .routes(routes!(search::search_documents))
}

/// This function.
pub fn router(app: App) -> Router {
    finish(routes(), app)
}

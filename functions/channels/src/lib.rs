//! What a widget needs besides its chat: history, archive, settings; and search.

mod search;

use axum::Router;
use shared::{app::App, http::finish};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of this function.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(search::search_documents))
}

/// This function.
pub fn router(app: App) -> Router {
    finish(routes(), app)
}

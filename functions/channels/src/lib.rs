//! What a widget needs besides its chat: history, archive, settings; and search.

use axum::Router;
use shared::{app::App, http::finish};
use utoipa_axum::router::OpenApiRouter;

/// The routes of this function.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}

/// This function.
pub fn router(app: App) -> Router {
    finish(routes(), app)
}

//! Documents and folders: what answers are drawn from.

mod body;
mod change;
mod documents;
mod folders;
mod place;
mod uploads;
mod wire;

use axum::{
    Router,
    routing::{get, post},
};
use shared::{app::App, http::finish};
use utoipa_axum::router::OpenApiRouter;

/// The routes of this function.
pub fn router(app: App) -> Router {
    let routes = OpenApiRouter::new()
        .route(
            "/api/v1/documents",
            get(documents::list_documents).post(documents::create_document),
        )
        .route("/api/v1/documents/uploads", post(uploads::create_upload))
        .route(
            "/api/v1/documents/{id}",
            get(documents::get_document)
                .put(change::replace_document)
                .delete(change::delete_document),
        )
        .route("/api/v1/documents/{id}/content", get(documents::get_content))
        .route(
            "/api/v1/folders",
            get(folders::list_folders).post(folders::create_folder),
        )
        .route(
            "/api/v1/folders/{id}",
            get(folders::get_folder)
                .put(folders::update_folder)
                .delete(folders::delete_folder),
        );
    finish(routes, app)
}

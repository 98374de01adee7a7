//! Documents and folders: what answers are drawn from.

mod body;
mod change;
mod documents;
mod folders;
mod place;
mod uploads;
mod wire;

use axum::Router;
use shared::{app::App, http::finish};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of this function.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(documents::list_documents, documents::create_document))
        .routes(routes!(uploads::create_upload))
        .routes(routes!(
            documents::get_document,
            change::replace_document,
            change::delete_document
        ))
        .routes(routes!(documents::get_content))
        .routes(routes!(folders::list_folders, folders::create_folder))
        .routes(routes!(
            folders::get_folder,
            folders::update_folder,
            folders::delete_folder
        ))
}

/// This function.
pub fn router(app: App) -> Router {
    finish(routes(), app)
}

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

shared::routes! {
    documents::list_documents,
    documents::create_document,
    uploads::create_upload,
    documents::get_document,
    change::replace_document,
    change::delete_document,
    documents::get_content,
    folders::list_folders,
    folders::create_folder,
    folders::get_folder,
    folders::update_folder,
    folders::delete_folder,
}

/// This function.
pub fn router(app: App) -> Router {
    finish(routes(), app)
}

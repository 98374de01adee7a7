//! Figures: what answers took.

mod usage;

use axum::Router;
use shared::{app::App, http::finish};

shared::routes! {
    usage::get_usage,
}

/// This function.
pub fn router(app: App) -> Router {
    finish(routes(), app)
}

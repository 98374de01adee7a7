//! Whether the service is there, and the 404 of every path that no other function has.

use axum::{Json, Router, routing::get};
use serde::Serialize;
use shared::{app::App, http::finish};
use utoipa_axum::router::OpenApiRouter;

/// The routes of this function.
pub fn router(app: App) -> Router {
    finish(OpenApiRouter::new().route("/api/health", get(get_health)), app)
}

/// The answer of `GET /api/health`.
#[derive(Debug, Serialize)]
struct HealthOut {
    /// Always `ok`: a service that is not does not answer.
    status: &'static str,
    /// The version of this deployment.
    version: &'static str,
}

/// `GET /api/health`
async fn get_health() -> Json<HealthOut> {
    Json(HealthOut {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    })
}

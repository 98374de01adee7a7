//! Whether the service is there, its API's description, and the 404 of every path that no other function has.

mod page;

use axum::{
    Json, Router,
    response::{IntoResponse, Response},
};
use http::header;
use serde::Serialize;
use shared::{app::App, http::finish};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The OpenAPI document of all functions; a test compares it with what the handlers say.
const OPENAPI: &str = include_str!("../../../openapi.json");
/// A page that shows it.
const DOCS: &str = include_str!("docs.html");

/// The routes of this function.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_health))
        .routes(routes!(get_openapi))
        .routes(routes!(get_docs))
}

/// This function.
pub fn router(app: App) -> Router {
    finish(routes(), app)
}

/// The answer of `GET /api/health`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Health)]
struct HealthOut {
    /// Always `ok`: a service that is not does not answer.
    status: &'static str,
    /// The version of this deployment.
    version: &'static str,
}

/// Whether the service is there.
#[utoipa::path(
    get, path = "/api/health", tag = "health", security(()),
    responses((status = 200, description = "It is there", body = HealthOut))
)]
async fn get_health() -> Json<HealthOut> {
    Json(HealthOut {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    })
}

/// This document.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "health", security(()),
    responses((status = 200, description = "This document", body = Object, content_type = "application/json"))
)]
async fn get_openapi() -> Response {
    (
        [
            (header::CONTENT_TYPE, "application/json"),
            (header::CACHE_CONTROL, "public, max-age=300"),
        ],
        OPENAPI,
    )
        .into_response()
}

/// A page that shows this document.
#[utoipa::path(
    get, path = "/api/v1/docs", tag = "health", security(()),
    responses((status = 200, description = "A page that shows this document", body = String, content_type = "text/html"))
)]
async fn get_docs() -> Response {
    (
        [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CACHE_CONTROL, "public, max-age=300"),
            (header::CONTENT_SECURITY_POLICY, page::policy()),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ],
        DOCS,
    )
        .into_response()
}

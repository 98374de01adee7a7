//! Whether the service is there, its API's description, and the 404 of every path that no other function has.

mod deep;
mod page;

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde::Serialize;
use shared::{app::App, http::finish};

use deep::{ChecksOut, Deep, HealthParams};

/// The OpenAPI document of all functions; a test compares it with what the handlers say.
const OPENAPI: &str = include_str!("../../../openapi.json");
/// A page that shows it.
const DOCS: &str = include_str!("docs.html");

shared::routes! {
    self::get_health,
    self::get_openapi,
    self::get_docs,
}

/// This function.
pub fn router(app: App) -> Router {
    finish(routes(), app)
}

/// The answer of `GET /api/health`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Health)]
struct HealthOut {
    /// `degraded` when a deep check found a back end that does not answer.
    status: Status,
    /// The version of this deployment.
    version: &'static str,
    /// The back ends, of a deep check.
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<ChecksOut>,
}

/// How the service is.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = HealthStatus)]
enum Status {
    /// It is there, and so is each back end that was touched.
    Ok,
    /// A back end does not answer.
    Degraded,
}

/// Whether the service is there.
///
/// With `deep=1` each back end is touched, for at most 5 seconds, and the answer says which of them are there. That needs a
/// full key, an admin or the owner.
#[utoipa::path(
    get, path = "/api/health", tag = "health", params(HealthParams), security((), ("api_key" = [])),
    responses(
        (status = 200, description = "It is there", body = HealthOut),
        (status = 503, description = "Deep: a back end does not answer", body = HealthOut),
    )
)]
async fn get_health(State(app): State<App>, Deep(caller): Deep) -> (StatusCode, Json<HealthOut>) {
    let checks = match caller {
        Some(caller) => Some(ChecksOut::run(&app, &caller).await),
        None => None,
    };
    let (code, status) = match checks.as_ref().is_none_or(ChecksOut::all_ok) {
        true => (StatusCode::OK, Status::Ok),
        false => (StatusCode::SERVICE_UNAVAILABLE, Status::Degraded),
    };
    let version = env!("CARGO_PKG_VERSION");
    let health = HealthOut {
        status,
        version,
        checks,
    };
    (code, Json(health))
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

//! Signing up, signing in, and everything that leads there.

mod codes;
mod factor;
mod login;
mod register;
mod sessions;
mod totp;
mod wire;

use axum::{Extension, Router, middleware, response::Response};
use http::{HeaderValue, header};
use shared::{app::App, http::finish, secrets::Secrets};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of this function. Their handlers also need [`Secrets`], as an extension: [`router`] adds them.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(register::register_member))
        .routes(routes!(login::login_member))
        .routes(routes!(sessions::refresh_session))
        .routes(routes!(sessions::logout_session))
        .routes(routes!(sessions::get_me))
        .routes(routes!(codes::forgot_password))
        .routes(routes!(codes::reset_password))
        .routes(routes!(codes::verify_email))
        .routes(routes!(codes::resend_verification))
        .routes(routes!(totp::setup_totp))
        .routes(routes!(totp::verify_totp))
        .routes(routes!(totp::delete_totp))
}

/// This function.
pub fn router(app: App, secrets: Secrets) -> Router {
    let routes = routes()
        .layer(Extension(secrets))
        .layer(middleware::map_response(unstored));
    finish(routes, app)
}

/// Tokens and secrets are for the caller only, not for caches on the way.
async fn unstored(mut response: Response) -> Response {
    let unstored = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, unstored);
    response
}

//! Signing up, signing in, and everything that leads there.

mod codes;
mod factor;
mod login;
mod qr;
mod register;
mod sessions;
mod totp;
mod wire;

use axum::{Extension, Router, middleware, response::Response};
use http::{HeaderValue, header};
use shared::{app::App, http::finish, secrets::Secrets};

// Their handlers also need `Secrets`, as an extension: `router` adds them.
shared::routes! {
    register::register_member,
    login::login_member,
    sessions::refresh_session,
    sessions::logout_session,
    sessions::get_me,
    codes::forgot_password,
    codes::reset_password,
    codes::verify_email,
    codes::resend_verification,
    totp::setup_totp,
    totp::verify_totp,
    totp::delete_totp,
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

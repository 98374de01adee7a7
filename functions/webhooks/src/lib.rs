//! Webhooks: who wants to know what happens, and the log of what they were told.

mod body;
mod deliveries;
mod place;
mod test;
mod webhooks;
mod wire;

use axum::{Extension, Router};
use shared::{app::App, events::Sender, http::finish};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of this function. Their handlers also need a [`Sender`], as an extension: [`router`] adds it.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(webhooks::create_webhook))
        .routes(routes!(
            webhooks::list_webhooks,
            webhooks::update_webhook,
            webhooks::delete_webhook
        ))
        .routes(routes!(webhooks::rotate_webhook))
        .routes(routes!(test::test_webhook))
        .routes(routes!(deliveries::list_deliveries))
        .routes(routes!(deliveries::get_delivery))
        .routes(routes!(deliveries::redeliver))
}

/// This function.
pub fn router(app: App, sender: Sender) -> Router {
    finish(routes().layer(Extension(sender)), app)
}

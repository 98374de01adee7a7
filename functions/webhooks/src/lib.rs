//! Webhooks: who wants to know what happens, and the log of what they were told.

mod body;
mod deliveries;
mod place;
mod test;
mod webhooks;
mod wire;

use axum::{Extension, Router};
use shared::{app::App, events::Sender, http::finish};

// Their handlers also need a `Sender`, as an extension: `router` adds it.
shared::routes! {
    webhooks::create_webhook,
    webhooks::list_webhooks,
    webhooks::update_webhook,
    webhooks::delete_webhook,
    webhooks::rotate_webhook,
    test::test_webhook,
    deliveries::list_deliveries,
    deliveries::get_delivery,
    deliveries::redeliver,
}

/// This function.
pub fn router(app: App, sender: Sender) -> Router {
    finish(routes().layer(Extension(sender)), app)
}

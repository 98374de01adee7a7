//! The `webhooks` function.

use shared::{app::App, events::Sender};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    shared::telemetry::init();
    let (app, sender) = (App::from_env().await?, Sender::from_env().await?);
    shared::app::run_http(webhooks::router(app, sender)).await
}

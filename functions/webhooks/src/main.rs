//! The `webhooks` function.

use shared::{app::App, events::Sender};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::telemetry::init();
    let (vars, sdk) = shared::sdk::from_env();
    let (app, sender) = (App::new(&vars, &sdk)?, Sender::new(&vars, &sdk)?);
    shared::app::run_http(webhooks::router(app, sender)).await
}

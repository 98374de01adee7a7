//! The `deliver` worker.

use lambda_runtime::{LambdaEvent, service_fn};
use shared::{app::App, events::Sender};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::init();
    let (app, sender) = (App::from_env().await?, Sender::from_env().await?);
    lambda_runtime::run(service_fn(|event: LambdaEvent<_>| {
        deliver::handle(&app, &sender, event.payload)
    }))
    .await
}

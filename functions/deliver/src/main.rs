//! The `deliver` worker.

use lambda_runtime::{LambdaEvent, service_fn};
use shared::{app::App, events::Sender};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::init();
    let (vars, sdk) = shared::sdk::from_env();
    let (app, sender) = (App::new(&vars, &sdk)?, Sender::new(&vars, &sdk)?);
    lambda_runtime::run(service_fn(|event: LambdaEvent<_>| {
        deliver::handle(&app, &sender, event.payload)
    }))
    .await
}

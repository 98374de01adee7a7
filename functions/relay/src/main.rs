//! The `relay` worker.

use lambda_runtime::{LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::init();
    let app = shared::app::App::from_env()?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<_>| relay::handle(&app, event.payload))).await
}

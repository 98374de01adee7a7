//! The `tick` function.

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::init();
    let app = shared::app::App::from_env()?;
    lambda_runtime::run(service_fn(|_: LambdaEvent<Value>| tick::handle(&app))).await
}

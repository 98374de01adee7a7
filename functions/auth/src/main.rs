//! The `auth` function.

use shared::{app::App, secrets::Secrets};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::telemetry::init();
    let (vars, sdk) = shared::sdk::from_env();
    let (app, secrets) = (App::new(&vars, &sdk)?, Secrets::new(&vars, &sdk)?);
    shared::app::run_http(auth::router(app, secrets)).await
}

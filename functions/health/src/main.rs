//! The `health` function: answers also what nobody else does.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::telemetry::init();
    shared::app::run_http(health::router(shared::app::App::from_env()?)).await
}

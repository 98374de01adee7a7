//! The `analytics` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::telemetry::init();
    shared::app::run_http(analytics::router(shared::app::App::from_env()?)).await
}

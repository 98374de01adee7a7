//! The `auth` function.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    shared::telemetry::init();
    let secrets = shared::secrets::Secrets::from_env().await?;
    shared::app::run_http(auth::router(shared::app::App::from_env().await?, secrets)).await
}

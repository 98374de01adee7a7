//! The `docent` command.

#[tokio::main]
async fn main() -> std::process::ExitCode {
    cli::run().await
}

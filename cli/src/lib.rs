//! What an operator does from a terminal, with AWS credentials of the environment (and `AWS_ENDPOINT_URL…` where it is set).

mod admin;

use std::process::ExitCode;

use aws_types::SdkConfig;
use clap::{Parser, Subcommand};
use shared::error::Error;

/// Runs docent's back office.
#[derive(Parser)]
#[command(name = "docent", version, about)]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// What needs AWS credentials instead of an account.
    #[command(subcommand)]
    Admin(admin::Admin),
}

/// Runs the command that this process was given; says on standard error what went wrong.
pub async fn run() -> ExitCode {
    shared::telemetry::init_at_terminal();
    let asked = Cli::parse();
    let sdk = aws_config::load_from_env().await;
    match done(asked, &sdk).await {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("docent: {}", error.why());
            ExitCode::FAILURE
        }
    }
}

/// Runs a command line with these settings of the SDK; gives what it says.
///
/// # Errors
/// When it is no command line of ours, or could not be done.
pub async fn execute(line: &[&str], sdk: &SdkConfig) -> Result<String, Error> {
    let asked = Cli::try_parse_from(line).map_err(Error::internal)?;
    done(asked, sdk).await
}

async fn done(asked: Cli, sdk: &SdkConfig) -> Result<String, Error> {
    match asked.what {
        What::Admin(what) => admin::run(what, sdk).await,
    }
}

//! What an operator does from a terminal, with AWS credentials of the environment (and `AWS_ENDPOINT_URL…` where it is set).

mod admin;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
    let done = match Cli::parse().what {
        What::Admin(what) => admin::run(what).await,
    };
    match done {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("docent: {}", told(&error));
            ExitCode::FAILURE
        }
    }
}

/// To an operator causes are no secret.
fn told(error: &shared::error::Error) -> String {
    use shared::error::{Error, chain};
    match error {
        Error::Internal(cause) | Error::Unavailable { cause, .. } => chain(cause.as_ref()),
        other => other.to_string(),
    }
}

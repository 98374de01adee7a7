//! The command: its options, what it prints, and its end.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};

use crate::demo::Demo;
use crate::options::{Listener, Options, Progress};
use crate::stack::Stack;

/// docent on this machine: ask questions of your own documents. One process, no account, nothing else installed.
#[derive(Debug, Parser)]
#[command(name = "local", version)]
struct Arguments {
    /// Port of the API on 127.0.0.1
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Folder that keeps all data
    #[arg(long, value_name = "DIR", default_value = ".docent")]
    data: PathBuf,
    /// Forget all data in that folder first
    #[arg(long)]
    fresh: bool,
    /// OpenAI-compatible server that answers, such as http://127.0.0.1:11434/v1 (Ollama); else an offline model
    #[arg(long, value_name = "URL", conflicts_with = "bedrock")]
    model_url: Option<String>,
    /// Key for that server
    #[arg(
        long,
        value_name = "KEY",
        env = "DOCENT_MODEL_KEY",
        hide_env_values = true,
        requires = "model_url"
    )]
    model_key: Option<String>,
    /// Model that answers (default: the first that the server lists)
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Model that embeds (default: an offline hash)
    #[arg(long, value_name = "NAME")]
    embedding_model: Option<String>,
    /// Use Amazon Bedrock with this machine's AWS credentials
    #[arg(long)]
    bedrock: bool,
    /// Use this OpenSearch instead of the embedded one
    #[arg(long, value_name = "URL")]
    opensearch: Option<String>,
    /// Use this DynamoDB instead of the embedded one
    #[arg(long, value_name = "URL")]
    dynamodb: Option<String>,
    /// Use this SQS instead of the embedded one
    #[arg(long, value_name = "URL")]
    sqs: Option<String>,
    /// Use this S3 instead of the embedded one
    #[arg(long, value_name = "URL")]
    s3: Option<String>,
    /// Let webhooks have receivers on this machine, by plain http
    #[arg(long)]
    allow_local_webhooks: bool,
    /// Run each function's real Lambda binary, built first with cargo, behind a Lambda Runtime API
    #[arg(long)]
    binaries: bool,
}

/// How long the offline model waits before each word, so that its stream can be seen.
const PIECE_DELAY: Duration = Duration::from_millis(8);

/// Runs the command to its end.
#[must_use]
pub fn run() -> ExitCode {
    shared::telemetry::init_at_terminal();
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => {
            eprintln!("error: {why}");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(serve(arguments));
    runtime.shutdown_timeout(Duration::from_millis(500));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: Arguments) -> Result<(), crate::error::Cause> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let data = arguments.data.clone();
    let stack = tokio::select! {
        stack = Stack::start(options(arguments)) => stack?,
        _ = interrupted.recv() => return Ok(()),
        _ = terminated.recv() => return Ok(()),
    };
    if let Some(demo) = &stack.demo {
        println!(
            "{}",
            welcome(&stack.base_url, demo, &data.join("demo.env").display().to_string())
        );
    }
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    println!("\nStopping.");
    stack.shutdown().await;
    Ok(())
}

fn options(arguments: Arguments) -> Options {
    Options {
        port: arguments.port,
        fresh: arguments.fresh,
        demo: true,
        model_url: arguments.model_url,
        model_key: arguments.model_key,
        model: arguments.model,
        embedding_model: arguments.embedding_model,
        bedrock: arguments.bedrock,
        piece_delay: PIECE_DELAY,
        opensearch_url: arguments.opensearch,
        dynamodb_url: arguments.dynamodb,
        sqs_url: arguments.sqs,
        s3_url: arguments.s3,
        allow_local_webhooks: arguments.allow_local_webhooks,
        binaries: arguments.binaries,
        listener: listener(),
        ..Options::new(arguments.data)
    }
}

/// Shows the start: a bar on a terminal, lines elsewhere.
fn listener() -> Listener {
    let bar = std::io::stdout().is_terminal().then(|| {
        let style = ProgressStyle::with_template("Reading the demo documents {bar:30} {pos}/{len}");
        ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    });
    Arc::new(move |progress| match (progress, &bar) {
        (Progress::Building, _) => println!("Building the functions' binaries"),
        (Progress::Serving(url), _) => println!("Starting docent on {url}"),
        (Progress::Documents { ready, total }, Some(bar)) => {
            bar.set_length(total as u64);
            bar.set_position(ready as u64);
            if ready == total {
                bar.finish_and_clear();
            }
        }
        (Progress::Documents { ready, total }, None) => println!("Demo documents ready: {ready} of {total}"),
        (Progress::DocumentFailed { title, reason }, _) => eprintln!("The demo document {title:?} failed: {reason}"),
    })
}

/// What a newcomer can do now, ready to paste.
fn welcome(url: &str, demo: &Demo, environment: &str) -> String {
    let Demo {
        api_key,
        bot_id,
        tenant,
    } = demo;
    let key = format!("-H 'Authorization: ApiKey {api_key}'");
    let user = "-H 'X-External-Org-Id: acme' -H 'X-External-User-Id: ann' -H 'X-External-Roles: []'";
    let json = "-H 'Content-Type: application/json'";
    format!(
        "
docent is ready at {url}

  tenant {tenant}, bot {bot_id}
  key    {api_key}
  (also in {environment}: source it for DOCENT_URL, DOCENT_API_KEY and DOCENT_BOT_ID)

Ask a question:
  curl -s {url}/api/ai/chat {key} {user} {json} -d '{{\"message\": \"What is the vacation policy?\"}}'

Watch an answer arrive:
  curl -N -s {url}/api/ai/chat/stream {key} {user} {json} -d '{{\"message\": \"How many vacation days can I carry over?\"}}'

Upload a file of your own (here made on the spot; else -F 'file=@path/to/file.pdf'):
  printf '# Parking\\n\\nVisitors park on level 2, free of charge for three hours.\\n' | curl -s {url}/api/v1/documents {key} -F 'file=@-;filename=parking.md;type=text/markdown'

See what a page's widget needs, with requests that run as they are (and docs of everything at {url}/api/v1/docs):
  curl -s {url}/api/channels/widget/{bot_id}/settings {key}

See the documents:
  curl -s {url}/api/v1/documents {key}

Stop with Ctrl-C; the data stays.
"
    )
}

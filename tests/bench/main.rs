//! Figures of BENCHMARKS.md, each printed as a table by the command that stands beside it there.

mod cold;
mod cost;
mod deliveries;
mod enumeration;
mod mock;
mod requests;
mod retrieval;
mod serve;
mod turn;
mod wire;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use local::cost::Assumed;

/// What to measure.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Requests to DynamoDB, search and models per turn, counted on the wire.
    Requests,
    /// Time to first token over the model's own, chats per second and CPU per chat.
    Turn {
        /// Chats of each measurement.
        #[arg(long, default_value_t = 2_000)]
        chats: usize,
    },
    /// Time and memory from the start of each function's binary until it is ready, and its size.
    Cold {
        /// Starts of each binary.
        #[arg(long, default_value_t = 20)]
        runs: usize,
        /// Some functions only, separated by commas: each takes minutes to link.
        #[arg(long, value_delimiter = ',')]
        functions: Vec<String>,
    },
    /// Deliveries to webhooks: latency, how many a second and core, and what a million costs.
    Deliveries {
        /// Events that are told one by one, for the latency.
        #[arg(long, default_value_t = 500)]
        singles: usize,
        /// Events that are told to 20 webhooks each, for the throughput.
        #[arg(long, default_value_t = 500)]
        events: usize,
    },
    /// What a deployment costs: idle, a million turns, a million deliveries.
    Cost {
        #[command(flatten)]
        assumed: Assumed,
        /// Turns of the conversation that is counted; a caller may ask 30 questions a minute.
        #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=25))]
        turns: u32,
        /// A file whose generated part is renewed, instead of printing.
        #[arg(long)]
        into: Option<PathBuf>,
    },
    /// Whether answers take longer for e-mail addresses that have an account.
    Enumeration {
        /// Requests of each kind to each endpoint.
        #[arg(long, default_value_t = 300)]
        samples: usize,
    },
    /// nDCG@10 of BM25, k-NN and both on the Cranfield collection.
    Retrieval {
        /// The folder with cran_docs.json, cran_queries.json and cran_qrels.json.
        #[arg(long, default_value = "../shared/data/cranfield")]
        data: PathBuf,
        /// A real OpenSearch to measure beside the embedded one.
        #[arg(long)]
        opensearch: Option<String>,
    },
    /// A stack for another process to measure; prints its URL and key.
    #[command(hide = true)]
    Serve {
        /// Its data.
        data: PathBuf,
        /// Its model.
        model_url: String,
    },
}

/// Whatever goes wrong ends a benchmark.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome {
    match Cli::parse().what {
        What::Requests => requests::run().await,
        What::Turn { chats } => turn::run(chats).await,
        What::Cold { runs, functions } => cold::run(runs, &functions).await,
        What::Deliveries { singles, events } => deliveries::run(singles, events).await,
        What::Cost { assumed, turns, into } => cost::run(&assumed, turns, into.as_deref()).await,
        What::Enumeration { samples } => enumeration::run(samples).await,
        What::Retrieval { data, opensearch } => retrieval::run(&data, opensearch).await,
        What::Serve { data, model_url } => serve::run(data, model_url).await,
    }
}

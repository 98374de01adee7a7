//! What a stack can be told.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Hears how the start goes.
pub type Listener = Arc<dyn Fn(Progress) + Send + Sync>;

/// A step of the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Cargo builds the functions' binaries.
    Building,
    /// The services run; the API answers at this URL.
    Serving(String),
    /// Demo documents that are ready, of how many.
    Documents {
        /// Ready ones.
        ready: usize,
        /// All of them.
        total: usize,
    },
    /// A demo document could not be read.
    DocumentFailed {
        /// Its title.
        title: String,
        /// Why.
        reason: String,
    },
}

/// How to start a stack.
#[derive(Clone)]
pub struct Options {
    /// The folder with its data.
    pub data: PathBuf,
    /// The port of the API on 127.0.0.1; 0 is any free one.
    pub port: u16,
    /// Forget all data first.
    pub fresh: bool,
    /// Make the demo tenant with its documents.
    pub demo: bool,
    /// Names of the table and the bucket, and the beginning of the queues' names.
    pub name: String,
    /// Base URL of an OpenAI-compatible server (`http://127.0.0.1:11434/v1`) instead of the offline model.
    pub model_url: Option<String>,
    /// Sent to that server as a bearer token.
    pub model_key: Option<String>,
    /// The chat model of that server, or of Bedrock.
    pub model: Option<String>,
    /// The embedding model of that server, or of Bedrock.
    pub embedding_model: Option<String>,
    /// Use Amazon Bedrock itself.
    pub bedrock: bool,
    /// How long the offline model waits before each piece of an answer.
    pub piece_delay: Duration,
    /// An OpenSearch server instead of the embedded one.
    pub opensearch_url: Option<String>,
    /// A DynamoDB server instead of the embedded one.
    pub dynamodb_url: Option<String>,
    /// An SQS server instead of the embedded one.
    pub sqs_url: Option<String>,
    /// An S3 server instead of the embedded one; word of uploads is then that server's affair.
    pub s3_url: Option<String>,
    /// Whether webhooks may have receivers on this machine, by plain http.
    pub allow_local_webhooks: bool,
    /// More parameters of the template.
    pub parameters: HashMap<String, String>,
    /// More variables of all functions.
    pub variables: HashMap<String, String>,
    /// Run the functions' real binaries, which cargo builds first, instead of calling their handlers in this process.
    pub binaries: bool,
    /// Hears how the start goes.
    pub listener: Listener,
}

impl Options {
    /// A stack with everything embedded, on any free port, without the demo tenant, as tests want it.
    #[must_use]
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            port: 0,
            fresh: false,
            demo: false,
            name: "docent".to_owned(),
            model_url: None,
            model_key: None,
            model: None,
            embedding_model: None,
            bedrock: false,
            piece_delay: Duration::ZERO,
            opensearch_url: None,
            dynamodb_url: None,
            sqs_url: None,
            s3_url: None,
            allow_local_webhooks: false,
            parameters: HashMap::new(),
            variables: HashMap::new(),
            binaries: false,
            listener: Arc::new(|_| ()),
        }
    }
}

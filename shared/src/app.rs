//! The clients and settings that a function holds, once per process.
//!
//! A function's process handles one event at a time, mostly waiting, with less than one CPU (1,769 MB make one:
//! docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html), so functions run on one thread; what would hold it up,
//! as parsing a file, goes to a thread of its own.

use std::{collections::HashMap, sync::Arc};

use aws_types::SdkConfig;
use axum::Router;

use crate::{
    blobs::Blobs,
    clock::Clock,
    config::{Config, ConfigError},
    limits::Limits,
    mail::Mailer,
    models::Models,
    prices::Prices,
    queue::Queue,
    sdk,
    search::Search,
    store::Table,
    streaming,
    telemetry::Metrics,
    tokens::PublicKeys,
};

/// Everything that a handler needs from outside. Cloning shares it.
#[derive(Clone)]
pub struct App {
    /// The table: the truth.
    pub table: Table,
    /// The index.
    pub search: Arc<Search>,
    /// The models.
    pub models: Arc<Models>,
    /// The files.
    pub blobs: Arc<Blobs>,
    /// The queues.
    pub queue: Arc<Queue>,
    /// What models cost.
    pub prices: Arc<Prices>,
    /// The post; only workers send.
    pub mail: Arc<Mailer>,
    /// The keys by which members' tokens are verified.
    pub public_keys: PublicKeys,
    /// Whether anybody may register.
    pub open_registration: bool,
    /// Where callers reach this API, when the deployment says so.
    pub public_url: Option<Arc<str>>,
    /// The rate limits.
    pub limits: Limits,
    /// The time.
    pub clock: Clock,
    /// What is measured.
    pub metrics: Metrics,
    /// Seconds between a failed attempt to tell a webhook and the next.
    pub delivery_retries: Arc<[u32]>,
    /// Seconds after which no answer that was under way when its bot was deleted can still be stored.
    pub erase_settle: u32,
}

impl App {
    /// Builds the clients from a function's variables and the SDK's settings.
    ///
    /// # Errors
    /// Names the variable that is missing or malformed.
    pub fn new(vars: &HashMap<String, String>, sdk: &SdkConfig) -> Result<Self, ConfigError> {
        let config = Config::from_vars(vars)?;
        Ok(Self {
            table: Table::new(aws_sdk_dynamodb::Client::new(sdk), config.table.clone()),
            search: Search::new(&config, sdk)?.into(),
            models: Models::new(&config, sdk).into(),
            metrics: Metrics::new(&config),
            blobs: Blobs::new(config.bucket.clone(), sdk).into(),
            queue: Queue::new(&config, sdk).into(),
            mail: Mailer::new(config.mail_from, sdk).into(),
            public_keys: PublicKeys::default(),
            open_registration: config.open_registration,
            prices: config.prices.into(),
            public_url: config.public_url.map(Into::into),
            delivery_retries: config.delivery_retries.into(),
            erase_settle: config.erase_settle,
            limits: Limits::default(),
            clock: Clock::default(),
        })
    }

    /// [`App::new`] from this process' environment.
    ///
    /// # Errors
    /// Names the variable that is missing or malformed.
    pub fn from_env() -> Result<Self, ConfigError> {
        let (vars, sdk) = sdk::from_env();
        Self::new(&vars, &sdk)
    }
}

/// Runs an HTTP function whose answers are buffered.
///
/// # Errors
/// When the runtime ends.
pub async fn run_http(router: Router) -> Result<(), lambda_http::Error> {
    lambda_http::run(router).await
}

/// Runs an HTTP function whose answers are streamed.
///
/// # Errors
/// When the runtime ends.
pub async fn run_streaming(router: Router) -> Result<(), lambda_http::Error> {
    streaming::run(router).await
}

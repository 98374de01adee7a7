//! The project's functions, by the names that the template gives them.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lambda_events::{
    dynamodb::Event as StreamEvent,
    sqs::{SqsBatchResponse, SqsEvent},
    streams::DynamoDbEventResponse,
};
use aws_types::SdkConfig;
use axum::Router;
use futures::{FutureExt, future::BoxFuture};
use shared::{app::App, events::Sender, secrets::Secrets};

use crate::binaries::Pool;
use crate::error::{Cause, Error};
use crate::parts::Parts;
use crate::template::Function;

/// How long a worker that asks for it may take, in milliseconds: Lambda's longest.
const LONGEST_INVOCATION: i64 = 900_000;

/// What a worker gives back.
type Outcome<R> = Result<R, Cause>;
/// A worker of queue messages.
pub type QueueWorker = Arc<dyn Fn(SqsEvent) -> BoxFuture<'static, Outcome<SqsBatchResponse>> + Send + Sync>;
/// A worker that time calls.
pub type ScheduleWorker = Arc<dyn Fn() -> BoxFuture<'static, Outcome<()>> + Send + Sync>;
/// A worker of table changes.
pub type StreamWorker = Arc<dyn Fn(StreamEvent) -> BoxFuture<'static, Outcome<DynamoDbEventResponse>> + Send + Sync>;

/// A function behind the API.
#[derive(Clone)]
pub enum HttpFunction {
    /// Called in this process.
    Here(Router),
    /// Its binary, in processes of its own.
    Binary(Pool),
}

/// All functions, ready to be invoked.
#[derive(Default)]
pub struct Functions {
    /// Those behind the API.
    pub http: HashMap<String, HttpFunction>,
    /// Those behind a queue.
    pub queue_workers: HashMap<String, QueueWorker>,
    /// Those behind the table's stream.
    pub stream_workers: HashMap<String, StreamWorker>,
    /// Those that time calls.
    pub schedule_workers: HashMap<String, ScheduleWorker>,
    /// The most events that one of them takes at once.
    pub most_at_once: Option<usize>,
}

impl Functions {
    /// Starts each function of the template with its own variables and its own identity.
    ///
    /// # Errors
    /// Names the function that does not exist or does not start.
    pub fn start(parts: &Parts) -> Result<Self, Error> {
        let mut functions = Self::default();
        for function in &parts.functions {
            let identity = parts.identity.of_function(&function.name);
            let sdk = identity.config(parts.endpoints.clone());
            let app = App::new(&function.environment, &sdk);
            let app = app.map_err(|why| Error::part(format!("function {}", function.name), why.to_string()))?;
            functions.add(function, &sdk, app)?;
        }
        Ok(functions)
    }

    fn add(&mut self, function: &Function, sdk: &SdkConfig, app: App) -> Result<(), Error> {
        let name = function.name.as_str();
        let router = match name {
            "auth" => {
                let secrets = Secrets::new(&function.environment, sdk);
                auth::router(
                    app,
                    secrets.map_err(|why| Error::part("function auth", why.to_string()))?,
                )
            }
            "analytics" => analytics::router(app),
            "bots" => bots::router(app),
            "channels" => channels::router(app),
            "chat" => chat::router(app),
            "conversations" => conversations::router(app),
            "knowledge" => knowledge::router(app),
            "health" => health::router(app),
            "routines" => routines::router(app),
            "webhooks" => webhooks::router(app, sender(function, sdk)?),
            other => return self.add_worker(other, function, sdk, app),
        };
        self.http.insert(name.to_owned(), HttpFunction::Here(router));
        Ok(())
    }

    /// Adds a function that a queue, the table's stream or time calls.
    fn add_worker(&mut self, name: &str, function: &Function, sdk: &SdkConfig, app: App) -> Result<(), Error> {
        let worker: QueueWorker = match name {
            "deliver" => {
                let sender = sender(function, sdk)?;
                Arc::new(move |event| {
                    let (app, sender) = (app.clone(), sender.clone());
                    async move { deliver::handle(&app, &sender, event).await }.boxed()
                })
            }
            "erase" => Arc::new(move |event| {
                let app = app.clone();
                let deadline = app.clock.now().plus(LONGEST_INVOCATION);
                async move { erase::handle(&app, event, deadline).await }.boxed()
            }),
            "ingest" => Arc::new(move |event| {
                let app = app.clone();
                async move { ingest::handle(&app, event).await }.boxed()
            }),
            "insights" => Arc::new(move |event| {
                let app = app.clone();
                async move { insights::handle(&app, event).await }.boxed()
            }),
            "run-routine" => Arc::new(move |event| {
                let app = app.clone();
                async move { run_routine::handle(&app, event).await }.boxed()
            }),
            other => return self.add_other(other, app),
        };
        self.queue_workers.insert(name.to_owned(), worker);
        Ok(())
    }

    /// Adds a function that the table's stream or time calls.
    fn add_other(&mut self, name: &str, app: App) -> Result<(), Error> {
        match name {
            "relay" => {
                let worker = move |event| {
                    let app = app.clone();
                    async move { relay::handle(&app, event).await }.boxed()
                };
                self.stream_workers.insert(name.to_owned(), Arc::new(worker));
            }
            "tick" => {
                let worker = move || {
                    let app = app.clone();
                    async move { tick::handle(&app).await }.boxed()
                };
                self.schedule_workers.insert(name.to_owned(), Arc::new(worker));
            }
            other => return Err(Error::Template(format!("there is no function crate {other:?}"))),
        }
        Ok(())
    }
}

/// What tells receivers, in a function with these variables.
fn sender(function: &Function, sdk: &SdkConfig) -> Result<Sender, Error> {
    let sender = Sender::new(&function.environment, sdk);
    sender.map_err(|why| Error::part(format!("function {}", function.name), why.to_string()))
}

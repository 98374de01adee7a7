//! The services of a stack, started in the order in which they need each other, and the event sources between them.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_sqs::Client as Sqs;
use aws_types::SdkConfig;
use shared::app::App;
use tokio::sync::Notify;

use crate::data::Data;
use crate::error::Error;
use crate::functions::Functions;
use crate::models::Models;
use crate::options::Options;
use crate::sdk::{Endpoints, Identity};
use crate::server::{Layer, on_loopback};
use crate::services::{DynamoDb, Journal, Notification, create_queues, s3};
use crate::sources::{Checkpoint, Follower, Poller, follow_stream, poll_queue};
use crate::template::{Event, Function, OWN, Template};

/// Everything that functions need.
pub struct Parts {
    /// The template, with what its resources are here.
    pub template: Template,
    /// Its functions.
    pub functions: Vec<Function>,
    /// Where the services answer.
    pub endpoints: Endpoints,
    /// SDK settings that reach them.
    pub sdk: SdkConfig,
    /// Queue URLs by logical id.
    pub queue_urls: HashMap<String, String>,
    /// The embedded DynamoDB.
    pub dynamodb: Option<DynamoDb>,
    /// Its stream.
    pub journal: Option<Journal>,
}

/// Starts the services that the options do not place elsewhere.
///
/// # Errors
/// Names the part that failed.
pub async fn start(options: &Options, data: &Data, back: &mut Layer) -> Result<Parts, Error> {
    let models = Models::choose(options).await?;
    let identity = if options.bedrock { Identity::of_environment().await? } else { Identity::local() };
    let mut template = Template::parse(OWN, options.name.clone())?;
    let mut endpoints = Endpoints::default();
    if let Some(model) = models.model {
        endpoints.set("BEDROCK_RUNTIME", on_loopback(local_bedrock::router(model), back).await?);
    }
    endpoints.set("SQS", sqs(options, data, back).await?);
    let client = Sqs::new(&identity.config(endpoints.clone()));
    let queue_urls = create_queues(&client, &template.queues()?).await?;
    for (logical_id, url) in &queue_urls {
        template.refer(logical_id, url);
    }
    let url = bucket(options, data, back, &mut template, &identity, client, &queue_urls).await?;
    endpoints.set("S3", url);
    let (dynamodb, journal) = table(options, data, &mut template).await?;
    endpoints.set("DYNAMODB", dynamodb.url.clone());
    template.set("OpenSearchUrl", opensearch(options, data, back).await?);
    for (name, value) in models.parameters.into_iter().chain(options.parameters.clone()) {
        template.set(&name, value);
    }
    let functions = template.functions()?;
    let sdk = identity.config(endpoints.clone());
    Ok(Parts { template, functions, endpoints, sdk, queue_urls, dynamodb: Some(dynamodb), journal: Some(journal) })
}

async fn sqs(options: &Options, data: &Data, back: &mut Layer) -> Result<String, Error> {
    if let Some(url) = &options.sqs_url {
        return Ok(url.clone());
    }
    let sqs = local_sqs::open(&data.path("sqs").join("queues.sqlite")).await.map_err(Error::part("SQS"))?;
    on_loopback(local_sqs::router(sqs), back).await
}

async fn opensearch(options: &Options, data: &Data, back: &mut Layer) -> Result<String, Error> {
    if let Some(url) = &options.opensearch_url {
        return Ok(url.clone());
    }
    let node = local_opensearch::open(&data.path("opensearch")).await.map_err(Error::part("OpenSearch"))?;
    on_loopback(local_opensearch::router(node), back).await
}

async fn bucket(
    options: &Options,
    data: &Data,
    back: &mut Layer,
    template: &mut Template,
    identity: &Identity,
    sqs: Sqs,
    queue_urls: &HashMap<String, String>,
) -> Result<String, Error> {
    let bucket = template.bucket()?;
    template.refer(&bucket.logical_id, &options.name);
    if let Some(url) = &options.s3_url {
        return Ok(url.clone());
    }
    let notifications = bucket.notifications.iter().filter_map(|(prefix, arn)| {
        let queue_url = queue_urls.get(&template.queue_of(arn))?.clone();
        Some(Notification { prefix: prefix.clone(), queue_url })
    });
    let router = s3(&data.path("s3"), &options.name, identity.keys(), sqs, notifications.collect())?;
    on_loopback(router, back).await
}

async fn table(options: &Options, data: &Data, template: &mut Template) -> Result<(DynamoDb, Journal), Error> {
    let (logical_id, table, ttl) = template.table()?;
    template.refer(&logical_id, &options.name);
    DynamoDb::start(&data.path("dynamodb").join("tables.sqlite"), &options.name, table, ttl).await
}

impl Parts {
    /// The engine with the variables of the function that has the most of them.
    ///
    /// # Errors
    /// When a variable is missing.
    pub fn app(&self) -> Result<App, Error> {
        let variables = self.functions.iter().map(|function| &function.environment).max_by_key(|all| all.len());
        let variables = variables.ok_or_else(|| Error::Template("there are no functions".to_owned()))?;
        App::new(variables, &self.sdk).map_err(|why| Error::part("the engine")(why.to_string()))
    }

    /// Starts what feeds the workers.
    ///
    /// # Errors
    /// When a source listens to nothing, or its filter cannot be understood.
    pub fn attach(&self, functions: &Functions, data: &Data, changed: &Arc<Notify>, front: &mut Layer) -> Result<(), Error> {
        let sqs = Sqs::new(&self.sdk);
        for function in &self.functions {
            let timeout = function.timeout;
            for event in &function.events {
                match event {
                    Event::Api(_) => {}
                    Event::Queue(source) => {
                        let Some(worker) = functions.queue_workers.get(&function.name).cloned() else { continue };
                        let url = self.queue_url(&source.queue)?;
                        let changed = Arc::clone(changed);
                        let on_write = Arc::new(move || changed.notify_one());
                        let poller = Poller { sqs: sqs.clone(), url, source: source.clone(), worker, timeout, on_write };
                        front.tasks.spawn(poll_queue(poller, front.stop.subscribe()));
                    }
                    Event::Stream(source) => {
                        let Some(worker) = functions.stream_workers.get(&function.name).cloned() else { continue };
                        let Some(journal) = self.journal.clone() else { continue };
                        let failures = source.destination_config.on_failure.as_ref();
                        let dead_letters = failures.map(|to| Ok((sqs.clone(), self.queue_url(&to.destination)?))).transpose()?;
                        let checkpoint = Checkpoint::load(&data.path("checkpoints").join(&function.name));
                        let (source, changed) = (source.clone(), Arc::clone(changed));
                        let follower = Follower { journal, source, worker, timeout, checkpoint, changed, dead_letters };
                        front.tasks.spawn(follow_stream(follower, front.stop.subscribe())?);
                    }
                }
            }
        }
        Ok(())
    }

    fn queue_url(&self, arn: &str) -> Result<String, Error> {
        let found = self.queue_urls.get(&self.template.queue_of(arn));
        found.cloned().ok_or_else(|| Error::Template(format!("{arn} is no queue of the template")))
    }
}

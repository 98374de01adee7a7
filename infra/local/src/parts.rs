//! The services of a stack, started in the order in which they need each other, and the event sources between them.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client as DynamoDbClient;
use aws_sdk_sqs::Client as Sqs;
use aws_types::SdkConfig;
use shared::app::App;

use crate::data::Data;
use crate::error::{During, Error};
use crate::mailbox::Mailbox;
use crate::models::Models;
use crate::options::Options;
use crate::sdk::{Endpoints, Identity};
use crate::server::{Layer, on_loopback};
use crate::services::{
    DynamoDb, Journal, Notification, Parameters, create_queues, ensure_bucket, ensure_table, s3, ses, ssm,
};
use crate::template::{Function, OWN, Template};

/// Parameters that have another value here than on AWS, where the template has them: anybody on this machine may
/// register, and mail comes from it.
const PARAMETERS: [(&str, &str); 2] = [("Registration", "open"), ("MailFrom", "docent@localhost")];

/// Everything that functions need.
pub struct Parts {
    /// The template, with what its resources are here.
    pub template: Template,
    /// Its functions.
    pub functions: Vec<Function>,
    /// Where the services answer.
    pub endpoints: Endpoints,
    /// Who asks them.
    pub identity: Identity,
    /// SDK settings that reach them.
    pub sdk: SdkConfig,
    /// Queue URLs by logical id.
    pub queue_urls: HashMap<String, String>,
    /// The table.
    pub table: Table,
    /// The mail that was sent.
    pub mailbox: Mailbox,
}

/// Where the table is, and how its stream is read.
pub enum Table {
    /// In this process.
    Embedded(DynamoDb, Journal),
    /// In somebody else's DynamoDB, with this stream.
    Remote(String),
}

/// Starts the services that the options do not place elsewhere.
///
/// # Errors
/// Names the part that failed.
pub async fn start(options: &Options, base_url: &str, data: &Data, back: &mut Layer) -> Result<Parts, Error> {
    let models = Models::choose(options).await?;
    let identity = if options.bedrock {
        Identity::of_environment().await?
    } else {
        Identity::local()
    };
    let mut template = Template::parse(OWN, options.name.clone())?;
    let mut endpoints = Endpoints::default();
    if let Some(model) = models.model {
        endpoints.set(
            "BEDROCK_RUNTIME",
            on_loopback(local_bedrock::router(model), back).await?,
        );
    }
    endpoints.set("SQS", sqs(options, data, back).await?);
    let client = Sqs::new(&identity.config(endpoints.clone()));
    let queue_urls = create_queues(&client, &template.queues()?).await?;
    for (logical_id, url) in &queue_urls {
        template.refer(logical_id, url);
    }
    let url = bucket(options, data, back, &mut template, &identity, client, &queue_urls).await?;
    endpoints.set("S3", url);
    let table = table(options, data, &mut template, &identity, &mut endpoints).await?;
    let parameters = Parameters::open(&data.path("ssm").join("parameters.json")).during("SSM")?;
    endpoints.set("SSM", on_loopback(ssm(parameters), back).await?);
    let mailbox = Mailbox::open(&data.path("mail").join("mailbox.jsonl")).during("the mailbox")?;
    endpoints.set("SESV2", on_loopback(ses(mailbox.clone()), back).await?);
    endpoints.set("OPENSEARCH", opensearch(options, data, back).await?);
    template.set("OpenSearchUrl", endpoints.get("OPENSEARCH").unwrap_or_default());
    for (name, value) in PARAMETERS {
        if template.declares(name) {
            template.set(name, value);
        }
    }
    template.set("PublicUrl", base_url);
    if options.allow_local_webhooks {
        template.set("AllowLocalWebhooks", "yes");
    }
    for (name, value) in models.parameters.into_iter().chain(options.parameters.clone()) {
        template.set(&name, value);
    }
    let mut functions = template.functions()?;
    for function in &mut functions {
        function.environment.extend(options.variables.clone());
    }
    let sdk = identity.config(endpoints.clone());
    Ok(Parts {
        template,
        functions,
        endpoints,
        identity,
        sdk,
        queue_urls,
        table,
        mailbox,
    })
}

async fn sqs(options: &Options, data: &Data, back: &mut Layer) -> Result<String, Error> {
    if let Some(url) = &options.sqs_url {
        return Ok(url.clone());
    }
    let sqs = local_sqs::open(&data.path("sqs").join("queues.sqlite"))
        .await
        .during("SQS")?;
    on_loopback(local_sqs::router(sqs), back).await
}

async fn opensearch(options: &Options, data: &Data, back: &mut Layer) -> Result<String, Error> {
    if let Some(url) = &options.opensearch_url {
        return Ok(url.clone());
    }
    let node = local_opensearch::open(&data.path("opensearch"))
        .await
        .during("OpenSearch")?;
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
        let mut endpoints = Endpoints::default();
        endpoints.set("S3", url);
        ensure_bucket(&identity.config(endpoints), &options.name).await?;
        return Ok(url.clone());
    }
    let notifications = bucket.notifications.iter().filter_map(|(prefix, arn)| {
        let queue_url = queue_urls.get(&template.queue_of(arn))?.clone();
        Some(Notification {
            prefix: prefix.clone(),
            queue_url,
        })
    });
    let router = s3(
        &data.path("s3"),
        &options.name,
        identity.keys(),
        sqs,
        notifications.collect(),
    )?;
    on_loopback(router, back).await
}

async fn table(
    options: &Options,
    data: &Data,
    template: &mut Template,
    identity: &Identity,
    endpoints: &mut Endpoints,
) -> Result<Table, Error> {
    let (logical_id, table, ttl) = template.table()?;
    template.refer(&logical_id, &options.name);
    if let Some(url) = &options.dynamodb_url {
        endpoints.set("DYNAMODB", url);
        endpoints.set("DYNAMODB_STREAMS", url);
        let client = DynamoDbClient::new(&identity.config(endpoints.clone()));
        return Ok(Table::Remote(ensure_table(&client, &options.name, &table, ttl).await?));
    }
    let path = data.path("dynamodb").join("tables.sqlite");
    let (dynamodb, journal) = DynamoDb::start(&path, &options.name, table, ttl).await?;
    endpoints.set("DYNAMODB", &dynamodb.url);
    endpoints.set("DYNAMODB_STREAMS", &dynamodb.url);
    Ok(Table::Embedded(dynamodb, journal))
}

impl Parts {
    /// The engine with the variables of all functions.
    ///
    /// # Errors
    /// When a variable is missing.
    pub fn app(&self) -> Result<App, Error> {
        let all = self.functions.iter().flat_map(|function| function.environment.clone());
        App::new(&all.collect(), &self.sdk).map_err(|why| Error::part("the engine", why.to_string()))
    }
}

//! Creating, finding, describing, changing and removing queues.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Call, Empty};
use crate::fault::Fault;
use crate::queue::{self, Queue};
use crate::{ACCOUNT, settings, transit};

/// Attributes that are counted or fixed, beside those that can be set.
const DERIVED: [&str; 6] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Create {
    queue_name: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ByName {
    queue_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ByUrl {
    queue_url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Describe {
    queue_url: String,
    #[serde(default)]
    attribute_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Change {
    queue_url: String,
    attributes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct List {
    #[serde(default)]
    queue_name_prefix: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Url {
    queue_url: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Description {
    attributes: BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Urls {
    queue_urls: Vec<String>,
}

pub(crate) async fn create(call: Call, input: Create) -> Result<Url, Fault> {
    let queue_url = url_of(&call, &input.queue_name);
    let region = call.region;
    let work = move |db: &rusqlite::Transaction<'_>| Queue::create(db, &input.queue_name, &region, &input.attributes);
    call.sqs.0.store.call(work).await?;
    Ok(Url { queue_url })
}

pub(crate) async fn url(call: Call, input: ByName) -> Result<Url, Fault> {
    let queue = call
        .sqs
        .0
        .store
        .call(move |db| Queue::get(db, &input.queue_name))
        .await?;
    let queue_url = url_of(&call, &queue.name);
    Ok(Url { queue_url })
}

pub(crate) async fn attributes(call: Call, input: Describe) -> Result<Description, Fault> {
    let asked = input.attribute_names;
    let is_known = |name: &String| name == "All" || DERIVED.contains(&name.as_str()) || settings::known(name);
    if let Some(name) = asked.iter().find(|name| !is_known(name)) {
        return Err(settings::unknown(name));
    }
    let name = queue::name_in(&input.queue_url).to_owned();
    let mut attributes = call.sqs.0.store.call(move |db| describe(db, &name)).await?;
    if !asked.iter().any(|name| name == "All") {
        attributes.retain(|name, _| asked.contains(name));
    }
    Ok(Description { attributes })
}

fn describe(db: &rusqlite::Connection, name: &str) -> Result<BTreeMap<String, String>, Fault> {
    let queue = Queue::get(db, name)?;
    let counts = queue.counts(db)?;
    let derived = [
        counts.visible.to_string(),
        counts.delayed.to_string(),
        counts.in_flight.to_string(),
        queue.created.to_string(),
        queue.modified.to_string(),
        queue.arn(),
    ];
    let mut out = queue.settings.describe();
    out.extend(DERIVED.map(String::from).into_iter().zip(derived));
    Ok(out)
}

pub(crate) async fn change(call: Call, input: Change) -> Result<Empty, Fault> {
    let name = queue::name_in(&input.queue_url).to_owned();
    let queue = name.clone();
    let work = move |db: &rusqlite::Transaction<'_>| Queue::get(db, &queue)?.change(db, &input.attributes);
    call.sqs.0.store.call(work).await?;
    call.sqs.0.waiters.wake(&name);
    Ok(Empty {})
}

pub(crate) async fn list(call: Call, input: List) -> Result<Urls, Fault> {
    let work = move |db: &rusqlite::Transaction<'_>| queue::list(db, &input.queue_name_prefix);
    let names = call.sqs.0.store.call(work).await?;
    let queue_urls = names.iter().map(|name| url_of(&call, name)).collect();
    Ok(Urls { queue_urls })
}

pub(crate) async fn delete(call: Call, input: ByUrl) -> Result<Empty, Fault> {
    let name = queue::name_in(&input.queue_url).to_owned();
    let queue = name.clone();
    call.sqs
        .0
        .store
        .call(move |db| Queue::get(db, &queue)?.delete(db))
        .await?;
    call.sqs.0.waiters.wake(&name);
    Ok(Empty {})
}

pub(crate) async fn purge(call: Call, input: ByUrl) -> Result<Empty, Fault> {
    let name = queue::name_in(&input.queue_url).to_owned();
    let work = move |db: &rusqlite::Transaction<'_>| transit::purge(db, &Queue::get(db, &name)?);
    call.sqs.0.store.call(work).await?;
    Ok(Empty {})
}

fn url_of(call: &Call, name: &str) -> String {
    format!("{}/{ACCOUNT}/{name}", call.base)
}

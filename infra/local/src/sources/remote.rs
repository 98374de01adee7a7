//! The stream of a table that somebody else's DynamoDB holds: every shard followed in order.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodbstreams::error::DisplayErrorContext;
use aws_sdk_dynamodbstreams::types::{AttributeValue, Record as SdkRecord, ShardIteratorType};
use aws_sdk_dynamodbstreams::{Client, primitives::Blob};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;

use super::{Checkpoint, Filter, Follower, backoff};
use crate::error::Error;
use crate::server::{Stop, stopped};
use crate::services::Record;

/// How often a shard without news is asked again.
const ASK_EVERY: Duration = Duration::from_millis(200);
/// How often new shards are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// A remote stream.
#[derive(Clone)]
pub struct Remote {
    /// The service.
    pub streams: Client,
    /// The stream.
    pub arn: String,
    /// Where each shard's checkpoint is kept.
    pub checkpoints: PathBuf,
}

/// Follows all shards until `stop`.
///
/// # Errors
/// When the mapping's filter cannot be understood.
pub fn follow_remote(
    remote: Remote,
    follower: Follower,
    mut stop: Stop,
) -> Result<impl Future<Output = ()> + Send, Error> {
    let filter = Arc::new(follower.filter()?);
    let follower = Arc::new(follower);
    Ok(async move {
        let follow = async move {
            let (mut known, mut shards) = (HashSet::new(), JoinSet::new());
            loop {
                for shard in remote.shards().await {
                    if known.insert(shard.clone()) {
                        shards.spawn(Arc::clone(&follower).follow_shard(remote.clone(), shard, Arc::clone(&filter)));
                    }
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::select! {
            () = follow => {}
            () = stopped(&mut stop) => {}
        }
    })
}

impl Remote {
    async fn shards(&self) -> Vec<String> {
        match self.streams.describe_stream().stream_arn(&self.arn).send().await {
            Ok(described) => {
                let shards = described
                    .stream_description
                    .and_then(|stream| stream.shards)
                    .unwrap_or_default();
                shards.into_iter().filter_map(|shard| shard.shard_id).collect()
            }
            Err(why) => {
                tracing::warn!(why = %DisplayErrorContext(why), "the stream could not be described");
                Vec::new()
            }
        }
    }

    async fn iterator(&self, shard: &str, after: Option<&str>) -> Option<String> {
        let request = self.streams.get_shard_iterator().stream_arn(&self.arn).shard_id(shard);
        let request = match after {
            Some(after) => request
                .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
                .sequence_number(after),
            None => request.shard_iterator_type(ShardIteratorType::TrimHorizon),
        };
        request.send().await.ok()?.shard_iterator
    }
}

impl Follower {
    async fn follow_shard(self: Arc<Self>, remote: Remote, shard: String, filter: Arc<Filter>) {
        let mut checkpoint = Checkpoint::load(&remote.checkpoints.join(&shard));
        let mut failures = 0;
        let mut iterator = None;
        loop {
            if iterator.is_none() {
                iterator = remote.iterator(&shard, checkpoint.sequence()).await;
            }
            let request = remote.streams.get_records().set_shard_iterator(iterator.take());
            let read = match request.send().await {
                Ok(read) => read,
                Err(why) => {
                    failures += 1;
                    tracing::warn!(why = %DisplayErrorContext(why), shard, "the shard could not be read");
                    tokio::time::sleep(backoff::before(failures)).await;
                    continue;
                }
            };
            failures = 0;
            let records: Vec<Record> = read.records().iter().map(record).collect();
            let wanted: Vec<Record> = records
                .iter()
                .filter(|record| filter.accepts(&record.json))
                .cloned()
                .collect();
            for batch in wanted.chunks(self.source.batch_size.max(1)) {
                self.deliver(batch, &mut checkpoint).await;
            }
            if let Some(last) = records.last() {
                checkpoint.advance(&last.sequence);
            }
            let Some(next) = read.next_shard_iterator else { return };
            iterator = Some(next);
            if records.is_empty() {
                tokio::time::sleep(ASK_EVERY).await;
            }
        }
    }
}

/// A record as Lambda hands it over.
fn record(record: &SdkRecord) -> Record {
    let change = record.dynamodb();
    let sequence = change
        .and_then(|change| change.sequence_number())
        .unwrap_or_default()
        .to_owned();
    let mut json = json!({
        "eventID": record.event_id(),
        "eventName": record.event_name().map(|name| name.as_str()),
        "eventVersion": record.event_version(),
        "eventSource": record.event_source(),
        "awsRegion": record.aws_region(),
        "dynamodb": {
            "SequenceNumber": sequence,
            "SizeBytes": change.and_then(|change| change.size_bytes()).unwrap_or_default(),
            "StreamViewType": change.and_then(|change| change.stream_view_type()).map(|view| view.as_str()),
            "ApproximateCreationDateTime":
                change.and_then(|change| change.approximate_creation_date_time()).map_or(0, |time| time.secs()),
        },
    });
    if let Some(change) = change {
        for (name, item) in [
            ("Keys", change.keys()),
            ("NewImage", change.new_image()),
            ("OldImage", change.old_image()),
        ] {
            if let Some(item) = item {
                json["dynamodb"][name] = fields(item.iter());
            }
        }
    }
    Record { sequence, json }
}

fn fields<'a>(item: impl Iterator<Item = (&'a String, &'a AttributeValue)>) -> Value {
    Value::Object(
        item.map(|(name, value)| (name.clone(), attribute(value)))
            .collect::<Map<_, _>>(),
    )
}

fn attribute(value: &AttributeValue) -> Value {
    let encoded = |blob: &Blob| STANDARD.encode(blob.as_ref());
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::Bool(it) => json!({ "BOOL": it }),
        AttributeValue::B(blob) => json!({ "B": encoded(blob) }),
        AttributeValue::Ss(texts) => json!({ "SS": texts }),
        AttributeValue::Ns(numbers) => json!({ "NS": numbers }),
        AttributeValue::Bs(blobs) => json!({ "BS": blobs.iter().map(encoded).collect::<Vec<_>>() }),
        AttributeValue::L(items) => json!({ "L": items.iter().map(attribute).collect::<Vec<_>>() }),
        AttributeValue::M(item) => json!({ "M": fields(item.iter()) }),
        _ => json!({ "NULL": true }),
    }
}

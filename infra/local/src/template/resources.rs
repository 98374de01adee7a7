//! The table, the queues and the bucket, in the terms of the services that hold them.

use std::collections::HashMap;

use serde_json::Value;

use super::{Template, resolve::plain};
use crate::error::Error;

/// A queue with its attributes.
#[derive(Debug)]
pub struct Queue {
    /// Its logical id.
    pub logical_id: String,
    /// Its name: the stack's and the logical id.
    pub name: String,
    /// SQS attributes by name; a redrive policy is JSON text.
    pub attributes: HashMap<String, String>,
    /// Whether other queues send their dead letters to it.
    pub holds_dead_letters: bool,
}

/// A bucket and where word of new objects goes.
#[derive(Debug)]
pub struct Bucket {
    /// Its logical id.
    pub logical_id: String,
    /// Per notification: the keys' prefix and the queue's ARN.
    pub notifications: Vec<(String, String)>,
}

/// The attributes that the local queues understand.
const QUEUE_ATTRIBUTES: [&str; 4] = [
    "VisibilityTimeout",
    "MessageRetentionPeriod",
    "DelaySeconds",
    "RedrivePolicy",
];

impl Template {
    /// All queues, those that hold dead letters first: others refer to them.
    ///
    /// # Errors
    /// When an attribute cannot be resolved.
    pub fn queues(&self) -> Result<Vec<Queue>, Error> {
        let mut queues = Vec::new();
        let mut targets = Vec::new();
        for (id, properties) in self.of_type("AWS::SQS::Queue") {
            let properties = self.resolve(properties)?;
            let known = QUEUE_ATTRIBUTES
                .iter()
                .filter_map(|name| Some(((*name).to_owned(), properties.get(*name)?)));
            let attributes = known.map(|(name, value)| (name, plain(value))).collect();
            targets.extend(
                properties["RedrivePolicy"]["deadLetterTargetArn"]
                    .as_str()
                    .map(|arn| self.queue_of(arn)),
            );
            queues.push(Queue {
                logical_id: id.to_owned(),
                name: self.queue_name(id),
                attributes,
                holds_dead_letters: false,
            });
        }
        for queue in &mut queues {
            queue.holds_dead_letters = targets.contains(&queue.logical_id);
        }
        queues.sort_by_key(|queue| !queue.holds_dead_letters);
        Ok(queues)
    }

    /// The table's logical id and the body of a `CreateTable` request, still without a name, and its TTL attribute.
    ///
    /// # Errors
    /// When there is no table.
    pub fn table(&self) -> Result<(String, Value, Option<String>), Error> {
        let found = self.of_type("AWS::DynamoDB::Table").into_iter().next();
        let (id, properties) = found.ok_or_else(|| Error::Template("there is no table".to_owned()))?;
        let mut table = self.resolve(properties)?;
        let ttl = table["TimeToLiveSpecification"]["AttributeName"]
            .as_str()
            .map(str::to_owned);
        if let Some(object) = table.as_object_mut() {
            // What CloudFormation says beside `CreateTable`, or what means nothing on a laptop.
            object.retain(|key, _| {
                matches!(
                    key.as_str(),
                    "BillingMode"
                        | "AttributeDefinitions"
                        | "KeySchema"
                        | "GlobalSecondaryIndexes"
                        | "StreamSpecification"
                )
            });
            if let Some(stream) = object.get_mut("StreamSpecification") {
                stream["StreamEnabled"] = Value::Bool(true);
            }
        }
        Ok((id.to_owned(), table, ttl))
    }

    /// The bucket.
    ///
    /// # Errors
    /// When there is none.
    pub fn bucket(&self) -> Result<Bucket, Error> {
        let found = self.of_type("AWS::S3::Bucket").into_iter().next();
        let (id, properties) = found.ok_or_else(|| Error::Template("there is no bucket".to_owned()))?;
        let listed = self.resolve(&properties["NotificationConfiguration"]["QueueConfigurations"])?;
        let notifications = listed.as_array().into_iter().flatten().map(|each| {
            let rules = each["Filter"]["S3Key"]["Rules"].as_array();
            let prefix = rules.into_iter().flatten().find(|rule| rule["Name"] == "prefix");
            let prefix = prefix.and_then(|rule| rule["Value"].as_str()).unwrap_or_default();
            (prefix.to_owned(), each["Queue"].as_str().unwrap_or_default().to_owned())
        });
        Ok(Bucket {
            logical_id: id.to_owned(),
            notifications: notifications.collect(),
        })
    }

    /// The logical id of the queue with this ARN.
    #[must_use]
    pub fn queue_of(&self, arn: &str) -> String {
        let name = arn.rsplit(':').next().unwrap_or(arn);
        name.strip_prefix(&self.stack)
            .and_then(|rest| rest.strip_prefix('-'))
            .unwrap_or(name)
            .to_owned()
    }

    pub(super) fn queue_name(&self, logical_id: &str) -> String {
        format!("{}-{logical_id}", self.stack)
    }
}

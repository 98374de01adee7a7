//! SQS messages as functions see them.

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use serde_json::{Value, json};

use crate::template::REGION;

/// A message's id.
pub fn id(message: &Message) -> &str {
    message.message_id().unwrap_or_default()
}

/// How often it was received, this time included.
pub fn receive_count(message: &Message) -> u32 {
    let attributes = message.attributes();
    let count = attributes.and_then(|all| all.get(&MessageSystemAttributeName::ApproximateReceiveCount));
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}

/// A message as Lambda hands it over.
pub fn record(message: &Message, arn: &str) -> Value {
    let attributes = message
        .attributes()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str().to_owned(), json!(value)));
    let typed = message.message_attributes().into_iter().flatten().map(|(name, value)| {
        let value = json!({ "dataType": value.data_type(), "stringValue": value.string_value() });
        (name.clone(), value)
    });
    json!({
        "messageId": id(message),
        "receiptHandle": message.receipt_handle(),
        "body": message.body(),
        "md5OfBody": message.md5_of_body(),
        "attributes": attributes.collect::<serde_json::Map<_, _>>(),
        "messageAttributes": typed.collect::<serde_json::Map<_, _>>(),
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": REGION,
    })
}

//! The template's queues, made in whatever SQS there is.

use std::collections::HashMap;

use aws_sdk_sqs::{Client, types::QueueAttributeName};

use crate::error::Error;
use crate::template::Queue;

/// Makes the queues and returns their URLs by logical id.
///
/// # Errors
/// Names the queue that could not be made.
pub async fn create_queues(sqs: &Client, queues: &[Queue]) -> Result<HashMap<String, String>, Error> {
    let mut urls = HashMap::new();
    for queue in queues {
        let part = format!("queue {}", queue.name);
        let attributes = queue
            .attributes
            .iter()
            .map(|(name, value)| (QueueAttributeName::from(name.as_str()), value.clone()));
        let made = sqs
            .create_queue()
            .queue_name(&queue.name)
            .set_attributes(Some(attributes.collect()))
            .send()
            .await;
        let made = made.map_err(|why| Error::part(&part, aws_sdk_sqs::error::DisplayErrorContext(why).to_string()))?;
        let url = made.queue_url.ok_or_else(|| Error::part(&part, "it has no URL"))?;
        urls.insert(queue.logical_id.clone(), url);
    }
    Ok(urls)
}

//! `ReceiveMessage`, with long polling.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::Call;
use crate::attributes::{self, Attribute};
use crate::fault::{Fault, within};
use crate::queue::{self, Queue};
use crate::settings::{LONGEST_TIMEOUT, LONGEST_WAIT};
use crate::transit::{self, Delivery, Taken};
use crate::{ACCOUNT, clock, digest};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Receive {
    queue_url: String,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    /// The older name of the next one.
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Received {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<Message>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    message_id: String,
    receipt_handle: String,
    body: String,
    #[serde(rename = "MD5OfBody")]
    body_md5: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    message_attributes: BTreeMap<String, Attribute>,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    attributes_md5: Option<String>,
}

pub(crate) async fn receive(call: Call, input: Receive) -> Result<Received, Fault> {
    let most = within("MaxNumberOfMessages", input.max_number_of_messages.unwrap_or(1), 1..=10)?;
    if let Some(timeout) = input.visibility_timeout {
        within("VisibilityTimeout", timeout, 0..=LONGEST_TIMEOUT)?;
    }
    if let Some(wait) = input.wait_time_seconds {
        within("WaitTimeSeconds", wait, 0..=LONGEST_WAIT)?;
    }
    let started = Instant::now();
    let name = queue::name_in(&input.queue_url);
    let sqs = &call.sqs.0;
    loop {
        let change = sqs.waiters.next_change(name);
        // From here on a change is noticed, also one that comes while we look.
        let changed = pin!(change.notified());
        let (wait, taken) = look(&call, name.to_owned(), most, input.visibility_timeout).await?;
        if let Some(dead_letters) = &taken.gave_up_to {
            sqs.waiters.wake(dead_letters);
        }
        let deadline = started + seconds(input.wait_time_seconds.unwrap_or(wait));
        if !taken.deliveries.is_empty() || Instant::now() >= deadline {
            let messages = taken.deliveries.into_iter().map(|delivery| input.show(delivery));
            return Ok(Received {
                messages: messages.collect(),
            });
        }
        tokio::select! {
            () = changed => {}
            () = tokio::time::sleep_until(deadline.min(next_look(&taken, deadline))) => {}
        }
    }
}

/// One look into the queue; gives its own wait time along, in seconds.
async fn look(call: &Call, name: String, most: i64, timeout: Option<i64>) -> Result<(i64, Taken), Fault> {
    let work = move |db: &rusqlite::Transaction<'_>| {
        let queue = Queue::get(db, &name)?;
        let timeout = timeout.unwrap_or(queue.settings.visibility_timeout);
        Ok((queue.settings.wait, transit::receive(db, &queue, most, timeout)?))
    };
    call.sqs.0.store.call(work).await
}

/// When a message that is hidden now becomes visible by itself.
fn next_look(taken: &Taken, deadline: Instant) -> Instant {
    let Some(next) = taken.next else {
        return deadline;
    };
    let left = u64::try_from(next - clock::now()).unwrap_or_default();
    Instant::now() + Duration::from_millis(left)
}

fn seconds(number: i64) -> Duration {
    Duration::from_secs(u64::try_from(number).unwrap_or_default())
}

impl Receive {
    fn show(&self, delivery: Delivery) -> Message {
        let asked = self.attribute_names.iter().chain(&self.message_system_attribute_names);
        let all = asked.clone().any(|name| name == "All");
        let mut system = system_attributes(&delivery);
        system.retain(|name, _| all || asked.clone().any(|wanted| wanted == name));
        let message_attributes = attributes::select(delivery.attributes, &self.message_attribute_names);
        Message {
            message_id: delivery.message_id,
            receipt_handle: delivery.receipt.to_string(),
            body_md5: digest::of_body(&delivery.body),
            body: delivery.body,
            attributes: system,
            attributes_md5: digest::of_attributes(&message_attributes),
            message_attributes,
        }
    }
}

fn system_attributes(delivery: &Delivery) -> BTreeMap<&'static str, String> {
    let always = [
        ("ApproximateFirstReceiveTimestamp", delivery.first_received.to_string()),
        ("ApproximateReceiveCount", delivery.receives.to_string()),
        ("SenderId", ACCOUNT.to_owned()),
        ("SentTimestamp", delivery.sent.to_string()),
    ];
    let sometimes = [
        ("DeadLetterQueueSourceArn", delivery.came_from.clone()),
        ("MessageGroupId", delivery.group_id.clone()),
    ];
    let sometimes = sometimes.into_iter().filter_map(|(name, value)| Some((name, value?)));
    always.into_iter().chain(sometimes).collect()
}

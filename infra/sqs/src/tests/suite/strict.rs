//! What the AWS documentation says and other servers (ElasticMQ 1.7 among them) do differently.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    Message, MessageAttributeValue as Value, QueueAttributeName as Name, SendMessageBatchRequestEntry as Send,
};

use super::{remove, unique};
use crate::tests::server::{attribute, bodies, create, receive, refused, send};

const INVALID: &str = "InvalidParameterValue";
/// The most that a message may weigh, in bytes.
const LARGEST: usize = 1_048_576;

async fn delete(client: &Client, url: &str, message: &Message) {
    let request = client.delete_message().queue_url(url);
    let request = request.set_receipt_handle(message.receipt_handle.clone());
    request.send().await.unwrap();
}

pub(super) async fn deleting_again_succeeds(client: &Client) {
    let url = create(client, &unique("again"), &[]).await;
    send(client, &url, "x").await;
    let message = receive(client, &url, 5).await.remove(0);
    delete(client, &url, &message).await;
    delete(client, &url, &message).await;
    let change = client.change_message_visibility().queue_url(&url);
    let change = change.set_receipt_handle(message.receipt_handle);
    refused(INVALID, change.visibility_timeout(5).send()).await;
    remove(client, &url).await;
}

pub(super) async fn an_earlier_handle_deletes_nothing(client: &Client) {
    let url = create(client, &unique("stale"), &[(Name::VisibilityTimeout, "0")]).await;
    send(client, &url, "x").await;
    let first = receive(client, &url, 5).await.remove(0);
    let second = receive(client, &url, 5).await.remove(0);
    assert_ne!(first.receipt_handle(), second.receipt_handle());
    delete(client, &url, &first).await;
    let left = || attribute(client, &url, Name::ApproximateNumberOfMessages);
    assert_eq!(left().await, "1");
    delete(client, &url, &second).await;
    assert_eq!(left().await, "0");
    remove(client, &url).await;
}

pub(super) async fn a_message_out_of_flight_keeps_its_visibility(client: &Client) {
    let url = create(client, &unique("landed"), &[(Name::VisibilityTimeout, "0")]).await;
    send(client, &url, "x").await;
    let message = receive(client, &url, 5).await.remove(0);
    let change = client.change_message_visibility().queue_url(&url);
    let change = change.set_receipt_handle(message.receipt_handle);
    refused("MessageNotInflight", change.visibility_timeout(60).send()).await;
    assert_eq!(receive(client, &url, 0).await.len(), 1);
    remove(client, &url).await;
}

pub(super) async fn attributes_can_be_asked_for_by_prefix(client: &Client) {
    let url = create(client, &unique("prefix"), &[]).await;
    let value = Value::builder().data_type("String").string_value("x");
    let value = value.build().unwrap();
    let request = client.send_message().queue_url(&url).message_body("x");
    let request = request.message_attributes("trace.id", value.clone());
    let request = request.message_attributes("trace.parent", value.clone());
    let sent = request.message_attributes("other", value).send();
    sent.await.unwrap();
    let request = client.receive_message().queue_url(&url);
    let request = request.message_attribute_names("trace.*").wait_time_seconds(5);
    let message = request.send().await.unwrap().messages.unwrap().remove(0);
    assert_eq!(message.message_attributes().unwrap().len(), 2);
    remove(client, &url).await;
}

pub(super) async fn a_batch_entry_needs_a_proper_id(client: &Client) {
    let url = create(client, &unique("ids"), &[]).await;
    let entry = Send::builder().id("a b").message_body("x").build().unwrap();
    let send = client.send_message_batch().queue_url(&url).entries(entry);
    refused("InvalidBatchEntryId", send.send()).await;
    remove(client, &url).await;
}

pub(super) async fn a_message_over_the_limits_is_refused(client: &Client) {
    let url = create(client, &unique("limits"), &[]).await;
    let send_body = |body: String| client.send_message().queue_url(&url).message_body(body);
    refused(INVALID, send_body("x".repeat(LARGEST + 1)).send()).await;
    refused("InvalidMessageContents", send_body("\u{1}".into()).send()).await;
    let largest = "x".repeat(LARGEST);
    send(client, &url, &largest).await;
    assert_eq!(bodies(&receive(client, &url, 5).await), [largest]);
    remove(client, &url).await;
}

pub(super) async fn a_batch_weighs_no_more_than_one_message(client: &Client) {
    let url = create(client, &unique("heavy"), &[]).await;
    let half = "x".repeat(600_000);
    let entry = |id: &str| Send::builder().id(id).message_body(&half).build().unwrap();
    let send = client.send_message_batch().queue_url(&url);
    let send = send.entries(entry("a")).entries(entry("b"));
    refused("BatchRequestTooLong", send.send()).await;
    remove(client, &url).await;
}

pub(super) async fn a_delay_has_a_limit(client: &Client) {
    let url = create(client, &unique("late"), &[]).await;
    let send = client.send_message().queue_url(&url).message_body("x");
    refused(INVALID, send.delay_seconds(901).send()).await;
    remove(client, &url).await;
}

pub(super) async fn a_queue_tells_its_defaults(client: &Client) {
    let url = create(client, &unique("defaults"), &[]).await;
    let value = |name| attribute(client, &url, name);
    assert_eq!(value(Name::VisibilityTimeout).await, "30");
    assert_eq!(value(Name::DelaySeconds).await, "0");
    assert_eq!(value(Name::MessageRetentionPeriod).await, "345600");
    assert_eq!(value(Name::ReceiveMessageWaitTimeSeconds).await, "0");
    assert_eq!(value(Name::MaximumMessageSize).await, "1048576");
    remove(client, &url).await;
}

pub(super) async fn empty_requests_are_refused(client: &Client) {
    let url = create(client, &unique("empty"), &[]).await;
    let send = client.send_message_batch().queue_url(&url);
    refused("EmptyBatchRequest", send.set_entries(Some(vec![])).send()).await;
    let delete = client.delete_message_batch().queue_url(&url);
    refused("EmptyBatchRequest", delete.set_entries(Some(vec![])).send()).await;
    let send = client.send_message().queue_url(&url).message_body("");
    refused("MissingParameter", send.send()).await;
    remove(client, &url).await;
}

pub(super) async fn receives_outside_their_range_are_refused(client: &Client) {
    let url = create(client, &unique("range"), &[]).await;
    let receive = || client.receive_message().queue_url(&url);
    refused(INVALID, receive().max_number_of_messages(11).send()).await;
    refused(INVALID, receive().max_number_of_messages(0).send()).await;
    refused(INVALID, receive().wait_time_seconds(21).send()).await;
    refused(INVALID, receive().visibility_timeout(43_201).send()).await;
    remove(client, &url).await;
}

pub(super) async fn a_queue_needs_a_proper_name(client: &Client) {
    refused(INVALID, client.create_queue().queue_name("not a name").send()).await;
    let long = "x".repeat(81);
    refused(INVALID, client.create_queue().queue_name(long).send()).await;
}

pub(super) async fn a_redrive_policy_needs_a_queue_that_exists(client: &Client) {
    let url = create(client, &unique("dangling"), &[]).await;
    let nowhere = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:nowhere","maxReceiveCount":3}"#;
    let change = client.set_queue_attributes().queue_url(&url);
    refused(INVALID, change.attributes(Name::RedrivePolicy, nowhere).send()).await;
    remove(client, &url).await;
}

pub(super) async fn errors_arrive_typed(client: &Client) {
    let name = unique("typed");
    let url = create(client, &name, &[]).await;
    let other = client.create_queue().queue_name(&name);
    let other = other.attributes(Name::VisibilityTimeout, "1").send().await;
    assert!(other.unwrap_err().into_service_error().is_queue_name_exists());
    let delete = client
        .delete_message()
        .queue_url(&url)
        .receipt_handle("none")
        .send()
        .await;
    assert!(delete.unwrap_err().into_service_error().is_receipt_handle_is_invalid());
    let empty = client
        .send_message_batch()
        .queue_url(&url)
        .set_entries(Some(vec![]))
        .send()
        .await;
    assert!(empty.unwrap_err().into_service_error().is_empty_batch_request());
    remove(client, &url).await;
    let gone = client.get_queue_url().queue_name(&name).send().await;
    assert!(gone.unwrap_err().into_service_error().is_queue_does_not_exist());
}

//! Queues themselves.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName as Name;

use super::{remove, unique};
use crate::tests::server::{attribute, create, receive, refused, send};

pub(super) async fn a_queue_is_created_once_described_changed_and_deleted(client: &Client) {
    let name = unique("queue");
    let attributes = [
        (Name::VisibilityTimeout, "45"),
        (Name::ReceiveMessageWaitTimeSeconds, "3"),
    ];
    let url = create(client, &name, &attributes).await;
    assert!(url.ends_with(&format!("/{name}")), "{url}");
    assert_eq!(create(client, &name, &attributes).await, url);
    assert_eq!(create(client, &name, &attributes[..1]).await, url);
    let other = client
        .create_queue()
        .queue_name(&name)
        .attributes(Name::VisibilityTimeout, "46");
    refused("QueueNameExists", other.send()).await;

    let found = client.get_queue_url().queue_name(&name).send().await.unwrap();
    assert_eq!(found.queue_url(), Some(url.as_str()));
    let listed = client.list_queues().queue_name_prefix(&name).send().await.unwrap();
    assert_eq!(listed.queue_urls(), std::slice::from_ref(&url));

    assert_eq!(attribute(client, &url, Name::VisibilityTimeout).await, "45");
    assert_eq!(attribute(client, &url, Name::ReceiveMessageWaitTimeSeconds).await, "3");
    assert_eq!(attribute(client, &url, Name::DelaySeconds).await, "0");
    let arn = attribute(client, &url, Name::QueueArn).await;
    assert!(
        arn.starts_with("arn:aws:sqs:us-east-1:") && arn.ends_with(&name),
        "{arn}"
    );

    let change = client
        .set_queue_attributes()
        .queue_url(&url)
        .attributes(Name::VisibilityTimeout, "50");
    change.send().await.unwrap();
    let few = client
        .get_queue_attributes()
        .queue_url(&url)
        .attribute_names(Name::VisibilityTimeout);
    let few = few.send().await.unwrap().attributes.unwrap();
    assert_eq!(few.len(), 1);
    assert_eq!(few.get(&Name::VisibilityTimeout).unwrap(), "50");

    remove(client, &url).await;
    refused("QueueDoesNotExist", client.get_queue_url().queue_name(&name).send()).await;
}

pub(super) async fn a_purged_queue_is_empty(client: &Client) {
    let url = create(client, &unique("purge"), &[]).await;
    send(client, &url, "one").await;
    send(client, &url, "two").await;
    assert_eq!(attribute(client, &url, Name::ApproximateNumberOfMessages).await, "2");
    client.purge_queue().queue_url(&url).send().await.unwrap();
    assert_eq!(attribute(client, &url, Name::ApproximateNumberOfMessages).await, "0");
    assert!(receive(client, &url, 0).await.is_empty());
    remove(client, &url).await;
}

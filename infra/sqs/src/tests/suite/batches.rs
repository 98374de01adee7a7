//! Batches: their limits, and entries that fail on their own.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry as Change, DeleteMessageBatchRequestEntry as Delete, Message,
    QueueAttributeName as Name, SendMessageBatchRequestEntry as Send,
};

use super::{remove, unique};
use crate::tests::server::{attribute, bodies, create, receive, refused};

fn entry(id: impl Into<String>, body: impl Into<String>) -> Send {
    Send::builder().id(id).message_body(body).build().unwrap()
}

async fn refuse(client: &Client, url: &str, name: &str, entries: Vec<Send>) {
    let request = client.send_message_batch().queue_url(url);
    refused(name, request.set_entries(Some(entries)).send()).await;
}

/// Sends messages in one batch.
async fn fill(client: &Client, url: &str, count: usize) {
    let entries = (0..count).map(|n| entry(format!("e{n}"), format!("body {n}")));
    let request = client.send_message_batch().queue_url(url);
    let sent = request.set_entries(Some(entries.collect())).send().await.unwrap();
    assert_eq!((sent.successful().len(), sent.failed().len()), (count, 0));
    // `md5sum` of the first body.
    assert_eq!(
        sent.successful()[0].md5_of_message_body(),
        "2c2f1edb5aac06c6c201d1fe8916de7d"
    );
}

/// Receives until there are as many messages.
async fn take(client: &Client, url: &str, count: usize) -> Vec<Message> {
    let mut received = Vec::new();
    while received.len() < count {
        received.extend(receive(client, url, 5).await);
    }
    received
}

pub(super) async fn a_batch_is_sent_received_and_deleted(client: &Client) {
    let url = create(client, &unique("batch"), &[]).await;
    fill(client, &url, 10).await;
    let received = take(client, &url, 10).await;
    let mut all = bodies(&received);
    all.sort_unstable();
    assert_eq!(all, (0..10).map(|n| format!("body {n}")).collect::<Vec<_>>());

    let deletes = received.iter().enumerate().map(|(n, message)| {
        let delete = Delete::builder().id(n.to_string());
        delete
            .receipt_handle(message.receipt_handle().unwrap())
            .build()
            .unwrap()
    });
    let delete = client.delete_message_batch().queue_url(&url);
    let deleted = delete.set_entries(Some(deletes.collect())).send().await.unwrap();
    assert_eq!(deleted.successful().len(), 10);
    let left = attribute(client, &url, Name::ApproximateNumberOfMessagesNotVisible).await;
    assert_eq!(left, "0");
    remove(client, &url).await;
}

pub(super) async fn a_batch_of_timeouts_is_ended(client: &Client) {
    let url = create(client, &unique("timeouts"), &[]).await;
    fill(client, &url, 2).await;
    let received = take(client, &url, 2).await;
    let changes = received.iter().enumerate().map(|(n, message)| {
        let change = Change::builder().id(n.to_string()).visibility_timeout(0);
        change
            .receipt_handle(message.receipt_handle().unwrap())
            .build()
            .unwrap()
    });
    let change = client.change_message_visibility_batch().queue_url(&url);
    let changed = change.set_entries(Some(changes.collect())).send().await.unwrap();
    assert_eq!(changed.successful().len(), 2);
    let visible = attribute(client, &url, Name::ApproximateNumberOfMessages).await;
    assert_eq!(visible, "2");
    remove(client, &url).await;
}

pub(super) async fn one_bad_entry_does_not_harm_the_others(client: &Client) {
    let url = create(client, &unique("partial"), &[]).await;
    let late = Send::builder()
        .id("late")
        .message_body("x")
        .delay_seconds(901)
        .build()
        .unwrap();
    let sent = client
        .send_message_batch()
        .queue_url(&url)
        .entries(entry("good", "y"))
        .entries(late);
    let sent = sent.send().await.unwrap();
    assert_eq!(sent.successful()[0].id(), "good");
    assert_eq!(sent.failed()[0].id(), "late");
    assert_eq!(sent.failed()[0].code(), "InvalidParameterValue");
    assert!(sent.failed()[0].sender_fault());

    let message = receive(client, &url, 5).await.remove(0);
    let good = Delete::builder()
        .id("good")
        .receipt_handle(message.receipt_handle().unwrap())
        .build()
        .unwrap();
    let bad = Delete::builder().id("bad").receipt_handle("no handle").build().unwrap();
    let deleted = client
        .delete_message_batch()
        .queue_url(&url)
        .entries(good)
        .entries(bad)
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.successful()[0].id(), "good");
    assert_eq!(deleted.failed()[0].id(), "bad");
    assert_eq!(deleted.failed()[0].code(), "ReceiptHandleIsInvalid");
    remove(client, &url).await;
}

pub(super) async fn a_malformed_batch_is_refused_as_a_whole(client: &Client) {
    let url = create(client, &unique("malformed"), &[]).await;
    let eleven = (0..11).map(|n| entry(n.to_string(), "x")).collect();
    refuse(client, &url, "TooManyEntriesInBatchRequest", eleven).await;
    let twins = vec![entry("a", "x"), entry("a", "y")];
    refuse(client, &url, "BatchEntryIdsNotDistinct", twins).await;
    let left = attribute(client, &url, Name::ApproximateNumberOfMessages).await;
    assert_eq!(left, "0");
    remove(client, &url).await;
}

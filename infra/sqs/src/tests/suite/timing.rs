//! What happens by itself: timeouts, delays, long polls, giving up.

use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{MessageSystemAttributeName as System, QueueAttributeName as Name};

use super::{remove, unique};
use crate::tests::server::{attribute, bodies, create, receive, send};

pub(super) async fn a_received_message_is_hidden_for_its_timeout(client: &Client) {
    let url = create(client, &unique("hidden"), &[(Name::VisibilityTimeout, "2")]).await;
    send(client, &url, "x").await;
    let start = Instant::now();
    assert_eq!(receive(client, &url, 5).await.len(), 1);
    assert!(receive(client, &url, 0).await.is_empty());
    let again = receive(client, &url, 10).await;
    assert_eq!(bodies(&again), ["x"]);
    assert_eq!(again[0].attributes().unwrap()[&System::ApproximateReceiveCount], "2");
    let took = start.elapsed();
    assert!(
        took >= Duration::from_millis(1_900) && took < Duration::from_secs(6),
        "{took:?}"
    );
    remove(client, &url).await;
}

pub(super) async fn a_timeout_can_be_prolonged(client: &Client) {
    let settings = [(Name::VisibilityTimeout, "1")];
    let url = create(client, &unique("prolonged"), &settings).await;
    send(client, &url, "x").await;
    let message = receive(client, &url, 5).await.remove(0);
    let change = client.change_message_visibility().queue_url(&url);
    let change = change.set_receipt_handle(message.receipt_handle);
    change.visibility_timeout(600).send().await.unwrap();
    // Longer than the timeout that it had first.
    assert!(receive(client, &url, 2).await.is_empty());
    remove(client, &url).await;
}

pub(super) async fn a_timeout_can_be_ended(client: &Client) {
    let url = create(client, &unique("ended"), &[]).await;
    send(client, &url, "x").await;
    let message = receive(client, &url, 5).await.remove(0);
    let change = client.change_message_visibility().queue_url(&url);
    let change = change.set_receipt_handle(message.receipt_handle);
    change.visibility_timeout(0).send().await.unwrap();
    assert_eq!(receive(client, &url, 5).await.len(), 1);
    remove(client, &url).await;
}

pub(super) async fn a_delayed_message_comes_later(client: &Client) {
    let url = create(client, &unique("delay"), &[(Name::DelaySeconds, "600")]).await;
    send(client, &url, "by the queue").await;
    let start = Instant::now();
    client
        .send_message()
        .queue_url(&url)
        .message_body("by the message")
        .delay_seconds(2)
        .send()
        .await
        .unwrap();
    assert_eq!(
        attribute(client, &url, Name::ApproximateNumberOfMessagesDelayed).await,
        "2"
    );
    client
        .send_message()
        .queue_url(&url)
        .message_body("at once")
        .delay_seconds(0)
        .send()
        .await
        .unwrap();
    assert_eq!(bodies(&receive(client, &url, 5).await), ["at once"]);
    assert_eq!(bodies(&receive(client, &url, 10).await), ["by the message"]);
    let took = start.elapsed();
    assert!(
        took >= Duration::from_millis(1_900) && took < Duration::from_secs(6),
        "{took:?}"
    );
    remove(client, &url).await;
}

pub(super) async fn a_long_poll_ends_with_the_first_message(client: &Client) {
    let url = create(client, &unique("poll"), &[]).await;
    let start = Instant::now();
    let (received, ()) = futures::join!(receive(client, &url, 20), send(client, &url, "x"));
    assert_eq!(bodies(&received), ["x"]);
    assert!(start.elapsed() < Duration::from_secs(5));

    let start = Instant::now();
    assert!(receive(client, &url, 1).await.is_empty());
    let took = start.elapsed();
    assert!(
        took >= Duration::from_millis(900) && took < Duration::from_secs(4),
        "{took:?}"
    );
    remove(client, &url).await;
}

pub(super) async fn a_message_received_too_often_goes_to_the_dead_letter_queue(client: &Client) {
    let dead_letters = create(client, &unique("dead"), &[]).await;
    let arn = attribute(client, &dead_letters, Name::QueueArn).await;
    let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"3"}}"#);
    let settings = [(Name::VisibilityTimeout, "0"), (Name::RedrivePolicy, policy.as_str())];
    let url = create(client, &unique("redrive"), &settings).await;
    send(client, &url, "poison").await;
    let start = Instant::now();
    let mut id = None;
    for count in ["1", "2", "3"] {
        let message = receive(client, &url, 5).await.remove(0);
        assert_eq!(message.attributes().unwrap()[&System::ApproximateReceiveCount], count);
        id = message.message_id;
    }
    assert!(receive(client, &url, 0).await.is_empty());
    let given_up = receive(client, &dead_letters, 10).await;
    assert_eq!(bodies(&given_up), ["poison"]);
    assert_eq!(given_up[0].message_id, id);
    // The counts of a real queue follow with a delay.
    while attribute(client, &url, Name::ApproximateNumberOfMessages).await != "0" {
        assert!(start.elapsed() < Duration::from_secs(10));
    }
    remove(client, &url).await;
    remove(client, &dead_letters).await;
}

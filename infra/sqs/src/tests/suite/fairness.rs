//! Fair queues: messages of many groups in one standard queue.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    Message, MessageSystemAttributeName as System, QueueAttributeName as Name, SendMessageBatchRequestEntry as Send,
};

use super::{remove, unique};
use crate::tests::server::{attribute, bodies, create, receive, refused, send};

/// Sends messages of one group in batches; the bodies are the group's name.
async fn fill(client: &Client, url: &str, group: &str, count: usize) {
    let entry = |n: usize| {
        let entry = Send::builder().id(n.to_string()).message_body(group);
        entry.message_group_id(group).build().unwrap()
    };
    for start in (0..count).step_by(10) {
        let entries = (start..count.min(start + 10)).map(entry).collect();
        let request = client.send_message_batch().queue_url(url);
        let sent = request.set_entries(Some(entries)).send().await.unwrap();
        assert!(sent.failed().is_empty(), "{sent:?}");
    }
}

async fn send_to(client: &Client, url: &str, group: &str, body: &str) {
    let request = client.send_message().queue_url(url).message_group_id(group);
    request.message_body(body).send().await.unwrap();
}

fn of_group(messages: &[Message], group: &str) -> usize {
    let group_of = |message: &&Message| message.attributes().unwrap()[&System::MessageGroupId] == group;
    messages.iter().filter(group_of).count()
}

pub(super) async fn a_backlog_of_one_group_does_not_delay_another(client: &Client) {
    let url = create(client, &unique("noisy"), &[]).await;
    fill(client, &url, "noisy", 3_000).await;
    for _ in 0..3 {
        assert_eq!(of_group(&receive(client, &url, 0).await, "noisy"), 10);
    }
    send_to(client, &url, "quiet", "first").await;
    send_to(client, &url, "quiet", "second").await;
    // Both: with two in flight the quiet group still has fewer than the noisy one.
    let received = receive(client, &url, 0).await;
    assert_eq!(bodies(&received)[..2], ["first", "second"]);
    assert_eq!(
        of_group(&received, "noisy"),
        8,
        "the rest of the room is the noisy group's"
    );
    remove(client, &url).await;
}

pub(super) async fn a_receive_takes_from_groups_in_turn(client: &Client) {
    let url = create(client, &unique("turns"), &[]).await;
    fill(client, &url, "a", 20).await;
    fill(client, &url, "b", 20).await;
    fill(client, &url, "c", 2).await;
    let received = receive(client, &url, 0).await;
    assert_eq!(bodies(&received), ["a", "b", "c", "a", "b", "c", "a", "b", "a", "b"]);
    remove(client, &url).await;
}

pub(super) async fn the_group_with_the_fewest_messages_in_flight_goes_first(client: &Client) {
    let url = create(client, &unique("fewest"), &[]).await;
    for (group, busy) in [("a", 3), ("b", 2), ("c", 1)] {
        fill(client, &url, group, busy).await;
        assert_eq!(receive(client, &url, 0).await.len(), busy);
    }
    for group in ["a", "b", "c"] {
        fill(client, &url, group, 4).await;
    }
    let received = receive(client, &url, 0).await;
    assert_eq!(bodies(&received), ["c", "b", "c", "a", "b", "c", "a", "b", "c", "a"]);
    remove(client, &url).await;
}

pub(super) async fn a_group_is_not_busy_with_what_is_back_deleted_or_delayed(client: &Client) {
    let url = create(client, &unique("idle"), &[]).await;
    fill(client, &url, "a", 2).await;
    let [deleted, back] = &receive(client, &url, 0).await[..] else {
        panic!("two were sent")
    };
    fill(client, &url, "b", 1).await;
    assert_eq!(receive(client, &url, 0).await.len(), 1);
    let delete = client.delete_message().queue_url(&url);
    let delete = delete.receipt_handle(deleted.receipt_handle().unwrap());
    delete.send().await.unwrap();
    let late = client.send_message().queue_url(&url).message_group_id("a");
    late.message_body("late").delay_seconds(900).send().await.unwrap();
    fill(client, &url, "b", 1).await;
    let change = client.change_message_visibility().queue_url(&url).visibility_timeout(0);
    let change = change.receipt_handle(back.receipt_handle().unwrap());
    change.send().await.unwrap();
    // The message of `b` waits longer, but its group has one in flight.
    assert_eq!(bodies(&receive(client, &url, 0).await), ["a", "b"]);
    remove(client, &url).await;
}

pub(super) async fn nothing_is_withheld_from_a_group_that_is_alone(client: &Client) {
    let url = create(client, &unique("alone"), &[]).await;
    fill(client, &url, "alone", 200).await;
    for _ in 0..20 {
        assert_eq!(of_group(&receive(client, &url, 0).await, "alone"), 10);
    }
    let in_flight = attribute(client, &url, Name::ApproximateNumberOfMessagesNotVisible).await;
    assert_eq!(in_flight, "200");
    remove(client, &url).await;
}

pub(super) async fn a_group_stays_first_in_first_out_within(client: &Client) {
    let url = create(client, &unique("within"), &[]).await;
    for n in 0..6 {
        send_to(client, &url, if n % 2 == 0 { "even" } else { "odd" }, &n.to_string()).await;
    }
    assert_eq!(bodies(&receive(client, &url, 0).await), ["0", "1", "2", "3", "4", "5"]);
    remove(client, &url).await;
}

pub(super) async fn a_message_without_a_group_is_one_of_its_own(client: &Client) {
    let url = create(client, &unique("mixed"), &[]).await;
    fill(client, &url, "noisy", 30).await;
    assert_eq!(receive(client, &url, 0).await.len(), 10);
    for body in ["1", "2", "3"] {
        send(client, &url, body).await;
    }
    let received = receive(client, &url, 0).await;
    assert_eq!(bodies(&received)[..4], ["1", "2", "3", "noisy"]);
    assert_eq!(received.len(), 10);
    remove(client, &url).await;
}

pub(super) async fn a_poll_ends_when_a_message_of_a_group_is_visible_again(client: &Client) {
    let url = create(client, &unique("waits"), &[(Name::VisibilityTimeout, "1")]).await;
    fill(client, &url, "a", 1).await;
    assert_eq!(receive(client, &url, 0).await.len(), 1);
    let start = std::time::Instant::now();
    assert!(!receive(client, &url, 10).await.is_empty());
    assert!(start.elapsed() < std::time::Duration::from_secs(4));
    remove(client, &url).await;
}

pub(super) async fn a_group_id_goes_with_a_delay(client: &Client) {
    let url = create(client, &unique("late-group"), &[]).await;
    let group = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~aZ09".repeat(4)[..128].to_owned();
    let request = client.send_message().queue_url(&url).message_body("one");
    let request = request.message_group_id(&group).delay_seconds(1);
    request.send().await.unwrap();
    let entry = Send::builder().id("0").message_body("batch").delay_seconds(1);
    let entry = entry.message_group_id(&group).build().unwrap();
    let request = client.send_message_batch().queue_url(&url).entries(entry);
    assert_eq!(request.send().await.unwrap().successful().len(), 1);

    assert!(receive(client, &url, 0).await.is_empty());
    let mut received = receive(client, &url, 10).await;
    while received.len() < 2 {
        received.extend(receive(client, &url, 10).await);
    }
    assert_eq!(bodies(&received), ["one", "batch"]);
    assert_eq!(of_group(&received, &group), 2);
    remove(client, &url).await;
}

pub(super) async fn a_group_id_has_to_be_well_formed(client: &Client) {
    let url = create(client, &unique("bad-group"), &[]).await;
    for group in ["", "a b", "ü", &"x".repeat(129)] {
        let request = client.send_message().queue_url(&url).message_body("x");
        refused("InvalidParameterValue", request.message_group_id(group).send()).await;
        let entry = Send::builder().id("0").message_body("x").message_group_id(group);
        let request = client.send_message_batch().queue_url(&url);
        let sent = request.entries(entry.build().unwrap()).send().await.unwrap();
        assert_eq!(sent.failed()[0].code(), "InvalidParameterValue");
    }
    remove(client, &url).await;
}

//! Moving messages out of dead-letter queues.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    ListMessageMoveTasksResultEntry as Task, MessageSystemAttributeName as System, QueueAttributeName as Name,
};

use super::{remove, unique};
use crate::tests::server::{attribute, bodies, create, receive, refused, send};

const INVALID: &str = "InvalidParameterValue";
const ABSENT: &str = "ResourceNotFoundException";

/// A dead-letter queue with its ARN.
struct DeadLetters {
    url: String,
    arn: String,
}

impl DeadLetters {
    async fn create(client: &Client) -> Self {
        let url = create(client, &unique("dead"), &[]).await;
        let arn = attribute(client, &url, Name::QueueArn).await;
        Self { url, arn }
    }

    /// A queue that gives up a message after its first receive.
    async fn source(&self, client: &Client) -> String {
        let policy = format!(r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":1}}"#, self.arn);
        create(client, &unique("source"), &[(Name::RedrivePolicy, &policy)]).await
    }

    async fn latest(&self, client: &Client) -> Task {
        let request = client.list_message_move_tasks().source_arn(&self.arn);
        request.send().await.unwrap().results.unwrap().remove(0)
    }
}

/// Sends a message of group `g` and lets the queue give it up.
async fn give_up(client: &Client, url: &str, body: &str) {
    let request = client.send_message().queue_url(url).message_group_id("g");
    request.message_body(body).send().await.unwrap();
    let request = client.receive_message().queue_url(url).visibility_timeout(0);
    assert!(request.send().await.unwrap().messages.is_some());
    assert!(receive(client, url, 0).await.is_empty());
}

pub(super) async fn dead_letters_go_back_to_the_queues_that_they_came_from(client: &Client) {
    let dead = DeadLetters::create(client).await;
    let sources = [dead.source(client).await, dead.source(client).await];
    give_up(client, &sources[0], "one").await;
    give_up(client, &sources[1], "two").await;

    let before = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap() - Duration::from_secs(1);
    let start = client.start_message_move_task().source_arn(&dead.arn);
    assert!(start.send().await.unwrap().task_handle().is_some());
    assert_eq!(bodies(&receive(client, &sources[0], 5).await), ["one"]);
    assert_eq!(bodies(&receive(client, &sources[1], 5).await), ["two"]);
    assert!(receive(client, &dead.url, 0).await.is_empty());

    let task = dead.latest(client).await;
    assert_eq!(task.status(), Some("COMPLETED"));
    assert_eq!(task.source_arn(), Some(dead.arn.as_str()));
    assert_eq!(task.approximate_number_of_messages_moved(), 2);
    assert_eq!(task.approximate_number_of_messages_to_move(), Some(2));
    assert!(task.started_timestamp() > i64::try_from(before.as_millis()).unwrap());
    let absent = (task.task_handle(), task.destination_arn(), task.failure_reason());
    assert_eq!(absent, (None, None, None));
    assert_eq!(task.max_number_of_messages_per_second(), None);
    for url in [&sources[0], &sources[1], &dead.url] {
        remove(client, url).await;
    }
}

pub(super) async fn a_message_that_was_moved_is_a_new_one_of_its_group(client: &Client) {
    let dead = DeadLetters::create(client).await;
    let url = dead.source(client).await;
    give_up(client, &url, "x").await;
    let request = client.receive_message().queue_url(&dead.url).visibility_timeout(0);
    let request = request.message_system_attribute_names(System::All);
    let old = request.send().await.unwrap().messages.unwrap().remove(0);
    let start = client.start_message_move_task().source_arn(&dead.arn);
    start.send().await.unwrap();

    let new = receive(client, &url, 5).await.remove(0);
    let (was, is) = (old.attributes().unwrap(), new.attributes().unwrap());
    assert_eq!(was[&System::ApproximateReceiveCount], "2");
    assert_eq!(is[&System::ApproximateReceiveCount], "1");
    assert_eq!(is[&System::MessageGroupId], "g");
    assert!(!is.contains_key(&System::DeadLetterQueueSourceArn));
    assert!(is[&System::SentTimestamp] > was[&System::SentTimestamp]);
    assert_ne!(new.message_id(), old.message_id());
    let delete = client.delete_message().queue_url(&dead.url);
    let delete = delete.set_receipt_handle(old.receipt_handle);
    delete.send().await.unwrap();
    let left = attribute(client, &url, Name::ApproximateNumberOfMessagesNotVisible).await;
    assert_eq!(left, "1", "the handle of before the move has no effect");
    remove(client, &url).await;
    remove(client, &dead.url).await;
}

pub(super) async fn dead_letters_can_be_moved_to_another_queue(client: &Client) {
    let dead = DeadLetters::create(client).await;
    let source = dead.source(client).await;
    give_up(client, &source, "given up").await;
    send(client, &dead.url, "sent here").await;
    let target = create(client, &unique("target"), &[]).await;
    let target_arn = attribute(client, &target, Name::QueueArn).await;
    let start = client.start_message_move_task().source_arn(&dead.arn);
    let start = start.destination_arn(&target_arn).max_number_of_messages_per_second(1);
    start.send().await.unwrap();

    let received = receive(client, &target, 5).await;
    let mut all = bodies(&received);
    all.sort_unstable();
    assert_eq!(all, ["given up", "sent here"]);
    let task = dead.latest(client).await;
    assert_eq!(task.status(), Some("COMPLETED"));
    assert_eq!(task.destination_arn(), Some(target_arn.as_str()));
    assert_eq!(task.max_number_of_messages_per_second(), Some(1));
    for url in [&source, &target, &dead.url] {
        remove(client, url).await;
    }
}

pub(super) async fn dead_letters_without_a_way_back_stay(client: &Client) {
    let dead = DeadLetters::create(client).await;
    let sources = [dead.source(client).await, dead.source(client).await];
    give_up(client, &sources[0], "goes back").await;
    give_up(client, &sources[1], "orphan").await;
    remove(client, &sources[1]).await;
    let start = || client.start_message_move_task().source_arn(&dead.arn).send();
    start().await.unwrap();
    let task = dead.latest(client).await;
    assert_eq!(task.status(), Some("FAILED"));
    assert_eq!(task.failure_reason(), Some("AWS.SimpleQueueService.NonExistentQueue"));
    assert_eq!(task.approximate_number_of_messages_moved(), 1);
    assert_eq!(task.approximate_number_of_messages_to_move(), Some(2));
    assert_eq!(bodies(&receive(client, &sources[0], 5).await), ["goes back"]);
    let request = client.receive_message().queue_url(&dead.url);
    let stayed = request.send().await.unwrap().messages.unwrap_or_default();
    assert_eq!(bodies(&stayed), ["orphan"]);

    // The orphan is in flight now, and so not part of this.
    send(client, &dead.url, "sent here").await;
    start().await.unwrap();
    let task = dead.latest(client).await;
    assert_eq!(task.failure_reason(), Some("CouldNotDetermineMessageSource"));
    assert_eq!(task.approximate_number_of_messages_to_move(), Some(1));
    remove(client, &sources[0]).await;
    remove(client, &dead.url).await;
}

pub(super) async fn tasks_are_listed_newest_first(client: &Client) {
    let dead = DeadLetters::create(client).await;
    let source = dead.source(client).await;
    for count in [0, 1, 2] {
        for _ in 0..count {
            give_up(client, &source, "x").await;
        }
        let start = client.start_message_move_task().source_arn(&dead.arn);
        start.send().await.unwrap();
        client.purge_queue().queue_url(&source).send().await.unwrap();
    }
    let list = || client.list_message_move_tasks().source_arn(&dead.arn);
    let moved = async |most| {
        let listed = list().set_max_results(most).send().await.unwrap();
        let counts = listed.results().iter().map(Task::approximate_number_of_messages_moved);
        counts.collect::<Vec<_>>()
    };
    assert_eq!(moved(None).await, [2]);
    assert_eq!(moved(Some(2)).await, [2, 1]);
    assert_eq!(moved(Some(10)).await, [2, 1, 0]);
    refused(INVALID, list().max_results(0).send()).await;
    refused(INVALID, list().max_results(11).send()).await;
    remove(client, &source).await;
    remove(client, &dead.url).await;
    refused(ABSENT, list().send()).await;
}

pub(super) async fn a_move_that_cannot_be_made_is_refused(client: &Client) {
    let dead = DeadLetters::create(client).await;
    let source = dead.source(client).await;
    let source_arn = attribute(client, &source, Name::QueueArn).await;
    let start = |arn: &str| client.start_message_move_task().source_arn(arn);
    refused(INVALID, start(&source_arn).send()).await;
    refused(INVALID, start("dead").send()).await;
    refused(ABSENT, start(&format!("{}-not", dead.arn)).send()).await;
    refused(INVALID, start(&dead.arn).destination_arn("jobs").send()).await;
    refused(INVALID, start(&dead.arn).destination_arn(&dead.arn).send()).await;
    let nowhere = format!("{source_arn}-not");
    let nowhere = start(&dead.arn).destination_arn(nowhere).send().await;
    assert!(
        nowhere
            .unwrap_err()
            .into_service_error()
            .is_resource_not_found_exception()
    );
    let rate = |rate| start(&dead.arn).max_number_of_messages_per_second(rate).send();
    refused(INVALID, rate(0)).await;
    refused(INVALID, rate(501)).await;
    refused("MissingParameter", client.start_message_move_task().send()).await;
    remove(client, &source).await;
    remove(client, &dead.url).await;
}

pub(super) async fn a_task_that_is_over_cannot_be_cancelled(client: &Client) {
    let dead = DeadLetters::create(client).await;
    let source = dead.source(client).await;
    let start = client.start_message_move_task().source_arn(&dead.arn).send();
    let handle = start.await.unwrap().task_handle.unwrap();
    let cancel = |handle: &str| client.cancel_message_move_task().task_handle(handle).send();
    refused("UnsupportedOperation", cancel(&handle)).await;
    refused(INVALID, cancel("no handle")).await;
    remove(client, &source).await;
    remove(client, &dead.url).await;
    refused(ABSENT, cancel(&handle)).await;
}

//! Long polls of this server wait for a signal: they are woken, not repeated.

use std::time::{Duration, Instant};

use aws_sdk_sqs::types::{MessageSystemAttributeName as System, QueueAttributeName as Name};

use super::server::{Server, bodies, create, receive, refused, send};

/// Ends when somebody waits for the queue's next change.
async fn awaited(server: &Server, queue: &str) {
    while !server.sqs.0.waiters.is_awaited(queue) {
        tokio::task::yield_now().await;
    }
}

/// Waking takes a round trip; a poll that was not woken takes all of its 20 seconds.
const AT_ONCE: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_send_wakes_the_poll_that_waits() {
    let server = Server::start().await;
    let url = create(&server.client, "jobs", &[]).await;
    let (received, start) = futures::join!(receive(&server.client, &url, 20), async {
        awaited(&server, "jobs").await;
        let start = Instant::now();
        send(&server.client, &url, "x").await;
        start
    });
    assert_eq!(bodies(&received), ["x"]);
    assert!(start.elapsed() < AT_ONCE);
}

#[tokio::test]
async fn a_message_given_back_wakes_the_poll_that_waits() {
    let server = Server::start().await;
    let url = create(&server.client, "jobs", &[]).await;
    send(&server.client, &url, "x").await;
    let handle = receive(&server.client, &url, 5).await.remove(0).receipt_handle;
    let (received, start) = futures::join!(receive(&server.client, &url, 20), async {
        awaited(&server, "jobs").await;
        let change = server.client.change_message_visibility().queue_url(&url);
        change
            .set_receipt_handle(handle)
            .visibility_timeout(0)
            .send()
            .await
            .unwrap();
        Instant::now()
    });
    assert_eq!(bodies(&received), ["x"]);
    assert!(start.elapsed() < AT_ONCE);
}

#[tokio::test]
async fn giving_up_wakes_the_poll_on_the_dead_letter_queue() {
    let server = Server::start().await;
    let dead_letters = create(&server.client, "dead", &[]).await;
    let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":1}"#;
    let settings = [(Name::VisibilityTimeout, "0"), (Name::RedrivePolicy, policy)];
    let url = create(&server.client, "jobs", &settings).await;
    send(&server.client, &url, "x").await;
    receive(&server.client, &url, 5).await;
    let (received, start) = futures::join!(receive(&server.client, &dead_letters, 20), async {
        awaited(&server, "dead").await;
        assert!(receive(&server.client, &url, 0).await.is_empty());
        Instant::now()
    });
    assert_eq!(bodies(&received), ["x"]);
    let attributes = received[0].attributes().unwrap();
    assert_eq!(
        attributes[&System::ApproximateReceiveCount],
        "2",
        "counted across both queues"
    );
    let source = &attributes[&System::DeadLetterQueueSourceArn];
    assert_eq!(source, "arn:aws:sqs:us-east-1:000000000000:jobs");
    assert!(start.elapsed() < AT_ONCE);
}

#[tokio::test]
async fn a_poll_ends_when_its_queue_is_deleted() {
    let server = Server::start().await;
    let url = create(&server.client, "jobs", &[(Name::ReceiveMessageWaitTimeSeconds, "20")]).await;
    let poll = server.client.receive_message().queue_url(&url);
    let ((), start) = futures::join!(refused("QueueDoesNotExist", poll.send()), async {
        awaited(&server, "jobs").await;
        server.client.delete_queue().queue_url(&url).send().await.unwrap();
        Instant::now()
    });
    assert!(start.elapsed() < AT_ONCE);
}

#[tokio::test]
async fn many_polls_share_the_messages() {
    let server = Server::start().await;
    let url = create(&server.client, "jobs", &[]).await;
    let polls = (0..8).map(|_| async {
        let request = server.client.receive_message().queue_url(&url).wait_time_seconds(20);
        request.send().await.unwrap().messages.unwrap_or_default().len()
    });
    let start = Instant::now();
    let (got, ()) = futures::join!(futures::future::join_all(polls), async {
        for n in 0..8 {
            send(&server.client, &url, &n.to_string()).await;
        }
    });
    assert_eq!(got, [1; 8]);
    assert!(start.elapsed() < AT_ONCE * 3);
}

//! How fast the server is, and what it costs when nothing happens: `cargo test --release -p local-sqs -- --ignored --nocapture --test-threads 1 measure`.

use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry as Delete, QueueAttributeName as Name, SendMessageBatchRequestEntry as Send,
};

use serde_json::json;

use super::server::{Server, create, receive, send};
use crate::message::Outgoing;
use crate::queue::Queue;

/// How many clients work at the same time.
const SENDERS: usize = 16;
/// How many messages each of them moves.
const EACH: usize = 500;
/// How many messages of the noisy group wait.
const BACKLOG: usize = 100_000;
/// How many other groups there are.
const GROUPS: usize = 5_000;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn measure_throughput() {
    let server = Server::start().await;
    let (client, url) = (&server.client, create(&server.client, "jobs", &[]).await);
    let url = url.as_str();
    let count = SENDERS * EACH;
    report("sends, one at a time", EACH, fill(0, client, url, EACH)).await;
    report("sends", count, all(|n| fill(n, client, url, EACH))).await;
    let taking = all(|_| take(client, url, EACH));
    report("receive + delete, one a call", count, taking).await;
    let sending = all(|_| send_batches(client, url));
    report("sends in batches of 10", count, sending).await;
    let taking = all(|_| take_batches(client, url));
    report("receive + delete in batches of 10", count + EACH, taking).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn measure_idle_cost() {
    let server = Server::start().await;
    let url = create(&server.client, "jobs", &[]).await;
    receive(&server.client, &url, 0).await;
    let before = cpu();
    futures::future::join_all((0..16).map(|_| receive(&server.client, &url, 10))).await;
    println!(
        "16 long polls of 10 s: {} ms of CPU, client included",
        (cpu() - before) * 10
    );
}

/// Receives of ten from a queue in which one group has a long backlog and `GROUPS` others wait with three messages each.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn measure_fairness() {
    let server = Server::start().await;
    let client = &server.client;
    let plain = create(client, "plain", &[]).await;
    backlog(&server, "plain", BACKLOG, |_| None).await;
    time_receives(client, &plain, "no groups").await;
    let fair = create(client, "fair", &[(Name::VisibilityTimeout, "3600")]).await;
    backlog(&server, "fair", BACKLOG, |_| Some("noisy".to_owned())).await;
    time_receives(client, &fair, "one group").await;
    backlog(&server, "fair", 3 * GROUPS, |n| Some(format!("group-{}", n % GROUPS))).await;
    time_receives(client, &fair, "one noisy group and many others").await;
    let mut in_flight = 300;
    while in_flight < 10_000 {
        in_flight += receive(client, &fair, 0).await.len();
    }
    time_receives(client, &fair, "the same with 10,000 messages in flight").await;
}

/// Sends in one transaction, which takes no time to speak of.
async fn backlog(server: &Server, queue: &'static str, count: usize, group: fn(usize) -> Option<String>) {
    let fill = move |db: &rusqlite::Transaction<'_>| {
        let queue = Queue::get(db, queue)?;
        for n in 0..count {
            let message = json!({"MessageBody": "x", "MessageGroupId": group(n)});
            let message: Outgoing = serde_json::from_value(message).unwrap();
            message.send(db, &queue)?;
        }
        Ok(())
    };
    let start = Instant::now();
    server.sqs.0.store.call(fill).await.unwrap();
    println!("{count} messages were sent in {:?}", start.elapsed());
}

async fn time_receives(client: &Client, url: &str, what: &str) {
    const COUNT: u32 = 100;
    let start = Instant::now();
    for _ in 0..COUNT {
        assert_eq!(receive(client, url, 0).await.len(), 10);
    }
    println!("receive of ten, {what}: {:?}", start.elapsed() / COUNT);
}

/// User and system time of this process, in ticks of 10 ms.
fn cpu() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit(')').next().unwrap().split_whitespace();
    fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

async fn report(what: &str, count: usize, work: impl Future<Output = ()>) {
    let start = Instant::now();
    work.await;
    let rate = count as f64 / start.elapsed().max(Duration::from_millis(1)).as_secs_f64();
    println!("{what}: {rate:.0} messages/s");
}

async fn all<F: Future<Output = ()>>(worker: impl Fn(usize) -> F) {
    futures::future::join_all((0..SENDERS).map(worker)).await;
}

async fn fill(sender: usize, client: &Client, url: &str, count: usize) {
    for n in 0..count {
        send(
            client,
            url,
            &format!(r#"{{"job":"chunk","document":"{sender}","n":{n}}}"#),
        )
        .await;
    }
}

async fn take(client: &Client, url: &str, count: usize) {
    for _ in 0..count {
        let got = client.receive_message().queue_url(url).send().await.unwrap();
        let handle = got.messages()[0].receipt_handle().unwrap();
        client
            .delete_message()
            .queue_url(url)
            .receipt_handle(handle)
            .send()
            .await
            .unwrap();
    }
}

async fn send_batches(client: &Client, url: &str) {
    for _ in 0..EACH / 10 {
        let entries = (0..10)
            .map(|n| Send::builder().id(n.to_string()).message_body("x").build().unwrap())
            .collect();
        client
            .send_message_batch()
            .queue_url(url)
            .set_entries(Some(entries))
            .send()
            .await
            .unwrap();
    }
}

async fn take_batches(client: &Client, url: &str) {
    loop {
        let got = receive(client, url, 0).await;
        if got.is_empty() {
            return;
        }
        let entry = |(n, message): (usize, &aws_sdk_sqs::types::Message)| {
            Delete::builder()
                .id(n.to_string())
                .receipt_handle(message.receipt_handle().unwrap())
                .build()
                .unwrap()
        };
        let entries = got.iter().enumerate().map(entry).collect();
        client
            .delete_message_batch()
            .queue_url(url)
            .set_entries(Some(entries))
            .send()
            .await
            .unwrap();
    }
}

//! How fast the server is, and what it costs when nothing happens: `cargo test --release -p local-sqs -- --ignored --nocapture --test-threads 1 measure`.

use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry as Delete, SendMessageBatchRequestEntry as Send};

use super::server::{Server, create, receive, send};

/// How many clients work at the same time.
const SENDERS: usize = 16;
/// How many messages each of them moves.
const EACH: usize = 500;

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

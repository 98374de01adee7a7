//! What was answered is still there after the process is gone.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use aws_sdk_sqs::types::QueueAttributeName as Name;

use super::server::{Server, attribute, bodies, client, create, receive, send};

/// Names the file for the test that is run as a child process.
const FILE: &str = "LOCAL_SQS_TEST_FOLDER";

#[tokio::test]
async fn messages_survive_reopening_and_those_in_flight_come_back() {
    let server = Server::start().await;
    let url = create(&server.client, "jobs", &[(Name::VisibilityTimeout, "2")]).await;
    send(&server.client, &url, "in flight").await;
    let old = receive(&server.client, &url, 5).await.remove(0);
    send(&server.client, &url, "waiting").await;

    let server = Server::on(server.stop()).await;
    let found = server.client.get_queue_url().queue_name("jobs").send().await.unwrap();
    let url = found.queue_url().unwrap();
    assert!(url.starts_with(&server.url), "the queue's address is the new one");
    assert_eq!(attribute(&server.client, url, Name::VisibilityTimeout).await, "2");
    assert_eq!(bodies(&receive(&server.client, url, 5).await), ["waiting"]);
    let back = receive(&server.client, url, 10).await;
    assert_eq!(bodies(&back), ["in flight"]);
    assert_ne!(back[0].receipt_handle, old.receipt_handle);
}

#[tokio::test]
async fn a_handle_from_before_still_deletes() {
    let server = Server::start().await;
    let url = create(&server.client, "jobs", &[]).await;
    send(&server.client, &url, "x").await;
    let handle = receive(&server.client, &url, 5).await.remove(0).receipt_handle;
    let server = Server::on(server.stop()).await;
    server
        .client
        .delete_message()
        .queue_url(&url)
        .set_receipt_handle(handle)
        .send()
        .await
        .unwrap();
    assert_eq!(
        attribute(&server.client, &url, Name::ApproximateNumberOfMessagesNotVisible).await,
        "0"
    );
}

#[tokio::test]
async fn a_file_has_one_server_at_a_time() {
    let server = Server::start().await;
    let second = crate::open(&server.file()).await;
    assert!(matches!(second, Err(crate::Error::Storage(_))));
}

#[tokio::test]
async fn a_file_of_another_layout_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queues.db");
    let db = rusqlite::Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    let opened = crate::open(&path).await;
    assert!(matches!(opened, Err(crate::Error::Layout { found: 99, .. })));
}

#[tokio::test]
async fn a_file_of_the_first_layout_is_upgraded_with_its_messages() {
    let folder = tempfile::tempdir().unwrap();
    let db = rusqlite::Connection::open(folder.path().join("queues.db")).unwrap();
    db.execute_batch(include_str!("../layouts/1-queues.sql")).unwrap();
    db.pragma_update(None, "user_version", 1).unwrap();
    db.execute_batch(
        "INSERT INTO queues VALUES (1, 'jobs', 'us-east-1', 0, 0, 30, 0, 345600, 0, 1048576, NULL, NULL, '{}')",
    )
    .unwrap();
    let now = crate::clock::now();
    for (body, group) in [("1", Some("a")), ("2", Some("a")), ("3", Some("b")), ("4", None)] {
        let insert =
            "INSERT INTO messages (queue, visible_at, sent, message_id, group_id, body) VALUES (1, ?1, ?1, ?2, ?3, ?2)";
        db.execute(insert, rusqlite::params![now, body, group]).unwrap();
    }
    drop(db);

    let server = Server::on(folder).await;
    let url = format!("{}/{}/jobs", server.url, crate::ACCOUNT);
    let received = receive(&server.client, &url, 0).await;
    assert_eq!(bodies(&received), ["1", "3", "4", "2"]);
    let server = Server::on(server.stop()).await;
    let url = format!("{}/{}/jobs", server.url, crate::ACCOUNT);
    let in_flight = attribute(&server.client, &url, Name::ApproximateNumberOfMessagesNotVisible).await;
    assert_eq!(in_flight, "4", "an upgraded file opens again");
}

#[tokio::test]
async fn a_killed_process_loses_nothing_that_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "tests::durability::sends_until_it_is_killed",
            "--ignored",
            "--nocapture",
        ])
        .env(FILE, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let mut answered: BTreeSet<String> = lines.by_ref().filter_map(sent).take(300).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    answered.extend(lines.filter_map(sent));

    let server = Server::on(folder).await;
    let url = format!("{}/{}/jobs", server.url, crate::ACCOUNT);
    let mut found = BTreeSet::new();
    loop {
        let messages = receive(&server.client, &url, 0).await;
        if messages.is_empty() {
            break;
        }
        found.extend(bodies(&messages).into_iter().map(str::to_owned));
    }
    assert!(answered.len() >= 300);
    assert!(
        found.is_superset(&answered),
        "{} answered, {} found",
        answered.len(),
        found.len()
    );
    // One more may have been committed whose answer was on its way.
    assert!(found.len() <= answered.len() + 1);
}

fn sent(line: String) -> Option<String> {
    line.strip_prefix("sent ").map(str::to_owned)
}

#[tokio::test]
#[ignore = "run by the test above in a process of its own"]
#[expect(clippy::disallowed_methods, reason = "a child process gets its folder this way")]
async fn sends_until_it_is_killed() {
    let folder = std::path::PathBuf::from(std::env::var(FILE).unwrap());
    let sqs = crate::open(&folder.join("queues.db")).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client(&format!("http://{}", listener.local_addr().unwrap()));
    tokio::spawn(async move { axum::serve(listener, crate::router(sqs)).await });
    let url = create(&client, "jobs", &[]).await;
    println!();
    for n in 0_u64.. {
        send(&client, &url, &n.to_string()).await;
        writeln!(std::io::stdout(), "sent {n}").unwrap();
    }
}

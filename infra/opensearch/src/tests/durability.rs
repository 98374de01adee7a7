//! What was acknowledged is there after the process was killed.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use serde_json::json;

use super::samples::{self, DIMENSION};
use super::{run, send};

/// Not a test of its own: the process that the test below kills.
#[tokio::test]
#[ignore = "started by acknowledged_writes_survive_a_kill"]
async fn writing_process() {
    let Some(dir) = std::env::var_os("LOCAL_OPENSEARCH_DIR") else {
        return;
    };
    let server = run(dir.as_ref()).await;
    send(&server.url, "PUT", "/chunks", samples::index(DIMENSION).to_string()).await;
    for batch in 0.. {
        let (_, done) = send(
            &server.url,
            "POST",
            "/_bulk",
            samples::bulk("chunks", batch * 5..batch * 5 + 5),
        )
        .await;
        assert_eq!(done["errors"], false);
        // Past the test harness, which would hold the line back.
        writeln!(std::io::stderr(), "\nacknowledged {batch}").unwrap();
    }
}

#[tokio::test]
async fn acknowledged_writes_survive_a_kill() {
    for round in 0..3 {
        let dir = tempfile::tempdir().unwrap();
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "tests::durability::writing_process",
                "--ignored",
                "--nocapture",
            ])
            .env("LOCAL_OPENSEARCH_DIR", dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let acknowledged = lines.filter_map(|line| line.strip_prefix("acknowledged ")?.parse::<usize>().ok());
        let last = acknowledged.take(4 + round * 9).last().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();

        let server = run(dir.path()).await;
        let ids: Vec<String> = (0..(last + 1) * 5).map(|n| n.to_string()).collect();
        let count = json!({"query": {"ids": {"values": ids}}}).to_string();
        assert_eq!(
            send(&server.url, "POST", "/chunks/_count", count).await.1["count"],
            ids.len()
        );
        send(&server.url, "POST", "/_bulk", samples::bulk("chunks", 9000..9001)).await;
        let search = json!({"query": {"knn": {"vector": {"vector": samples::document(9000)["vector"], "k": 1}}}, "_source": false});
        assert_eq!(
            super::ids(&send(&server.url, "POST", "/chunks/_search", search.to_string()).await.1),
            ["9000"]
        );
    }
}

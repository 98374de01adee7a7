//! The Runtime API over real connections, and processes that misbehave.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::StreamExt;
use reqwest::{Body, Client, Response};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use super::runtime_api::{Handed, RuntimeApi};
use super::*;
use crate::server::{Layer, on_any_port};
use crate::template::Template;

const PRELUDE: &str = r#"{"statusCode":201,"headers":{"content-type":"text/event-stream"},"cookies":["a=1"]}"#;

/// A Runtime API with an event in hand, as a runtime's client sees it.
struct Api {
    client: Client,
    url: String,
    events: mpsc::Sender<Handed>,
    _layer: Layer,
}

impl Api {
    async fn start() -> Self {
        let (events, handed) = mpsc::channel(1);
        let mut layer = Layer::default();
        let router = RuntimeApi::new("arn:x".to_owned(), handed).router();
        Self {
            client: Client::builder().no_proxy().build().unwrap(),
            url: on_any_port(router, &mut layer).await.unwrap() + "/2018-06-01/runtime",
            events,
            _layer: layer,
        }
    }

    /// Hands an event over and takes it as the function; gives what waits for its answer.
    async fn taken(&self) -> oneshot::Receiver<Answer> {
        let (answer, answered) = oneshot::channel();
        let invocation = Invocation {
            id: "r-1".to_owned(),
            deadline: 7,
            event: "{}".into(),
        };
        assert!(self.events.send((invocation, answer)).await.is_ok());
        let next = self.client.get(format!("{}/invocation/next", self.url)).send();
        let next = next.await.unwrap();
        assert_eq!(next.headers()["lambda-runtime-aws-request-id"], "r-1");
        assert_eq!(next.headers()["lambda-runtime-deadline-ms"], "7");
        assert_eq!(next.text().await.unwrap(), "{}");
        answered
    }

    async fn post(&self, path: &str, body: impl Into<Body>) -> Response {
        let post = self.client.post(format!("{}/{path}", self.url)).body(body);
        post.send().await.unwrap()
    }
}

#[tokio::test]
async fn an_event_is_answered_once() {
    let api = Api::start().await;
    let answered = api.taken().await;
    assert_eq!(api.post("invocation/other/response", "1").await.status(), 403);
    assert_eq!(api.post("invocation/r-1/response", "1").await.status(), 202);
    assert!(matches!(answered.await, Ok(Answer::Whole(body)) if body == "1"));
    assert_eq!(api.post("invocation/r-1/response", "2").await.status(), 403);
    let answered = api.taken().await;
    assert_eq!(api.post("invocation/r-1/error", "why").await.status(), 202);
    assert!(matches!(answered.await, Ok(Answer::Failed(why)) if why == "why"));
    let answered = api.taken().await;
    let long = vec![b' '; 6 * 1024 * 1024 + 1];
    assert_eq!(api.post("invocation/r-1/response", long).await.status(), 413);
    assert!(matches!(answered.await, Ok(Answer::Failed(_))));
}

#[tokio::test]
async fn a_stream_is_passed_on_while_it_goes_on_and_its_prelude_may_come_in_parts() {
    let api = Api::start().await;
    let answered = api.taken().await;
    let (pieces, body) = mpsc::channel::<&'static str>(1);
    let body = futures::stream::unfold(body, async |mut body| Some((Ok::<_, String>(body.recv().await?), body)));
    let post = api.client.post(format!("{}/invocation/r-1/response", api.url));
    let post = post.header("lambda-runtime-function-response-mode", "streaming");
    let posted = tokio::spawn(post.body(Body::wrap_stream(body)).send());
    for part in [&PRELUDE[..20], &PRELUDE[20..], "\0\0\0", "\0\0\0\0\0one"] {
        pieces.send(part).await.unwrap();
        // So that they are parts on the wire, too.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let Ok(Answer::Stream(mut answer)) = answered.await else {
        panic!("no stream")
    };
    let prelude = answer.metadata_prelude;
    assert_eq!(
        (prelude.status_code.as_u16(), prelude.cookies),
        (201, vec!["a=1".to_owned()])
    );
    assert_eq!(answer.stream.next().await.unwrap().unwrap(), "one");
    pieces.send("two").await.unwrap();
    assert_eq!(answer.stream.next().await.unwrap().unwrap(), "two");
    drop(pieces);
    assert!(answer.stream.next().await.is_none());
    drop(answer.stream);
    assert_eq!(posted.await.unwrap().unwrap().status(), 202);
}

#[tokio::test]
async fn a_stream_without_a_prelude_is_a_failure() {
    let api = Api::start().await;
    let answered = api.taken().await;
    let post = api.client.post(format!("{}/invocation/r-1/response", api.url));
    let post = post.header("lambda-runtime-function-response-mode", "streaming");
    post.body("data: 1\n\n").send().await.unwrap();
    assert!(matches!(answered.await, Ok(Answer::Failed(_))));
}

/// A pool of a function whose binary is a shell script.
fn pool(folder: &Path, script: &str) -> Pool {
    let path = folder.join("x");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let template = "Resources: {XFunction: {Type: AWS::Serverless::Function, Properties: {Events: {}, Environment: {Variables: {A: b}}}}}";
    let function = &Template::parse(template, "t").unwrap().functions().unwrap()[0];
    let access = [("AWS_ENDPOINT_URL_S3".to_owned(), "http://x".to_owned())];
    Pool::new(Program::new(function, path, &access))
}

#[tokio::test]
async fn a_process_that_ends_fails_its_event_and_the_next_one_waits() {
    let folder = tempfile::tempdir().unwrap();
    let pool = pool(folder.path(), "exit 7");
    let failure = pool.whole(pool.invocation(b"{}".to_vec())).await.unwrap_err();
    assert!(failure.to_string().contains("exit status: 7"), "{failure}");
    let before = Instant::now();
    pool.whole(pool.invocation(b"{}".to_vec())).await.unwrap_err();
    assert!(before.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn a_process_has_the_variables_of_its_function_and_none_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let told = folder.path().join("told");
    let pool = pool(folder.path(), &format!("env > {}", told.display()));
    pool.whole(pool.invocation(b"{}".to_vec())).await.unwrap_err();
    let told = std::fs::read_to_string(told).unwrap();
    for line in ["A=b", "AWS_ENDPOINT_URL_S3=http://x", "AWS_LAMBDA_FUNCTION_NAME=x"] {
        assert!(told.lines().any(|each| each == line), "{line} is missing:\n{told}");
    }
    assert!(told.contains("AWS_LAMBDA_RUNTIME_API=127.0.0.1:"), "{told}");
    assert!(!told.contains("CARGO"), "{told}");
}

#[tokio::test]
async fn an_invocation_that_is_dropped_kills_its_process() {
    let folder = tempfile::tempdir().unwrap();
    let id = folder.path().join("id");
    let pool = pool(folder.path(), &format!("echo $$ > {}; exec sleep 60", id.display()));
    let endless = pool.whole(pool.invocation(serde_json::to_vec(&json!({})).unwrap()));
    assert!(tokio::time::timeout(Duration::from_millis(500), endless).await.is_err());
    let process = format!("/proc/{}/stat", std::fs::read_to_string(id).unwrap().trim());
    for _ in 0..100 {
        match std::fs::read_to_string(&process) {
            // Dead, or dead and not yet asked how it ended.
            Err(_) => return,
            Ok(stat) if stat.contains(") Z ") => return,
            Ok(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    panic!("it lives on");
}

//! Clients that others wrote. Where one is not installed the test says so and does nothing.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use axum::{Router, response::Html, routing::get};
use reqwest::Method;
use serde_json::{Value, json};
use shared::events::{EventType, SigningSecret};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    sync::Notify,
    time::timeout,
};

use crate::{
    examples::{output, runs},
    support::{PATIENCE, Tenant, folder, run},
};

fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("it/js").join(name)
}

#[test]
fn the_ai_sdks_client_reads_a_widgets_stream_without_a_warning() {
    run(async {
        if !runs("node", &["-e", "require('ai')"]).await {
            return;
        }
        let tenant = Tenant::zoo().await;
        let bot = tenant.bot().await;
        let wanted = json!({
            "url": format!("{}/api/channels/widget/{}/chat", tenant.base, bot.id),
            "token": bot.public_token,
            "question": "When does the zoo open?",
        });
        let path = script("ui_stream.cjs");
        let said = output("node", &[path.to_str().unwrap()], &wanted.to_string()).await;
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(
            (&said["warnings"], &said["failures"]),
            (&json!([]), &json!([])),
            "{said}"
        );
        let message = &said["message"];
        assert_eq!(message["role"], "assistant");
        let parts = message["parts"].as_array().unwrap();
        let text = parts.iter().find(|part| part["type"] == "text").unwrap();
        assert_eq!(text["state"], "done");
        assert!(text["text"].as_str().unwrap().contains("opens at nine. [1]"), "{text}");
        let source = parts.iter().find(|part| part["type"] == "source-document").unwrap();
        assert_eq!(source["title"], "Zoo");
        assert!(parts.iter().any(|part| part["type"] == "data-citations"));
        let metadata = &message["metadata"];
        assert_eq!(metadata["confidence"], "High");
        assert!(
            metadata["threadId"].is_string() && metadata["visitorToken"].is_string(),
            "{metadata}"
        );
        assert_eq!(said["kinds"].as_array().unwrap().last(), Some(&json!("finish")));
    });
}

/// A receiver that others wrote, in a process of its own.
struct Foreign {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    url: String,
}

impl Foreign {
    /// Starts it with a secret.
    async fn start(program: &str, script: &Path, secret: &str) -> Self {
        let mut process = Command::new(program)
            .arg(script)
            .arg(secret)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let said: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
        let url = format!("http://127.0.0.1:{}/", said["port"]);
        Self { process, lines, url }
    }

    /// What it says of the next request.
    async fn says(&mut self) -> Value {
        let line = timeout(PATIENCE, self.lines.next_line()).await.unwrap();
        serde_json::from_str(&line.unwrap().unwrap()).unwrap()
    }
}

/// Every event of the contract is sent to a receiver, those that can happen also by happening.
async fn verifies_everything(mut receiver: Foreign, secret: &str) {
    let tenant = Tenant::new().await;
    let events: Vec<String> = EventType::PUBLIC.map(EventType::name).into();
    let body = json!({"url": receiver.url, "events": events, "secret": secret});
    let made = tenant.send(Method::POST, "/api/v1/webhooks", body, 201).await;
    let path = format!("/api/v1/webhooks/{}", made["id"].as_str().unwrap());
    let check = async |receiver: &mut Foreign| {
        let said = receiver.says().await;
        assert_eq!(
            (&said["verified"], &said["same"]),
            (&json!(true), &json!(true)),
            "{said}"
        );
        said["type"].as_str().unwrap().to_owned()
    };
    for event in &events {
        let outcome = tenant
            .send(Method::POST, &format!("{path}/test"), json!({"event": event}), 200)
            .await;
        assert_eq!(outcome["response_status"], 204, "{outcome}");
        assert_eq!(check(&mut receiver).await, *event);
    }
    // Also while another secret signs beside it.
    let grace = json!({"grace_seconds": 60});
    tenant.send(Method::POST, &format!("{path}/rotate"), grace, 200).await;
    tenant.add("Zoo", "The zoo opens at nine. Ä, 日本, \u{1f418}.").await;
    assert_eq!(
        [check(&mut receiver).await, check(&mut receiver).await],
        ["kb_updated", "kb_updated"]
    );
    let question = json!({"bot_id": tenant.bot().await.id, "message": "When does the zoo open?"});
    tenant.send(Method::POST, "/api/v1/chat", question, 200).await;
    let mut heard = [
        check(&mut receiver).await,
        check(&mut receiver).await,
        check(&mut receiver).await,
    ];
    heard.sort();
    assert_eq!(heard, ["new_message", "new_message", "new_session"]);
    // What is not signed by us is refused, so what was taken before means something.
    let forged = reqwest::Client::builder().no_proxy().build().unwrap();
    let forged = forged
        .post(&receiver.url)
        .header("webhook-id", "x")
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (forged.status().as_u16(), &receiver.says().await["verified"]),
        (401, &json!(false))
    );
    receiver.process.kill().await.unwrap();
}

#[test]
fn receivers_with_the_specifications_libraries_verify_every_event() {
    run(async {
        let secret = SigningSecret::generate().reveal();
        if runs("node", &["-e", "require('standardwebhooks')"]).await {
            let receiver = Foreign::start("node", &script("webhook_receiver.cjs"), &secret).await;
            verifies_everything(receiver, &secret).await;
        }
        if runs("python3", &["-c", "import standardwebhooks"]).await {
            let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("it/py/webhook_receiver.py");
            verifies_everything(Foreign::start("python3", &path, &secret).await, &secret).await;
        }
    });
}

/// The first of some programs that runs.
async fn first_of(programs: &[&'static str]) -> Option<&'static str> {
    for program in programs {
        if runs(program, &["--version"]).await {
            return Some(program);
        }
    }
    None
}

#[test]
fn a_react_page_with_use_chat_talks_to_a_widget_in_a_browser() {
    run(async {
        let modules = "require('@ai-sdk/react'); require('react-dom'); require('esbuild')";
        let browser = first_of(&["chromium", "chromium-browser", "google-chrome"]).await;
        let (Some(browser), true) = (browser, runs("node", &["-e", modules]).await) else {
            return;
        };
        let tenant = Tenant::zoo().await;
        let bot = tenant.bot().await.id;
        let settings = tenant.get(&format!("/api/channels/widget/{bot}/settings")).await;
        let examples = settings["examples"].as_array().unwrap();
        let chat = examples.iter().find(|example| example["language"] == "react").unwrap();
        let build = folder("react");
        std::fs::create_dir_all(&build).unwrap();
        std::fs::write(build.join("chat.jsx"), chat["code"].as_str().unwrap()).unwrap();
        std::fs::copy(script("page.jsx"), build.join("page.jsx")).unwrap();
        let bundle = "const [folder] = process.argv.slice(-1); require('esbuild').buildSync({entryPoints: [folder + '/page.jsx'], \
            bundle: true, jsx: 'automatic', outfile: folder + '/page.js', nodePaths: (process.env.NODE_PATH || '').split(':'), \
            define: {'process.env.NODE_ENV': '\"production\"'}, logLevel: 'error'})";
        output("node", &["-e", bundle, "--"], build.to_str().unwrap()).await;
        let bundled = std::fs::read_to_string(build.join("page.js")).unwrap();
        // The browser shows the page once it is loaded, and it is loaded once its image is: when both questions are answered.
        let page = "<!doctype html><meta charset=utf-8><title>Chat</title><div id=root></div><img src=wait>\
            <script src=page.js></script>";
        let answered = Arc::new(Notify::new());
        let waiting = Arc::clone(&answered);
        let routes = Router::new()
            .route("/", get(async move || Html(page)))
            .route(
                "/page.js",
                get(async move || ([("content-type", "text/javascript")], bundled)),
            )
            .route("/answered", get(async move || answered.notify_one()))
            .route(
                "/wait",
                get(async move || timeout(PATIENCE, waiting.notified()).await.is_ok().to_string()),
            );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, routes).await });
        let profile = format!("--user-data-dir={}", build.join("profile").display());
        let shown = Command::new(browser)
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-proxy-server",
                &profile,
            ])
            .args(["--dump-dom", &url])
            .stderr(Stdio::null())
            .output()
            .await
            .unwrap();
        server.abort();
        let shown = String::from_utf8(shown.stdout).unwrap();
        assert!(shown.contains("<output>answered</output>"), "{shown}");
        assert!(
            shown.contains("opens at nine. [1]") && shown.contains("costs five euros. [1]"),
            "{shown}"
        );
        let sessions = tenant.get(&format!("/api/v1/chat/sessions/{bot}")).await;
        let sessions = sessions["data"].as_array().unwrap();
        assert_eq!(
            (sessions.len(), &sessions[0]["message_count"]),
            (1, &json!(4)),
            "one thread: {sessions:?}"
        );
    });
}

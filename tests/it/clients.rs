//! Clients that others wrote. Where one is not installed the test says so and does nothing.

use std::{path::PathBuf, process::Stdio, sync::Arc};

use axum::{Router, response::Html, routing::get};
use serde_json::{Value, json};
use tokio::{process::Command, sync::Notify, time::timeout};

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

//! The published examples of the channels and app dialects, changed in host and key only, and those that a widget's settings
//! give, pasted into a shell.

use reqwest::Method;
use serde_json::{Value, json};
use shared::keys::Scope;

use crate::{
    examples::{bash, output, page, runs},
    support::{Tenant, expect, run},
};

const CHANNELS_PAGE: &str = "000_8db457320796ec45.txt";
const CHANNELS_HOST: &str = "https://platform.docana.com";
const APP_PAGE: &str = "001_0864456200681dec.txt";

/// A tenant that knows what the pages' examples ask.
async fn shop() -> Tenant {
    let tenant = Tenant::new().await;
    tenant
        .add(
            "Refunds",
            "Our refund policy: money comes back within 30 days of the purchase.",
        )
        .await;
    tenant
}

/// The commands of a page, each with the lines that belong to it.
fn commands(page: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut open = false;
    for line in page.lines() {
        if line.starts_with("curl ") {
            found.push(String::new());
            open = true;
        }
        if let (true, Some(command)) = (open, found.last_mut()) {
            command.push_str(line);
            command.push('\n');
            open = line.ends_with('\\') || command.matches('\'').count() % 2 == 1;
        }
    }
    found
}

#[test]
fn the_channels_pages_curls_work_as_printed() {
    run(async {
        let Some(page) = page(CHANNELS_PAGE) else { return };
        if !runs("curl", &["--version"]).await {
            return;
        }
        let tenant = shop().await;
        let bot = tenant.bot().await.id;
        let with = |command: &str, thread: &str| {
            format!(
                "export APPLICATION_ID={bot} DOCANA_API_KEY={} THREAD_ID={thread}\n{}",
                tenant.key,
                command.replace(CHANNELS_HOST, &tenant.base)
            )
        };
        let [chat, archive] = commands(&page).try_into().unwrap();
        let streamed = bash(&with(&chat, "")).await;
        assert!(
            streamed.contains("within 30 days") && streamed.trim_end().ends_with("data: [DONE]"),
            "{streamed}"
        );
        let history = format!("/api/channels/widget/{bot}/history?visitorId=user-123");
        let history = tenant.get(&history).await;
        let thread = history["threadId"].as_str().unwrap();
        let archived: Value = serde_json::from_str(&bash(&with(&archive, thread)).await).unwrap();
        assert_eq!(
            archived,
            json!({"threadId": thread, "status": "archived", "insights": "off"})
        );
    });
}

#[test]
fn every_endpoint_of_the_channels_page_is_there() {
    run(async {
        let Some(page) = page(CHANNELS_PAGE) else { return };
        let tenant = Tenant::new().await;
        let rows: Vec<&str> = page.lines().filter(|line| line.contains("| /api/")).collect();
        assert_eq!(rows.len(), 9);
        for row in rows {
            let mut cells = row.split('|').map(str::trim).filter(|cell| !cell.is_empty());
            let (method, path) = (cells.next().unwrap(), cells.next().unwrap());
            let parts = path
                .split('/')
                .map(|part| if part.starts_with('{') { "nothing" } else { part });
            let path = parts.collect::<Vec<_>>().join("/");
            let request = tenant.request(method.parse().unwrap(), &path).json(&json!({}));
            let answer = request.send().await.unwrap();
            let (status, body) = (answer.status().as_u16(), answer.text().await.unwrap());
            assert!(matches!(status, 200 | 400 | 404), "{method} {path}: {status} {body}");
            assert!(!body.contains("Endpoint not found"), "{method} {path}: {body}");
        }
    });
}

#[test]
fn the_app_pages_requests_work_as_printed() {
    run(async {
        let Some(page) = page(APP_PAGE) else { return };
        if !runs("curl", &["--version"]).await {
            return;
        }
        let tenant = shop().await;
        let app = tenant.key_with(Scope::App, Some(&tenant.bot().await.id)).await;
        // The page prints the command without its first line.
        let start = page.find("-H \"Authorization: Bearer $API_KEY\"").unwrap();
        let end = start + page[start..].find("}'\n").unwrap() + 2;
        let script = format!(
            "export API_KEY={}\ncurl -N -X POST {}/api/v1/chat \\\n{}",
            app.key,
            app.base,
            &page[start..end]
        );
        let streamed = bash(&script).await;
        assert!(
            streamed.starts_with("event: message\ndata: {\"content\":"),
            "{streamed}"
        );
        assert!(streamed.contains("\nevent: end\ndata: {\"session_id\":"), "{streamed}");

        // The requests that follow, each with the shape of its response.
        let blocks: Vec<&str> = page.split("Request\n").skip(1).collect();
        let [chat, usage, sessions] = blocks.try_into().unwrap();
        let (body, _) = chat.split_once("Response").unwrap();
        let mut body: Value = serde_json::from_str(body.trim()).unwrap();
        body["api_key"] = json!(app.key);
        let answer = app.bare(Method::POST, "/api/v1/chat").json(&body).send().await.unwrap();
        let text = answer.text().await.unwrap();
        assert!(
            text.ends_with("event: end\ndata: {\"session_id\":\"sess_9Rna21\"}\n\n"),
            "{text}"
        );
        for (block, within) in [(usage, "usage"), (sessions, "meta")] {
            let (request, printed) = block.split_once("Response\n").unwrap();
            let path = request
                .trim()
                .strip_prefix("GET ")
                .unwrap()
                .replace("your_api_key", &app.key);
            let got = expect(app.bare(Method::GET, &path).send().await.unwrap(), 200).await;
            let mut printed = serde_json::Deserializer::from_str(printed).into_iter::<Value>();
            let printed = printed.next().unwrap().unwrap();
            let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            assert_eq!(
                (keys(&got), keys(&got[within])),
                (keys(&printed), keys(&printed[within])),
                "{got}"
            );
            if within == "meta" {
                let mut session = keys(&got["sessions"][0]);
                session.retain(|key| key != "messages");
                assert_eq!(
                    (session, &got["sessions"][0]["session_id"]),
                    (keys(&printed["sessions"][0]), &json!("sess_9Rna21"))
                );
            }
        }
    });
}

#[test]
fn the_app_pages_javascript_runs_under_node() {
    run(async {
        let Some(page) = page(APP_PAGE) else { return };
        if !runs("node", &["--version"]).await {
            return;
        }
        let tenant = shop().await;
        let app = tenant.key_with(Scope::App, Some(&tenant.bot().await.id)).await;
        let start = page.find("const res = await fetch").unwrap();
        let end = start + page[start..].find("\n}\n").unwrap() + 2;
        let printed = page[start..end]
            .replace("${'$'}API_KEY", &app.key)
            .replace("'/api/v1/chat'", &format!("'{}/api/v1/chat'", app.base));
        let script = format!("(async () => {{ {printed} }})();");
        let said = output("node", &["-e"], &script).await;
        assert!(said.contains("event: message") && said.contains("event: end"), "{said}");
    });
}

#[test]
fn the_settings_examples_run_as_they_are() {
    run(async {
        let tenant = shop().await;
        let body = json!({"name": "Listed", "allowed_origins": ["https://*.example.com"]});
        let listed = tenant.send(Method::POST, "/api/v1/bots", body, 201).await;
        for bot in [
            tenant.bot().await.id.to_string(),
            listed["id"].as_str().unwrap().to_owned(),
        ] {
            let settings = tenant.get(&format!("/api/channels/widget/{bot}/settings")).await;
            assert_eq!(settings["applicationId"], bot);
            let examples = settings["examples"].as_array().unwrap();
            assert!(examples.len() >= 5);
            for example in examples {
                let code = example["code"].as_str().unwrap();
                let said = match example["language"].as_str().unwrap() {
                    "curl" if runs("curl", &["--version"]).await => output("bash", &["-c"], code).await,
                    "javascript" if runs("node", &["--version"]).await => {
                        output("node", &["--input-type=module", "-e"], code).await
                    }
                    "python" if runs("python3", &["--version"]).await => output("python3", &["-c"], code).await,
                    _ => continue,
                };
                assert!(!said.contains("\"error\"") && said.trim().len() > 10, "{code}\n{said}");
                let thread = code.contains("/archive");
                assert_eq!(thread, said.contains("\"status\":\"archived\""), "{said}");
            }
        }
    });
}

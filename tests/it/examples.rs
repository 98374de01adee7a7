//! The published pages' own examples, taken from the pages when the tests run and changed in host and key only. Where the
//! pages, or a tool that an example needs, are not there, the test says so and does nothing.

use std::{path::PathBuf, process::Stdio};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{Tenant, people::fresh_email, run};

const CHAT_PAGE: &str = "003_1fa5ec52299ef704.txt";
const CONVERSATIONS_PAGE: &str = "004_128494057acc1fb6.txt";
const PLATFORM_PAGE: &str = "002_cb617d3b9c41e052.txt";
const PLATFORM_HOST: &str = "https://konan.ma";
const HOST: &str = "https://api.docbit.ai";

/// The text of a page, if the pages lie beside the project.
pub fn page(name: &str) -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/seeds")
        .join(name);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        println!("SKIPPED: the page {} is not there", path.display());
    }
    text
}

/// Whether a program runs here.
pub async fn runs(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await;
    let runs = status.is_ok_and(|status| status.success());
    if !runs {
        println!("SKIPPED: `{program} {}` does not run here", arguments.join(" "));
    }
    runs
}

/// A tenant with the employee handbook, whose answers the pages show.
async fn partner() -> Tenant {
    let tenant = Tenant::new().await;
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../infra/local/demo/employee-handbook.pdf");
    let made = tenant
        .upload(
            "employee-handbook.pdf",
            std::fs::read(path).unwrap(),
            &[("title", "Employee Handbook")],
        )
        .await;
    let made: Value = made.json().await.unwrap();
    tenant.ready(made["id"].as_str().unwrap()).await;
    tenant
}

/// The curl commands of a page, in order.
fn curls(page: &str, tenant: &Tenant) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut open = false;
    for line in page.lines() {
        if line.starts_with("curl ") {
            commands.push(String::new());
            open = true;
        }
        if let (true, Some(command)) = (open, commands.last_mut()) {
            command.push_str(line);
            command.push('\n');
            open = line.ends_with('\\') || (command.contains("-d '") && command.matches('\'').count() % 2 == 1);
        }
    }
    commands
        .iter()
        .map(|command| {
            command
                .replace(HOST, &tenant.base)
                .replace("sk_yourpartner_abc123...", &tenant.key)
        })
        .collect()
}

pub async fn output(program: &str, arguments: &[&str], script: &str) -> String {
    let done = Command::new(program)
        .args(arguments)
        .arg(script)
        .output()
        .await
        .unwrap();
    assert!(
        done.status.success(),
        "{script}\n{}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8(done.stdout).unwrap()
}

pub async fn bash(script: &str) -> String {
    output("bash", &["-c"], &script.replacen("curl ", "curl -sS ", 1)).await
}

#[test]
fn the_chat_pages_curls_work_as_printed() {
    run(async {
        let Some(page) = page(CHAT_PAGE) else { return };
        if !runs("curl", &["--version"]).await {
            return;
        }
        let tenant = partner().await;
        let [chat, stream] = curls(&page, &tenant).try_into().unwrap();
        let answer: Value = serde_json::from_str(&bash(&chat).await).unwrap();
        let keys: Vec<&String> = answer.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["citations", "confidence", "content", "conversationId"]);
        let citation = &answer["citations"][0];
        assert_eq!(
            (&citation["documentTitle"], &citation["page"], &citation["section"]),
            (&json!("Employee Handbook"), &json!(12), &json!("Time Off Policies")),
            "{answer}"
        );
        assert!(
            answer["content"].as_str().unwrap().contains("15 days of paid vacation"),
            "{answer}"
        );
        let events = bash(&stream).await;
        let lines: Vec<&str> = events.lines().filter(|line| line.starts_with("data: ")).collect();
        assert!(lines.len() > 3 && lines[0].starts_with("data: {\"token\":"), "{events}");
        let last: Value = serde_json::from_str(&lines[lines.len() - 1][6..]).unwrap();
        assert!(last["conversationId"].is_string() && last["citations"].is_array() && last["confidence"].is_string());
    });
}

#[test]
fn the_chat_pages_stream_reader_runs_under_node() {
    run(async {
        let Some(page) = page(CHAT_PAGE) else { return };
        if !runs("node", &["--version"]).await {
            return;
        }
        let tenant = partner().await;
        let start = page.find("async function streamChat").unwrap();
        let end = start + page[start..].find("\n}\n").unwrap() + 3;
        let reader = page[start..end].replace(HOST, &tenant.base);
        let script = format!(
            "const API_KEY = '{}';\n{reader}\nstreamChat('What is the vacation policy?');",
            tenant.key
        );
        let printed = output("node", &["-e"], &script).await;
        let (text, citations) = printed
            .split_once("\n\nCitations:")
            .unwrap_or_else(|| panic!("{printed}"));
        assert!(
            text.contains("15 days of paid vacation") && citations.contains("Employee Handbook"),
            "{printed}"
        );
    });
}

#[test]
fn the_conversations_pages_curls_work_as_printed() {
    run(async {
        let Some(page) = page(CONVERSATIONS_PAGE) else { return };
        if !runs("curl", &["--version"]).await {
            return;
        }
        let tenant = partner().await;
        let asked = tenant
            .user("acme", "user-456", &["employee"])
            .ask("What is our vacation policy?")
            .await;
        let id = asked["conversationId"].as_str().unwrap();
        let [list, one] = curls(&page, &tenant).try_into().unwrap();
        let list: Value = serde_json::from_str(&bash(&list).await).unwrap();
        assert_eq!(
            (
                &list["conversations"][0]["id"],
                &list["total"],
                &list["limit"],
                &list["offset"]
            ),
            (&json!(id), &json!(1), &json!(10), &json!(0))
        );
        let one: Value =
            serde_json::from_str(&bash(&one.replace("550e8400-e29b-41d4-a716-446655440000", id)).await).unwrap();
        assert_eq!(
            (&one["messages"][0]["role"], &one["messages"][1]["role"]),
            (&json!("user"), &json!("assistant"))
        );
        assert_eq!(one["messages"][1]["citations"][0]["page"], 12);
    });
}

#[test]
fn the_conversations_pages_python_runs_with_requests() {
    run(async {
        let Some(page) = page(CONVERSATIONS_PAGE) else { return };
        if !runs("python3", &["-c", "import requests"]).await {
            return;
        }
        let tenant = partner().await;
        let asked = tenant
            .user("acme", "user-456", &["employee", "hr"])
            .ask("What is our vacation policy?")
            .await;
        let start = page.find("def get_conversations").unwrap();
        let end = page.find("User Isolation").unwrap();
        // The page lost its indentation: everything but the `def` lines belongs to a function.
        let body: Vec<String> = page[start..end]
            .lines()
            .map(|line| {
                if line.starts_with("def ") {
                    line.to_owned()
                } else {
                    format!("    {line}")
                }
            })
            .collect();
        let script = format!(
            "import requests\nAPI_KEY = '{}'\n{}\nfound = get_conversations('acme', 'user-456', ['employee', 'hr'])\n\
             one = get_conversation(found[0]['id'], 'acme', 'user-456', ['employee', 'hr'])\nprint(one['id'], len(one['messages']))",
            tenant.key,
            body.join("\n").replace(HOST, &tenant.base)
        );
        assert_eq!(
            output("python3", &["-c"], &script).await.trim(),
            format!("{} 2", asked["conversationId"].as_str().unwrap())
        );
    });
}

#[test]
fn the_conversations_pages_javascript_runs_with_axios() {
    run(async {
        let Some(page) = page(CONVERSATIONS_PAGE) else { return };
        if !runs("node", &["-e", "require('axios')"]).await {
            return;
        }
        let tenant = partner().await;
        let asked = tenant
            .user("acme", "user-456", &["employee"])
            .ask("What is our vacation policy?")
            .await;
        let start = page.find("async function getConversations").unwrap();
        let end = start + page[start..].find("\nPython\n").unwrap();
        let script = format!(
            "const axios = require('axios'); const API_KEY = '{}';\n{}\n(async () => {{ const [first] = await getConversations('acme', 'user-456', ['employee']);\n\
             const one = await getConversation(first.id, 'acme', 'user-456', ['employee']); console.log(one.id, one.messages.length); }})();",
            tenant.key,
            page[start..end].replace(HOST, &tenant.base)
        );
        assert_eq!(
            output("node", &["-e"], &script).await.trim(),
            format!("{} 2", asked["conversationId"].as_str().unwrap())
        );
    });
}

#[test]
fn the_pages_errors_have_their_sentences() {
    run(async {
        let tenant = Tenant::new().await;
        let user = tenant.user("acme", "user-456", &["employee"]);
        assert_eq!(
            user.chat(json!({"message": ""}), 400).await["error"],
            "Message is required"
        );
        assert_eq!(
            user.chat(
                json!({"message": "a", "conversationId": "550e8400-e29b-41d4-a716-446655440000"}),
                404
            )
            .await["error"],
            "Conversation not found"
        );
        let followed = user
            .chat(
                json!({"message": "What is the vacation policy?", "conversationId": null}),
                200,
            )
            .await;
        user.chat(
            json!({"message": "How do I request time off?", "conversationId": followed["conversationId"]}),
            200,
        )
        .await;
    });
}

#[test]
fn the_platform_pages_quick_start_works_as_printed() {
    run(async {
        let Some(page) = page(PLATFORM_PAGE) else { return };
        if !runs("curl", &["--version"]).await {
            return;
        }
        let tenant = Tenant::new().await;
        // The page prints its three commands in one line, with comments between them.
        let line = page.lines().find(|line| line.contains("curl -X POST")).unwrap();
        let printed: Vec<String> = line
            .split("curl ")
            .skip(1)
            .map(|command| {
                let command = command.split(" # ").next().unwrap().replace("\\ ", " ");
                format!("curl {command}").replace(PLATFORM_HOST, &tenant.base)
            })
            .collect();
        let [login, create, send] = printed.try_into().unwrap();
        let email = fresh_email();
        let register = json!({"email": email, "password": "your-password", "name": "You"});
        let door = tenant.somewhere();
        let registered = door
            .bare(reqwest::Method::POST, "/api/v1/auth/register")
            .json(&register);
        assert_eq!(registered.send().await.unwrap().status(), 201);

        let login = login.replace("you@example.com", &email);
        let signed: Value = serde_json::from_str(&bash(&login).await).unwrap();
        assert!(signed["user"]["id"].is_string(), "{signed}");
        let token = signed["token"].as_str().unwrap();
        assert!(token.starts_with("eyJ"), "{token}");
        let bot: Value = serde_json::from_str(&bash(&create.replace("YOUR_TOKEN", token)).await).unwrap();
        assert_eq!((&bot["name"], &bot["active"]), (&json!("Support Bot"), &json!(true)));
        let send = send
            .replace("YOUR_TOKEN", token)
            .replace("BOT_ID", bot["id"].as_str().unwrap());
        let answer: Value = serde_json::from_str(&bash(&send).await).unwrap();
        assert!(
            answer["response"].is_string() && answer["session_id"].is_string(),
            "{answer}"
        );
    });
}

//! What was acknowledged is there after an end without warning.

use local::stack::Stack;
use reqwest::Client;
use serde_json::{Value, json};

use crate::support::{expect, folder, options, run, until};

#[test]
fn documents_conversations_and_the_demo_key_outlive_the_process() {
    run(async {
        let data = folder("restart");
        let start = async || {
            let mut options = options("restarted");
            options.data.clone_from(&data);
            options.demo = true;
            Stack::start(options).await.unwrap()
        };
        let client = Client::builder().no_proxy().build().unwrap();
        let request = |stack: &Stack, method: reqwest::Method, path: &str| {
            let demo = stack.demo.as_ref().unwrap();
            client
                .request(method, format!("{}{path}", stack.base_url))
                .header("Authorization", format!("ApiKey {}", demo.api_key))
                .header("X-External-Org-Id", "acme")
                .header("X-External-User-Id", "user-456")
                .header("X-External-Roles", "[\"employee\"]")
        };
        let ask = async |stack: &Stack| -> Value {
            let body = json!({"message": "What is the vacation policy?"});
            expect(
                request(stack, reqwest::Method::POST, "/api/ai/chat")
                    .json(&body)
                    .send()
                    .await
                    .unwrap(),
                200,
            )
            .await
        };

        let first = start().await;
        let key = first.demo.as_ref().unwrap().api_key.clone();
        let answer = ask(&first).await;
        assert_eq!(
            (&answer["citations"][0]["page"], &answer["citations"][0]["section"]),
            (&json!(12), &json!("Time Off Policies")),
            "{answer}"
        );
        // Accepted, but perhaps not read yet when everything ends.
        let late = json!({"title": "Late", "text": "The late train leaves at 23:47."});
        let late = expect(
            request(&first, reqwest::Method::POST, "/api/v1/documents")
                .json(&late)
                .send()
                .await
                .unwrap(),
            201,
        )
        .await;
        drop(first);

        let second = start().await;
        assert_eq!(second.demo.as_ref().unwrap().api_key, key, "a restart keeps the key");
        let path = format!("/api/ai/conversations/{}", answer["conversationId"].as_str().unwrap());
        let whole = expect(request(&second, reqwest::Method::GET, &path).send().await.unwrap(), 200).await;
        assert_eq!(whole["messages"][1]["content"], answer["content"]);
        assert_eq!(ask(&second).await["citations"][0]["page"], 12);
        let path = format!("/api/v1/documents/{}", late["id"].as_str().unwrap());
        until("the late document", async || {
            let document = expect(request(&second, reqwest::Method::GET, &path).send().await.unwrap(), 200).await;
            (document["status"] == "ready").then_some(())
        })
        .await;
        second.shutdown().await;
    });
}

//! The app dialect's chat: one app, one key, sessions of its own.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use shared::{
    conversations::{self, Conversation},
    keys::Scope,
};

use crate::support::{Tenant, expect, run, stack};

async fn ask(key: &Tenant, body: Value) -> Response {
    let request = key.bare(Method::POST, "/api/v1/chat").bearer_auth(&key.key);
    request.json(&body).send().await.unwrap()
}

#[test]
fn an_app_asks_and_goes_on_in_its_session() {
    run(async {
        let tenant = Tenant::new().await;
        tenant.add("Zoo", "The zoo opens at nine.").await;
        let app = tenant.key_with(Scope::App, Some(&tenant.bot().await.id)).await;
        let answer = expect(ask(&app, json!({"message": "When does the zoo open?"})).await, 200).await;
        assert_eq!(
            (&answer["success"], &answer["confidence"]),
            (&json!(true), &json!("High"))
        );
        assert!(answer["content"].as_str().unwrap().ends_with("at nine."), "{answer}");
        assert_eq!(answer["citations"][0]["document_title"], "Zoo");
        let session = answer["session_id"].clone();
        let more = json!({"message": "And when?", "session_id": session});
        assert_eq!(expect(ask(&app, more).await, 200).await["session_id"], session);
    });
}

#[test]
fn a_stream_has_the_pages_events() {
    run(async {
        let tenant = Tenant::new().await;
        tenant.add("Zoo", "The zoo opens at nine.").await;
        let app = tenant.key_with(Scope::App, Some(&tenant.bot().await.id)).await;
        let body = json!({"message": "When does the zoo open?", "session_id": "sess_9Rna21", "stream": true});
        let text = ask(&app, body).await.text().await.unwrap();
        let events: Vec<&str> = text
            .split("\n\n")
            .filter(|event| event.starts_with("event: "))
            .collect();
        let (end, pieces) = events.split_last().unwrap();
        assert_eq!(*end, "event: end\ndata: {\"session_id\":\"sess_9Rna21\"}");
        let content: String = pieces
            .iter()
            .map(|piece| {
                let data = piece.strip_prefix("event: message\ndata: ").unwrap();
                let data: Value = serde_json::from_str(data).unwrap();
                data["content"].as_str().unwrap().to_owned()
            })
            .collect();
        assert!(content.contains("at nine.") && !content.contains("[1]"), "{content}");
    });
}

#[test]
fn a_session_opens_under_the_apps_id_and_is_private_to_its_key() {
    run(async {
        let tenant = Tenant::new().await;
        tenant.add("Zoo", "The zoo opens at nine.").await;
        let bot = tenant.bot().await.id;
        let (one, other) = (
            tenant.key_with(Scope::App, Some(&bot)).await,
            tenant.key_with(Scope::App, Some(&bot)).await,
        );
        let first = json!({"message": "When does the zoo open?", "session_id": "s1"});
        for key in [&one, &other] {
            assert_eq!(expect(ask(key, first.clone()).await, 200).await["session_id"], "s1");
        }
        let follow = json!({"message": "And at what time exactly?", "session_id": "s1"});
        expect(ask(&one, follow).await, 200).await;
        // First messages at the same time all land in one session.
        let both = (0..4).map(|_| ask(&one, json!({"message": "Hello", "session_id": "together"})));
        for answer in futures::future::join_all(both).await {
            expect(answer, 200).await;
        }
        let table = &stack().await.app().table;
        let of_bot = conversations::of_bot(&tenant.id, &bot);
        let page = table.index2_page::<Conversation>(&of_bot, 10, None);
        let mut counts: Vec<u32> = page.await.unwrap().items.iter().map(|one| one.message_count).collect();
        counts.sort_unstable();
        assert_eq!(
            counts,
            [2, 4, 8],
            "the other key's session, this key's, and the one of four at once"
        );
        let bad = json!({"message": "Hello", "session_id": "no such/id"});
        let refused = expect(ask(&one, bad).await, 404).await;
        assert_eq!(
            (&refused["success"], &refused["error"]),
            (&json!(false), &json!("Conversation not found"))
        );
    });
}

#[test]
fn errors_say_that_they_are_no_success() {
    run(async {
        let tenant = Tenant::new().await;
        let refused = expect(ask(&tenant, json!({"message": " "})).await, 400).await;
        assert_eq!(
            (&refused["success"], &refused["error"]),
            (&json!(false), &json!("Message is required"))
        );
        let nobody = tenant.bare(Method::POST, "/api/v1/chat").json(&json!({"message": "x"}));
        assert_eq!(expect(nobody.send().await.unwrap(), 401).await["success"], false);
    });
}

//! The platform dialect's chat: by bot id, for members, servers and pages.

use reqwest::Method;
use serde_json::{Value, json};
use shared::keys::Scope;

use crate::support::{Tenant, expect, run};

#[test]
fn a_server_asks_a_bot_and_goes_on() {
    run(async {
        let tenant = Tenant::new().await;
        tenant.add("Zoo", "The zoo opens at nine.").await;
        let bot = tenant.bot().await.id;
        let question = json!({"bot_id": bot, "message": "When does the zoo open?"});
        let answer = tenant.send(Method::POST, "/api/v1/chat", question, 200).await;
        assert!(answer["response"].as_str().unwrap().contains("nine. [1]"), "{answer}");
        assert_eq!(answer["citations"][0]["document_title"], "Zoo");
        assert_eq!(
            (&answer["handoff"], &answer["confidence"]),
            (&json!(false), &json!("High"))
        );
        assert!(answer["usage"]["input_tokens"].as_u64().unwrap() > 0, "{answer}");
        let session = answer["session_id"].clone();
        let follow = json!({"bot_id": bot, "message": "And when?", "session_id": session});
        assert_eq!(
            tenant.send(Method::POST, "/api/v1/chat", follow, 200).await["session_id"],
            session
        );
        let unknown = json!({"bot_id": bot, "message": "x", "session_id": "nowhere"});
        tenant.send(Method::POST, "/api/v1/chat", unknown, 404).await;
        for bot in ["nobody", ""] {
            tenant
                .send(
                    Method::POST,
                    "/api/v1/chat",
                    json!({"bot_id": bot, "message": "x"}),
                    404,
                )
                .await;
        }
    });
}

#[test]
fn a_stream_names_its_events_and_their_ids() {
    run(async {
        let tenant = Tenant::new().await;
        tenant.add("Zoo", "The zoo opens at nine.").await;
        let request = tenant.request(Method::POST, "/api/v1/chat/stream");
        let body = request
            .json(&json!({"message": "When does the zoo open?"}))
            .send()
            .await
            .unwrap();
        let text = body.text().await.unwrap();
        let events: Vec<(String, String, Value)> = text
            .split("\n\n")
            .filter(|event| event.starts_with("event: "))
            .map(|event| {
                let line = |name: &str| {
                    event
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .unwrap()
                        .to_owned()
                };
                (
                    line("event: "),
                    line("id: "),
                    serde_json::from_str(&line("data: ")).unwrap(),
                )
            })
            .collect();
        let names: Vec<&str> = events.iter().map(|(name, ..)| name.as_str()).collect();
        assert!(
            names.starts_with(&["token"]) && names.ends_with(&["citations", "done"]),
            "{names:?}"
        );
        let written: String = events
            .iter()
            .filter_map(|(_, _, data)| data["token"].as_str())
            .collect();
        assert!(written.contains("nine. [1]"), "{written}");
        let (_, id, done) = events.last().unwrap();
        let (message, offset) = id.split_once(':').unwrap();
        assert_eq!(done["message_id"], message);
        assert_eq!(offset.parse::<usize>().unwrap(), written.chars().count());
    });
}

#[test]
fn a_visitor_goes_on_only_with_the_token_of_the_first_answer() {
    run(async {
        let tenant = Tenant::new().await;
        let bot = tenant.bot().await;
        let ask = async |body: Value, token: Option<&str>| {
            let mut request = tenant.bare(Method::POST, "/api/v1/chat").bearer_auth(&bot.public_token);
            if let Some(token) = token {
                request = request.header("X-Visitor-Token", token);
            }
            request.json(&body).send().await.unwrap()
        };
        let first = ask(json!({"message": "Hello", "visitor": {"id": "v1"}}), None).await;
        let token = first.headers()["x-visitor-token"].to_str().unwrap().to_owned();
        let session = expect(first, 200).await["session_id"].clone();
        let more = json!({"message": "More", "session_id": session, "visitor": {"id": "v1"}});
        expect(ask(more.clone(), Some(&token)).await, 200).await;
        for wrong in [None, Some("vt_00"), Some("")] {
            expect(ask(more.clone(), wrong).await, 404).await;
        }
        // Another visitor's token does not open it either.
        let other = ask(json!({"message": "Hello", "visitor": {"id": "v2"}}), None).await;
        let other = other.headers()["x-visitor-token"].to_str().unwrap().to_owned();
        expect(ask(more.clone(), Some(&other)).await, 404).await;
        // A hash of the id with the bot's identity secret proves it as well.
        let hash = shared::visitors::identity(&bot, "v1");
        let proved = json!({"message": "More", "session_id": session, "visitor": {"id": "v1", "hash": hash}});
        expect(ask(proved, None).await, 200).await;
        let lied = json!({"message": "More", "session_id": session, "visitor": {"id": "v1", "hash": "00"}});
        expect(ask(lied, None).await, 404).await;
        // The team's own key is believed.
        tenant.send(Method::POST, "/api/v1/chat", more, 200).await;
    });
}

#[test]
fn a_partners_end_user_is_out_of_reach() {
    run(async {
        let tenant = Tenant::new().await;
        let theirs = tenant.user("acme", "ann", &[]).ask("Hello").await["conversationId"].clone();
        let bot = tenant.bot().await.id;
        let body = json!({"bot_id": bot, "message": "More", "session_id": theirs});
        tenant.send(Method::POST, "/api/v1/chat", body, 404).await;
        // An app's session under that id is another one.
        let body = json!({"message": "More", "session_id": theirs});
        let own = tenant.send(Method::POST, "/api/v1/chat", body, 200).await;
        assert_eq!(own["session_id"], theirs);
        assert_eq!(
            tenant
                .user("acme", "ann", &[])
                .get(&format!("/api/ai/conversations/{}", theirs.as_str().unwrap()), 200)
                .await["messages"]
                .as_array()
                .unwrap()
                .len(),
            2
        );
    });
}

#[test]
fn a_key_asks_its_own_bot_only() {
    run(async {
        let tenant = Tenant::new().await;
        let first = tenant.bot().await.id;
        let second = tenant.bound_key().await;
        let bot = json!({"bot_id": first, "message": "Hello"});
        second.send(Method::POST, "/api/v1/chat", bot, 404).await;
        second
            .send(Method::POST, "/api/v1/chat", json!({"message": "Hello"}), 200)
            .await;
        for scope in [Scope::App, Scope::Widget] {
            let key = tenant.key_with(scope, Some(&first)).await;
            key.send(
                Method::POST,
                "/api/v1/chat",
                json!({"bot_id": first, "message": "Hello"}),
                200,
            )
            .await;
            key.send(
                Method::POST,
                "/api/v1/chat",
                json!({"bot_id": "other", "message": "Hello"}),
                404,
            )
            .await;
            expect(key.request(Method::GET, "/api/v1/documents").send().await.unwrap(), 403).await;
        }
        // A key may be sent as Bearer, in the body or in the query here.
        let key = tenant.key_with(Scope::App, Some(&first)).await.key;
        let bare = || tenant.bare(Method::POST, "/api/v1/chat");
        expect(
            bare()
                .bearer_auth(&key)
                .json(&json!({"message": "Hello"}))
                .send()
                .await
                .unwrap(),
            200,
        )
        .await;
        expect(
            bare()
                .json(&json!({"message": "Hello", "api_key": key}))
                .send()
                .await
                .unwrap(),
            200,
        )
        .await;
        let query = tenant.bare(Method::POST, &format!("/api/v1/chat?api_key={key}"));
        expect(query.json(&json!({"message": "Hello"})).send().await.unwrap(), 200).await;
    });
}

#[test]
fn an_apps_visitor_is_proved_like_a_pages() {
    run(async {
        let tenant = Tenant::new().await;
        let bot = tenant.bot().await;
        let app = tenant.key_with(Scope::App, Some(&bot.id)).await;
        let first = json!({"bot_id": bot.id, "message": "Hello", "visitor": {"id": "v1"}});
        let session = app.send(Method::POST, "/api/v1/chat", first, 200).await["session_id"].clone();
        let more = json!({"bot_id": bot.id, "message": "More", "session_id": session, "visitor": {"id": "v1"}});
        app.send(Method::POST, "/api/v1/chat", more, 404).await;
        let own = json!({"bot_id": bot.id, "message": "Hello"});
        let session = app.send(Method::POST, "/api/v1/chat", own, 200).await["session_id"].clone();
        let more = json!({"bot_id": bot.id, "message": "More", "session_id": session});
        app.send(Method::POST, "/api/v1/chat", more, 200).await;
    });
}

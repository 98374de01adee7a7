//! Threads in the channels dialect, and sessions in the platform's and the app's: the same conversations.

use reqwest::Method;
use serde_json::{Value, json};
use shared::{events::EventType, keys::Scope};

use crate::{
    support::{Tenant, expect, run, until},
    widget::{ask, question, widget},
};

/// Asks as a visitor; gives the thread.
async fn thread(tenant: &Tenant, visitor: &str) -> String {
    let request = widget(tenant, tenant, Method::POST, "chat").await;
    ask(request, question("When does the zoo open?", json!({"id": visitor})))
        .await
        .thread
}

#[test]
fn the_messages_of_a_thread_come_in_pages_oldest_first() {
    run(async {
        let tenant = Tenant::zoo().await;
        let mut id = String::new();
        for _ in 0..3 {
            id = thread(&tenant, "ann").await;
        }
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = tenant
                .get(&format!("/api/threads/{id}/messages?limit=4&cursor={cursor}"))
                .await;
            assert_eq!((&page["threadId"], &page["status"]), (&json!(id), &json!("open")));
            seen.extend(page["messages"].as_array().unwrap().clone());
            match page["nextCursor"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => break,
            }
        }
        let roles: Vec<&str> = seen.iter().map(|message| message["role"].as_str().unwrap()).collect();
        assert_eq!(roles, ["user", "assistant", "user", "assistant", "user", "assistant"]);
        let path = format!("/api/threads/{id}/messages");
        let refused = tenant
            .send(Method::GET, &format!("{path}?limit=0"), json!({}), 400)
            .await;
        assert!(refused["fields"]["limit"].is_string());
        let refused = tenant
            .send(Method::GET, &format!("{path}?cursor=abc"), json!({}), 400)
            .await;
        assert!(refused["fields"]["cursor"].is_string());
        tenant
            .send(Method::GET, "/api/threads/nothing/messages", json!({}), 404)
            .await;
        let user = tenant.user("acme", "ann", &[]);
        let theirs = user.ask("When does the zoo open?").await["conversationId"].clone();
        let path = format!("/api/threads/{}/messages", theirs.as_str().unwrap());
        tenant.send(Method::GET, &path, json!({}), 404).await;
    });
}

#[test]
fn archiving_twice_extracts_once_and_only_where_the_bot_wants_it() {
    run(async {
        let tenant = Tenant::zoo().await;
        let off = thread(&tenant, "ann").await;
        let archive = async |id: &str| {
            let path = format!("/api/threads/{id}/archive");
            tenant.send(Method::POST, &path, json!({}), 200).await
        };
        let latest = async |id: &str, status: u16| {
            let path = format!("/api/threads/{id}/latest-insights");
            tenant.send(Method::GET, &path, json!({}), status).await
        };
        latest(&off, 404).await;
        assert_eq!(archive(&off).await["insights"], "off");
        latest(&off, 404).await;

        let bot = format!("/api/v1/bots/{}", tenant.bot().await.id);
        tenant
            .send(Method::PUT, &bot, json!({"insights": {"mode": "archive"}}), 200)
            .await;
        let on = thread(&tenant, "bob").await;
        let answers = futures::future::join_all((0..8).map(|_| archive(&on))).await;
        for answer in answers {
            assert_eq!(
                answer,
                json!({"threadId": on, "status": "archived", "insights": "queued"})
            );
        }
        let found = until("insights", async || {
            let found = latest(&on, 200).await;
            (found["status"] == "ready").then_some(found)
        })
        .await;
        assert_eq!(found["threadId"], on);
        assert!(found["extractedAt"].is_string(), "{found}");
        let insights = &found["insights"];
        assert!(
            insights["summary"].as_str().unwrap().contains("opens at nine"),
            "{insights}"
        );
        let named: Vec<&String> = insights.as_object().unwrap().keys().collect();
        let expected = [
            "actionItems",
            "custom",
            "resolved",
            "sentiment",
            "summary",
            "topics",
            "unansweredQuestions",
        ];
        assert_eq!(named, expected);
        assert_eq!(tenant.events_of(EventType::InsightsReady, &on).await.len(), 1);
        assert_eq!(tenant.events_of(EventType::SessionArchived, &on).await.len(), 1);
    });
}

#[test]
fn a_session_that_is_handed_over_is_answered_by_nobody_until_it_is_given_back() {
    run(async {
        let tenant = Tenant::zoo().await;
        let bot = tenant.bot().await.id;
        let say = async |session: &Value| {
            let body = json!({"bot_id": bot, "message": "When does the zoo open?", "session_id": session});
            tenant.send(Method::POST, "/api/v1/chat", body, 200).await
        };
        let session = say(&Value::Null).await["session_id"].clone();
        let path = format!("/api/v1/chat/sessions/{}/handoff", session.as_str().unwrap());
        let handed = tenant
            .send(Method::POST, &path, json!({"reason": " angry "}), 200)
            .await;
        assert_eq!(
            (&handed["handoff"], &handed["status"], &handed["reason"]),
            (&json!(true), &json!("pending"), &json!("angry"))
        );
        let again = tenant.send(Method::POST, &path, json!({"reason": "still"}), 200).await;
        assert_eq!(again, handed);
        let silent = say(&session).await;
        assert_eq!(
            (
                &silent["handoff"],
                &silent["response"],
                &silent["citations"],
                &silent["confidence"]
            ),
            (&json!(true), &Value::Null, &json!([]), &Value::Null)
        );
        let body = json!({"bot_id": bot, "message": "Hello?", "session_id": session});
        let streamed = tenant
            .request(Method::POST, "/api/v1/chat/stream")
            .json(&body)
            .send()
            .await
            .unwrap();
        let streamed = streamed.text().await.unwrap();
        assert!(
            streamed.starts_with("event: handoff\n") && streamed.contains("event: done\n"),
            "{streamed}"
        );
        let history = tenant
            .get(&format!("/api/v1/chat/history/{}", session.as_str().unwrap()))
            .await;
        let roles: Vec<&str> = history["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| m["role"].as_str().unwrap())
            .collect();
        assert_eq!(roles, ["user", "assistant", "user", "user"]);
        assert_eq!(
            (&history["handoff"], &history["message_count"]),
            (&json!(true), &json!(4))
        );
        let id = session.as_str().unwrap();
        assert_eq!(tenant.events_of(EventType::HandoffRequested, id).await.len(), 1);
        expect(tenant.request(Method::DELETE, &path).send().await.unwrap(), 204).await;
        assert_eq!(say(&session).await["handoff"], false);
    });
}

#[test]
fn a_page_asks_for_a_person_where_the_bot_offers_one() {
    run(async {
        let tenant = Tenant::zoo().await;
        let bot = tenant.bot().await;
        let page = tenant.key_with(Scope::Widget, Some(&bot.id)).await;
        let begun = ask(
            widget(&page, &tenant, Method::POST, "chat").await,
            question("When does the zoo open?", json!({"id": "v"})),
        )
        .await;
        let request = |token: &str| {
            let path = format!("/api/v1/chat/sessions/{}/handoff", begun.thread);
            page.request(Method::POST, &path)
                .header("X-Visitor-Token", token)
                .json(&json!({}))
        };
        let token = begun.token.clone().unwrap();
        expect(request("vt_0").send().await.unwrap(), 404).await;
        let refused = expect(request(&token).send().await.unwrap(), 409).await;
        assert_eq!(refused["code"], "handoff_off");
        let path = format!("/api/v1/bots/{}", bot.id);
        tenant
            .send(Method::PUT, &path, json!({"handoff": {"enabled": true}}), 200)
            .await;
        assert_eq!(
            expect(request(&token).send().await.unwrap(), 200).await["handoff"],
            true
        );
        let mut more = question("Hello?", json!({}));
        more["visitorToken"] = json!(token);
        let silent = ask(widget(&page, &tenant, Method::POST, "chat").await, more).await;
        let types: Vec<&str> = silent.parts.iter().map(|part| part["type"].as_str().unwrap()).collect();
        assert_eq!(
            (types, silent.thread),
            (vec!["start", "data-handoff", "finish"], begun.thread.clone())
        );
    });
}

#[test]
fn feedback_is_kept_once_for_each_answer_and_for_the_session() {
    run(async {
        let tenant = Tenant::zoo().await;
        let body = json!({"bot_id": tenant.bot().await.id, "message": "When does the zoo open?"});
        let answer = tenant.send(Method::POST, "/api/v1/chat", body, 200).await;
        let session = answer["session_id"].as_str().unwrap();
        let path = format!("/api/v1/chat/sessions/{session}/feedback");
        let say = async |body: Value, status: u16| tenant.send(Method::POST, &path, body, status).await;
        let history = tenant.get(&format!("/api/v1/chat/history/{session}")).await;
        let (asked, answered) = (
            history["messages"][0]["id"].clone(),
            history["messages"][1]["id"].clone(),
        );
        let up = say(json!({"message_id": answered, "rating": "up", "comment": "good"}), 201).await;
        assert_eq!(
            (&up["message_id"], &up["rating"], &up["csat"]),
            (&answered, &json!("up"), &Value::Null)
        );
        say(json!({"message_id": answered, "rating": "down"}), 201).await;
        assert_eq!(say(json!({"csat": 5}), 201).await["message_id"], Value::Null);
        assert_eq!(tenant.events_of(EventType::FeedbackReceived, session).await.len(), 3);
        for (bad, field) in [
            (json!({}), "rating"),
            (json!({"rating": "sideways"}), "rating"),
            (json!({"csat": 0}), "csat"),
            (json!({"csat": 6}), "csat"),
            (json!({"csat": 2.5}), "csat"),
            (json!({"rating": "up", "comment": "x".repeat(2_001)}), "comment"),
        ] {
            assert!(say(bad.clone(), 400).await["fields"][field].is_string(), "{bad}");
        }
        say(json!({"message_id": asked, "rating": "up"}), 404).await;
        say(json!({"message_id": "nothing", "rating": "up"}), 404).await;
    });
}

#[test]
fn an_erased_session_is_gone_from_every_store() {
    run(async {
        let tenant = Tenant::zoo().await;
        let bot = tenant.bot().await.id;
        let keyed = |path: &str, key: &str, body: Value| {
            let request = tenant
                .request(Method::POST, path)
                .header("Idempotency-Key", key.to_owned());
            request.json(&body).send()
        };
        let question = "When does the zoo open, xylophone?";
        let body = json!({"bot_id": bot, "message": question, "visitor": {"id": "ann"}});
        let answer = expect(keyed("/api/v1/chat", "k1", body.clone()).await.unwrap(), 200).await;
        let session = answer["session_id"].as_str().unwrap();
        let more = json!({"bot_id": bot, "message": question, "session_id": session});
        let streamed = keyed("/api/v1/chat/stream", "k1", more).await.unwrap();
        assert!(streamed.text().await.unwrap().contains("event: done"));
        let path = format!("/api/v1/chat/sessions/{session}");
        let said = json!({"rating": "up", "comment": "xylophone"});
        expect(
            keyed(&format!("{path}/feedback"), "k2", said.clone()).await.unwrap(),
            201,
        )
        .await;
        let asked = json!({"reason": "xylophone"});
        expect(
            keyed(&format!("{path}/handoff"), "k3", asked.clone()).await.unwrap(),
            200,
        )
        .await;
        assert!(tenant.rows_with("xylophone").await > 3 && tenant.rows_with("opens at nine").await > 0);

        expect(tenant.request(Method::DELETE, &path).send().await.unwrap(), 204).await;
        expect(tenant.request(Method::DELETE, &path).send().await.unwrap(), 404).await;
        tenant
            .send(Method::GET, &format!("/api/v1/chat/history/{session}"), json!({}), 404)
            .await;
        assert_eq!(tenant.rows_with("xylophone").await, 0, "no row holds what was said");
        assert_eq!(tenant.rows_with("ann").await, 0, "no row knows who asked");
        // No stored answer is left: repetitions are new requests.
        expect(keyed(&format!("{path}/feedback"), "k2", said).await.unwrap(), 404).await;
        expect(keyed(&format!("{path}/handoff"), "k3", asked).await.unwrap(), 404).await;
        let again = expect(keyed("/api/v1/chat", "k1", body).await.unwrap(), 200).await;
        assert_ne!(again["session_id"], session);
    });
}

#[test]
fn who_wrote_to_a_person_is_heard_also_when_the_bot_is_off() {
    run(async {
        let tenant = Tenant::zoo().await;
        let bot = tenant.bot().await.id;
        let say = async |session: &Value, status: u16| {
            let body = json!({"bot_id": bot, "message": "Hello?", "session_id": session});
            tenant.send(Method::POST, "/api/v1/chat", body, status).await
        };
        let session = say(&Value::Null, 200).await["session_id"].clone();
        let path = format!("/api/v1/chat/sessions/{}/handoff", session.as_str().unwrap());
        tenant.send(Method::POST, &path, json!({}), 200).await;
        let path = format!("/api/v1/bots/{bot}/deactivate");
        tenant.send(Method::POST, &path, json!({}), 200).await;
        assert_eq!(say(&session, 200).await["handoff"], true);
        say(&Value::Null, 409).await;
    });
}

#[test]
fn an_app_lists_its_sessions_in_pages() {
    run(async {
        let tenant = Tenant::zoo().await;
        let app = tenant.key_with(Scope::App, Some(&tenant.bot().await.id)).await;
        let other = tenant.key_with(Scope::App, Some(&tenant.bot().await.id)).await;
        let say = async |key: &Tenant, session: &str| {
            let body = json!({"message": "When does the zoo open?", "session_id": session});
            let request = key.bare(Method::POST, "/api/v1/chat").bearer_auth(&key.key);
            expect(request.json(&body).send().await.unwrap(), 200).await
        };
        let mut tokens = 0;
        for session in ["a", "b", "c", "a"] {
            let usage = say(&app, session).await["usage"].clone();
            if session == "a" {
                tokens += usage["input_tokens"].as_u64().unwrap() + usage["output_tokens"].as_u64().unwrap();
            }
        }
        say(&other, "hers").await;
        let list = async |query: &str, status: u16| {
            let path = format!("/api/v1/sessions?api_key={}&{query}", app.key);
            expect(app.bare(Method::GET, &path).send().await.unwrap(), status).await
        };
        let ids = |list: &Value| -> Vec<String> {
            let sessions = list["sessions"].as_array().unwrap();
            sessions
                .iter()
                .map(|session| session["session_id"].as_str().unwrap().to_owned())
                .collect()
        };
        let all = list("", 200).await;
        assert_eq!(ids(&all), ["a", "c", "b"]);
        assert_eq!(
            all["meta"],
            json!({"current_page": 1, "per_page": 20, "has_more": false})
        );
        let first = &all["sessions"][0];
        assert_eq!(first["total_tokens"], tokens);
        assert!(
            first["preview"].as_str().unwrap().starts_with("The zoo opens at nine."),
            "{first}"
        );
        assert!(first["last_at"].is_string() && first.get("messages").is_none());
        let one = list("per_page=2", 200).await;
        assert_eq!(
            (ids(&one), &one["meta"]["has_more"]),
            (vec!["a".to_owned(), "c".to_owned()], &json!(true))
        );
        let two = list("per_page=2&page=2", 200).await;
        assert_eq!(
            (ids(&two), &two["meta"]["has_more"]),
            (vec!["b".to_owned()], &json!(false))
        );
        assert!(ids(&list("page=9", 200).await).is_empty());

        let full = tenant
            .get(&format!("/api/v1/chat/sessions/{}", tenant.bot().await.id))
            .await;
        let full = full["data"].as_array().unwrap();
        let stored = full
            .iter()
            .find(|session| session["session_id"].as_str().unwrap().ends_with("~c"));
        let path = format!(
            "/api/threads/{}/archive",
            stored.unwrap()["session_id"].as_str().unwrap()
        );
        tenant.send(Method::POST, &path, json!({}), 200).await;
        assert_eq!(ids(&list("", 200).await), ["a", "b"]);
        let everything = list("include_all=true", 200).await;
        assert_eq!(ids(&everything), ["a", "c", "b"]);
        let messages = everything["sessions"][0]["messages"].as_array().unwrap();
        assert_eq!((messages.len(), &messages[0]["role"]), (4, &json!("user")));
        for (bad, field) in [
            ("page=0", "page"),
            ("per_page=101", "per_page"),
            ("include_all=maybe", "include_all"),
        ] {
            let refused = list(bad, 400).await;
            assert_eq!(
                (&refused["success"], refused["fields"][field].is_string()),
                (&json!(false), true)
            );
        }
        // Its own history, by the id that it chose; nobody else's.
        let read = |id: &str| {
            let path = format!("/api/v1/chat/history/{id}");
            app.request(Method::GET, &path).send()
        };
        assert_eq!(expect(read("a").await.unwrap(), 200).await["message_count"], 4);
        expect(read("hers").await.unwrap(), 404).await;
    });
}

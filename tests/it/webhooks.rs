//! Webhooks through the public door: who is told what, how it is signed, and what the log says of it.

use std::{collections::BTreeSet, time::Duration};

use axum::response::IntoResponse;
use local::stack::Stack;
use reqwest::Method;
use serde_json::{Value, json};
use shared::{
    keys::{Scope, Secret},
    limits::RateLimits,
    tenants,
};

use crate::support::{Heard, Receiver, Tenant, expect, options, run, until};

/// All events of the contract.
const EVENTS: [&str; 14] = [
    "new_message",
    "new_session",
    "handoff_requested",
    "feedback_received",
    "kb_updated",
    "automation_triggered",
    "ticket_created",
    "task_created",
    "contact_updated",
    "mention",
    "session_assigned",
    "session_archived",
    "insights_ready",
    "routine_finished",
];

/// A webhook of the tenant's default bot that listens to these events.
async fn webhook(tenant: &Tenant, url: &str, events: &[&str]) -> Value {
    let body = json!({"url": url, "events": events, "description": "Orders"});
    tenant.send(Method::POST, "/api/v1/webhooks", body, 201).await
}

fn id(made: &Value) -> &str {
    made["id"].as_str().unwrap()
}

async fn deliveries(tenant: &Tenant, query: &str) -> Vec<Value> {
    let path = format!("/api/v1/webhooks/{}/deliveries?{query}", tenant.bot().await.id);
    tenant.get(&path).await["data"].as_array().unwrap().clone()
}

/// The first delivery that meets a condition, once there is one.
async fn delivery(tenant: &Tenant, what: &str, meets: impl Fn(&Value) -> bool) -> Value {
    until(what, async || {
        deliveries(tenant, "limit=100")
            .await
            .into_iter()
            .find(|found| meets(found))
    })
    .await
}

#[test]
fn every_event_that_happens_is_told_and_verifies() {
    run(async {
        let tenant = Tenant::new().await;
        let bot = tenant.bot().await;
        let archives = json!({"insights": {"mode": "archive"}});
        tenant
            .send(Method::PUT, &format!("/api/v1/bots/{}", bot.id), archives, 200)
            .await;
        let receiver = Receiver::new().await;
        let made = webhook(&tenant, &receiver.url, &EVENTS).await;
        let secret = made["secret"].as_str().unwrap();

        let document = tenant
            .add("Zoo", "The zoo opens at nine. A ticket costs five euros.")
            .await;
        let asked = json!({"bot_id": bot.id, "message": "When does the zoo open?",
            "visitor": {"id": "v1", "email": "ann@example.com", "name": "Ann"}});
        let answer = tenant.send(Method::POST, "/api/v1/chat", asked, 200).await;
        let session = answer["session_id"].as_str().unwrap();
        let sessions = format!("/api/v1/chat/sessions/{session}");
        tenant
            .send(
                Method::POST,
                &format!("{sessions}/feedback"),
                json!({"rating": "up"}),
                201,
            )
            .await;
        tenant
            .send(Method::POST, &format!("{sessions}/handoff"), json!({}), 200)
            .await;
        tenant
            .send(Method::POST, &format!("/api/threads/{session}/archive"), json!({}), 200)
            .await;
        let routines = format!("/api/agents/{}/routines", bot.id);
        let body = json!({"name": "R", "prompt": "What does a ticket cost?", "deliver": {"webhook": true}});
        let routine = tenant.send(Method::POST, &routines, body, 201).await;
        tenant
            .send(
                Method::POST,
                &format!("{routines}/{}/run", id(&routine)),
                json!({}),
                202,
            )
            .await;
        receiver.hears_kinds(&["routine_finished"]).await;
        tenant
            .send(Method::DELETE, &format!("/api/v1/documents/{document}"), json!({}), 204)
            .await;

        let happened = [
            "new_message",
            "new_session",
            "handoff_requested",
            "feedback_received",
            "kb_updated",
            "contact_updated",
            "session_archived",
            "insights_ready",
            "routine_finished",
        ];
        receiver.hears_kinds(&happened).await;
        let heard = until("the document's end", async || {
            let heard = receiver.heard();
            heard
                .iter()
                .any(|one| one.json()["data"]["action"] == "deleted")
                .then_some(heard)
        })
        .await;
        let mut ids = BTreeSet::new();
        for one in &heard {
            assert!(one.is_signed_with(secret), "{one:?}");
            let body = one.json();
            let fields: BTreeSet<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(
                fields,
                BTreeSet::from(["id", "type", "timestamp", "bot_id", "data"]),
                "{body}"
            );
            assert_eq!(one.header("webhook-id"), body["id"]);
            assert_eq!(one.header("content-type"), "application/json");
            assert!(one.header("user-agent").starts_with("docent-webhooks/"));
            assert!(ids.insert(body["id"].as_str().unwrap().to_owned()), "{body} came twice");
        }
        let of = |kind: &str| -> Vec<Value> {
            let bodies = heard.iter().map(Heard::json);
            bodies
                .filter(|body| body["type"] == kind)
                .map(|body| body["data"].clone())
                .collect()
        };
        let roles: BTreeSet<String> = of("new_message").iter().map(|data| data["role"].to_string()).collect();
        assert_eq!(
            roles,
            BTreeSet::from(["\"assistant\"".to_owned(), "\"user\"".to_owned()])
        );
        let history = tenant.get(&format!("/api/v1/chat/history/{session}")).await;
        let said: BTreeSet<String> = of("new_message")
            .iter()
            .map(|data| data["message_id"].to_string())
            .collect();
        let stored = history["messages"].as_array().unwrap().iter();
        assert_eq!(said, stored.map(|message| message["id"].to_string()).collect());
        assert!(of("new_session").iter().all(|data| data["session_id"] == session));
        let actions: Vec<Value> = of("kb_updated").iter().map(|data| data["action"].clone()).collect();
        assert!(
            ["added", "ready", "deleted"]
                .iter()
                .all(|action| actions.contains(&json!(action))),
            "{actions:?}"
        );
        assert_eq!(of("contact_updated")[0]["action"], "created");
        assert!(
            of("routine_finished")[0]["output"]
                .as_str()
                .unwrap()
                .contains("five euros")
        );
        assert_eq!(of("feedback_received")[0]["rating"], "up");
    });
}

#[test]
fn the_log_tells_what_was_sent_and_what_came_back() {
    run(async {
        let tenant = Tenant::new().await;
        let receiver = Receiver::with_status(200).await;
        let made = webhook(&tenant, &receiver.url, &["kb_updated"]).await;
        tenant.add("A", "Text.").await;
        let heard = receiver.hears(2).await;
        let found = delivery(&tenant, "the log", |found| found["status"] == "succeeded").await;
        assert_eq!(
            (&found["webhook_id"], &found["event"]),
            (&made["id"], &json!("kb_updated"))
        );
        assert_eq!(
            (&found["response_status"], &found["response_excerpt"]),
            (&json!(200), &json!("what it says"))
        );
        assert_eq!(
            (&found["next_attempt_at"], &found["problem"], &found["trigger"]),
            (&Value::Null, &Value::Null, &json!("event"))
        );
        assert_eq!(found["attempts"].as_array().unwrap().len(), 1);
        assert!(found["duration_ms"].is_u64() && found["body"].is_null());
        let path = format!("/api/v1/webhooks/{}/deliveries/{}", tenant.bot().await.id, id(&found));
        let whole = tenant.get(&path).await;
        assert!(heard.iter().any(|one| one.json() == whole["body"]), "{whole}");
        assert_eq!(whole["body"]["id"], found["event_id"]);

        // Filters and pages.
        let other = webhook(&tenant, &receiver.url, &["new_session"]).await;
        assert!(
            deliveries(&tenant, &format!("webhook_id={}", id(&other)))
                .await
                .is_empty()
        );
        assert!(deliveries(&tenant, "status=failed").await.is_empty());
        assert!(deliveries(&tenant, "event=new_session").await.is_empty());
        assert_eq!(deliveries(&tenant, "event=kb_updated&status=succeeded").await.len(), 2);
        let bot = tenant.bot().await.id;
        let log = format!("/api/v1/webhooks/{bot}/deliveries");
        let first = tenant.get(&format!("{log}?limit=1")).await;
        let cursor = first["next_cursor"].as_str().unwrap();
        let second = tenant.get(&format!("{log}?limit=1&cursor={cursor}")).await;
        assert!(second["data"][0]["created_at"].as_str() <= first["data"][0]["created_at"].as_str());
        assert_ne!(second["data"][0]["id"], first["data"][0]["id"]);
        for (query, field) in [
            ("status=lost", "status"),
            ("event=nonsense", "event"),
            ("limit=0", "limit"),
        ] {
            let answer = tenant
                .request(Method::GET, &format!("{log}?{query}"))
                .send()
                .await
                .unwrap();
            assert!(expect(answer, 400).await["fields"][field].is_string());
        }
    });
}

#[test]
fn a_rotated_secret_signs_beside_the_new_one_until_its_grace_ends() {
    run(async {
        let tenant = Tenant::new().await;
        let receiver = Receiver::new().await;
        let stated = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let body = json!({"url": receiver.url, "events": ["kb_updated"], "secret": stated});
        let made = tenant.send(Method::POST, "/api/v1/webhooks", body, 201).await;
        assert_eq!(made["secret"], stated);
        let (rotate, test) = (
            format!("/api/v1/webhooks/{}/rotate", id(&made)),
            format!("/api/v1/webhooks/{}/test", id(&made)),
        );
        let rotated = tenant
            .send(Method::POST, &rotate, json!({"grace_seconds": 3600}), 200)
            .await;
        let fresh = rotated["secret"].as_str().unwrap();
        assert!(rotated["previous_secret_until"].is_string() && fresh != stated);
        tenant.send(Method::POST, &test, json!({}), 200).await;
        let heard = receiver.hears(1).await;
        assert!(heard[0].is_signed_with(stated) && heard[0].is_signed_with(fresh));
        assert_eq!(heard[0].header("webhook-signature").split(' ').count(), 2);

        let last = tenant
            .send(Method::POST, &rotate, json!({"grace_seconds": 0}), 200)
            .await;
        tenant.send(Method::POST, &test, json!({}), 200).await;
        let heard = receiver.hears(2).await;
        assert!(heard[1].is_signed_with(last["secret"].as_str().unwrap()));
        assert!(!heard[1].is_signed_with(fresh) && !heard[1].is_signed_with(stated));

        let list = tenant.get(&format!("/api/v1/webhooks/{}", tenant.bot().await.id)).await;
        assert!(!list.to_string().contains("whsec_"), "{list}");
        assert_eq!(tenant.rows_with("whsec_").await, 0);
        let answer = tenant
            .request(Method::POST, &rotate)
            .json(&json!({"grace_seconds": 604_801}))
            .send()
            .await;
        assert!(expect(answer.unwrap(), 400).await["fields"]["grace_seconds"].is_string());
    });
}

#[test]
fn a_secret_is_shown_once_also_to_a_repetition() {
    run(async {
        let tenant = Tenant::new().await;
        let body = json!({"url": "http://127.0.0.1:9/", "events": ["mention"]});
        let send = async || {
            let request = tenant.request(Method::POST, "/api/v1/webhooks").json(&body);
            expect(request.header("Idempotency-Key", "once").send().await.unwrap(), 201).await
        };
        let (first, second) = (send().await, send().await);
        assert_eq!(first["id"], second["id"]);
        assert!(first["secret"].is_string() && second["secret"].is_null(), "{second}");
    });
}

#[test]
fn what_cannot_be_a_webhook_is_refused_with_its_reason() {
    run(async {
        let tenant = Tenant::new().await;
        let refused = async |body: Value| -> (String, String) {
            let answer = tenant
                .request(Method::POST, "/api/v1/webhooks")
                .json(&body)
                .send()
                .await
                .unwrap();
            let error = expect(answer, 400).await;
            let (field, why) = error["fields"].as_object().unwrap().iter().next().unwrap();
            (field.clone(), why.as_str().unwrap().to_owned())
        };
        let events = json!(["kb_updated"]);
        let (field, why) = refused(json!({"url": "https://example.com/", "events": ["kb_updated", "nonsense"]})).await;
        assert_eq!(field, "events[1]");
        assert!(why.contains("\"nonsense\"") && why.contains("new_message"), "{why}");
        assert_eq!(
            refused(json!({"url": "https://example.com/", "events": []})).await.0,
            "events"
        );
        assert_eq!(refused(json!({"events": events})).await.0, "url");
        for (url, says) in [
            ("ftp://example.com/", "must be https"),
            ("http://93.184.215.14/", "must be https"),
            ("https://10.0.0.5/", "private"),
            ("https://169.254.169.254/latest/meta-data", "link-local"),
            ("https://[fd00:ec2::254]/", "private"),
            ("https://0xa.5/", "private"),
            ("https://ann:secret@example.com/", "password"),
            ("nonsense", "must be"),
        ] {
            let (field, why) = refused(json!({"url": url, "events": events})).await;
            assert!(field == "url" && why.contains(says), "{url}: {why}");
        }
        let long = json!({"url": "http://127.0.0.1:9/", "events": events, "description": "x".repeat(501)});
        assert_eq!(refused(long).await.0, "description");
        let short = json!({"url": "http://127.0.0.1:9/", "events": events, "secret": "whsec_c2hvcnQ="});
        assert_eq!(refused(short).await.0, "secret");
        let elsewhere = json!({"bot_id": "nobody", "url": "http://127.0.0.1:9/", "events": events});
        tenant.send(Method::POST, "/api/v1/webhooks", elsewhere, 404).await;
    });
}

#[test]
fn this_machine_is_no_receiver_unless_the_deployment_says_so() {
    run(async {
        let mut options = options("public-only");
        options.allow_local_webhooks = false;
        let stack = Stack::start(options).await.unwrap();
        let (secret, id) = (Secret::generate(), shared::ids::TenantId::new());
        tenants::seed(stack.app(), &id, "Test", &secret, Some(RateLimits::HIGHEST))
            .await
            .unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        for (url, says) in [
            ("https://127.0.0.1/", "loopback"),
            ("https://localhost/", "loopback"),
            ("https://2130706433/", "loopback"),
            ("https://[::ffff:7f00:1]/", "loopback"),
            ("https://[::1]/", "loopback"),
            ("http://127.0.0.1/", "https"),
        ] {
            let request = client
                .post(format!("{}/api/v1/webhooks", stack.base_url))
                .header("Authorization", format!("ApiKey {}", secret.reveal()))
                .json(&json!({"url": url, "events": ["mention"]}));
            let error = expect(request.send().await.unwrap(), 400).await;
            assert!(
                error["fields"]["url"].as_str().unwrap().contains(says),
                "{url}: {error}"
            );
        }
        stack.shutdown().await;
    });
}

#[test]
fn a_bot_has_twenty_webhooks_however_many_are_made_at_once() {
    run(async {
        let tenant = Tenant::new().await;
        let body = json!({"url": "http://127.0.0.1:9/", "events": ["mention"]});
        let one = async || {
            let request = tenant.request(Method::POST, "/api/v1/webhooks").json(&body);
            request.send().await.unwrap().status().as_u16()
        };
        let mut made = 0;
        for _ in 0..8 {
            let statuses = futures::future::join_all((0..6).map(|_| one())).await;
            assert!(
                statuses.iter().all(|status| matches!(status, 201 | 409)),
                "{statuses:?}"
            );
            made += statuses.iter().filter(|status| **status == 201).count();
        }
        let bot = tenant.bot().await.id;
        let list = tenant.get(&format!("/api/v1/webhooks/{bot}?limit=100")).await;
        assert_eq!((made, list["data"].as_array().unwrap().len()), (20, 20));
        let full = tenant.send(Method::POST, "/api/v1/webhooks", body.clone(), 409).await;
        assert_eq!(full["code"], "too_many_webhooks");
        let gone = format!("/api/v1/webhooks/{}", id(&list["data"][0]));
        tenant.send(Method::DELETE, &gone, json!({}), 204).await;
        tenant.send(Method::POST, "/api/v1/webhooks", body, 201).await;
    });
}

#[test]
fn a_webhook_is_changed_and_hears_what_it_listens_to_then() {
    run(async {
        let tenant = Tenant::new().await;
        let (first, second) = (Receiver::new().await, Receiver::new().await);
        let made = webhook(&tenant, &first.url, &["new_session"]).await;
        let path = format!("/api/v1/webhooks/{}", id(&made));
        let body = json!({"url": second.url, "events": ["kb_updated"], "description": ""});
        let changed = tenant.send(Method::PUT, &path, body, 200).await;
        assert_eq!(
            (&changed["events"], &changed["description"]),
            (&json!(["kb_updated"]), &Value::Null)
        );
        assert!(changed["secret"].is_null());
        tenant.add("A", "Text.").await;
        second.hears(2).await;
        let off = tenant.send(Method::PUT, &path, json!({"enabled": false}), 200).await;
        assert_eq!(
            (&off["enabled"], &off["disabled_reason"]),
            (&json!(false), &Value::Null)
        );
        tenant.add("B", "Text.").await;
        tenant
            .send(Method::PUT, &path, json!({"enabled": true, "url": first.url}), 200)
            .await;
        tenant.add("C", "Text.").await;
        first.hears(2).await;
        assert_eq!(second.heard().len(), 2, "nothing while it was off");
        tenant.send(Method::DELETE, &path, json!({}), 204).await;
        tenant.send(Method::PUT, &path, json!({"enabled": true}), 404).await;
        tenant.send(Method::DELETE, &path, json!({}), 404).await;
        let refused = tenant
            .request(Method::PUT, &path)
            .json(&json!({"events": ["x"]}))
            .send()
            .await
            .unwrap();
        expect(refused, 404).await;
    });
}

#[test]
fn what_is_about_all_bots_is_told_to_the_webhooks_of_each() {
    run(async {
        let tenant = Tenant::new().await;
        let other = tenant
            .send(Method::POST, "/api/v1/bots", json!({"name": "Other"}), 201)
            .await;
        let (ours, theirs) = (Receiver::new().await, Receiver::new().await);
        webhook(&tenant, &ours.url, &["kb_updated"]).await;
        let body = json!({"bot_id": other["id"], "url": theirs.url, "events": ["kb_updated"]});
        tenant.send(Method::POST, "/api/v1/webhooks", body, 201).await;
        tenant
            .add_with(json!({"title": "Theirs", "text": "Text.", "bot_id": other["id"]}))
            .await;
        assert!(
            theirs
                .hears(2)
                .await
                .iter()
                .all(|one| one.json()["bot_id"] == other["id"])
        );
        tenant.add("All", "Text.").await;
        assert!(ours.hears(2).await.iter().all(|one| one.json()["bot_id"].is_null()));
        theirs.hears(4).await;
        assert_eq!(ours.heard().len(), 2, "what is another bot's is not told");
        let stranger = Tenant::new().await;
        stranger.add("Foreign", "Text.").await;
        assert_eq!(ours.heard().len(), 2);
    });
}

#[test]
fn a_test_says_what_really_came_of_it() {
    run(async {
        let tenant = Tenant::new().await;
        let test = async |url: &str, body: Value| {
            let made = webhook(&tenant, url, &["handoff_requested", "kb_updated"]).await;
            let path = format!("/api/v1/webhooks/{}", id(&made));
            let outcome = tenant.send(Method::POST, &format!("{path}/test"), body, 200).await;
            let again = format!(
                "/api/v1/webhooks/{}/deliveries/{}/redeliver",
                tenant.bot().await.id,
                id(&outcome)
            );
            let refused = tenant.send(Method::POST, &again, json!({}), 409).await;
            assert_eq!(refused["code"], "test_delivery");
            tenant.send(Method::DELETE, &path, json!({}), 204).await;
            outcome
        };
        let receiver = Receiver::with_status(202).await;
        let taken = test(&receiver.url, json!({})).await;
        assert_eq!(
            (&taken["status"], &taken["response_status"]),
            (&json!("succeeded"), &json!(202))
        );
        assert_eq!(
            (&taken["trigger"], &taken["event"]),
            (&json!("test"), &json!("handoff_requested"))
        );
        assert_eq!(taken["body"]["data"]["test"], true);
        assert_eq!(receiver.heard()[0].json(), taken["body"]);
        let stated = test(&receiver.url, json!({"event": "routine_finished"})).await;
        assert_eq!(stated["body"]["type"], "routine_finished");

        let failed = async |url: &str| {
            let outcome = test(url, json!({})).await;
            assert_eq!(
                (&outcome["status"], &outcome["next_attempt_at"]),
                (&json!("failed"), &Value::Null)
            );
            let error = &outcome["attempts"][0]["error"];
            (
                outcome["response_status"].clone(),
                error["code"].as_str().unwrap().to_owned(),
            )
        };
        let down = Receiver::with_status(503).await;
        assert_eq!(failed(&down.url).await, (json!(503), "status".to_owned()));
        let redirecting = Receiver::answering(|_, _| {
            Box::pin(async { axum::response::Redirect::temporary("/elsewhere").into_response() })
        })
        .await;
        assert_eq!(failed(&redirecting.url).await, (json!(307), "status".to_owned()));
        assert_eq!(redirecting.heard().len(), 1);
        let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", nobody.local_addr().unwrap());
        drop(nobody);
        assert_eq!(failed(&url).await, (Value::Null, "connection_refused".to_owned()));
        let cutting = Receiver::answering(|_, _| Box::pin(async { panic!("this receiver hangs up") })).await;
        assert_eq!(failed(&cutting.url).await.1, "closed");
        let refused = tenant
            .request(Method::POST, &format!("/api/v1/webhooks/{}/test", "nobody"))
            .send()
            .await
            .unwrap();
        expect(refused, 404).await;
    });
}

#[test]
fn a_failed_delivery_is_tried_again_and_again_on_demand() {
    run(async {
        let tenant = Tenant::new().await;
        // Down for the first two requests: those of the document's two events.
        let receiver = Receiver::answering(|before, _| {
            Box::pin(async move {
                let status = if before < 2 { 500 } else { 200 };
                (http::StatusCode::from_u16(status).unwrap(), "").into_response()
            })
        })
        .await;
        let made = webhook(&tenant, &receiver.url, &["kb_updated"]).await;
        tenant.add("A", "Text.").await;
        let waiting = delivery(&tenant, "a failed attempt", |found| found["status"] == "pending").await;
        assert_eq!(waiting["attempts"][0]["error"]["code"], "status");
        let next = waiting["next_attempt_at"].as_str().unwrap();
        let begun = waiting["attempts"][0]["at"].as_str().unwrap();
        assert!(next > begun, "{waiting}");
        let path = format!("/api/v1/webhooks/{}", tenant.bot().await.id);
        let failing = tenant.get(&path).await["data"][0]["failing_since"].clone();
        assert!(failing.is_string());
        // By itself, after five seconds.
        let heard = receiver.hears(4).await;
        let done = delivery(&tenant, "the second attempt", |found| {
            found["id"] == waiting["id"] && found["status"] == "succeeded"
        })
        .await;
        let attempts = done["attempts"].as_array().unwrap();
        assert_eq!(attempts.len(), 2);
        assert!(attempts[0]["at"].as_str() < attempts[1]["at"].as_str());
        assert_eq!((&attempts[0]["number"], &attempts[1]["number"]), (&json!(1), &json!(2)));
        let own: Vec<&Heard> = heard
            .iter()
            .filter(|one| one.json()["id"] == done["event_id"])
            .collect();
        assert_eq!(own.len(), 2);
        assert_eq!(own[0].body, own[1].body, "the same, byte for byte");
        assert!(own[0].header("webhook-timestamp") < own[1].header("webhook-timestamp"));
        assert!(
            own.iter()
                .all(|one| one.is_signed_with(made["secret"].as_str().unwrap()))
        );
        until("the webhook to have recovered", async || {
            let list = tenant.get(&path).await;
            list["data"][0]["failing_since"].is_null().then_some(())
        })
        .await;
        // And on demand.
        let again = format!("{path}/deliveries/{}/redeliver", id(&done));
        let begun = tenant.send(Method::POST, &again, json!({}), 202).await;
        assert_eq!(begun["status"], "pending");
        let heard = receiver.hears(5).await;
        assert_eq!(heard[4].body, own[0].body);
        let done = delivery(&tenant, "the third attempt", |found| {
            found["id"] == done["id"] && found["attempts"].as_array().unwrap().len() == 3
        })
        .await;
        assert_eq!(done["status"], "succeeded");
        tenant
            .send(
                Method::PUT,
                &format!("/api/v1/webhooks/{}", id(&made)),
                json!({"enabled": false}),
                200,
            )
            .await;
        let refused = tenant.send(Method::POST, &again, json!({}), 409).await;
        assert_eq!(refused["code"], "webhook_disabled");
        tenant
            .send(
                Method::DELETE,
                &format!("/api/v1/webhooks/{}", id(&made)),
                json!({}),
                204,
            )
            .await;
        let refused = tenant.send(Method::POST, &again, json!({}), 409).await;
        assert_eq!(refused["code"], "webhook_deleted");
    });
}

#[test]
fn a_receiver_that_is_gone_is_told_nothing_more() {
    run(async {
        let tenant = Tenant::new().await;
        let receiver = Receiver::with_status(410).await;
        let made = webhook(&tenant, &receiver.url, &["kb_updated"]).await;
        tenant.add("A", "Text.").await;
        let path = format!("/api/v1/webhooks/{}", tenant.bot().await.id);
        let disabled = until("the webhook to be disabled", async || {
            let list = tenant.get(&path).await;
            let webhook = list["data"][0].clone();
            (webhook["enabled"] == false).then_some(webhook)
        })
        .await;
        assert_eq!(disabled["disabled_reason"], "gone");
        assert!(disabled["disabled_at"].is_string());
        let failed = delivery(&tenant, "the failed delivery", |found| {
            found["problem"]["code"] == "webhook_gone"
        })
        .await;
        assert_eq!(failed["status"], "failed");
        // What it misses is in the log, without an attempt.
        let before = receiver.heard().len();
        tenant.add("B", "Text.").await;
        let missed = until("the log to know of what was missed", async || {
            let found = deliveries(&tenant, "status=failed&limit=100").await.into_iter();
            let missed: Vec<Value> = found
                .filter(|found| found["problem"]["code"] == "webhook_disabled")
                .collect();
            (missed.len() >= 2).then_some(missed)
        })
        .await;
        assert!(
            missed.iter().all(|missed| missed["attempts"] == json!([])),
            "{missed:?}"
        );
        assert_eq!(receiver.heard().len(), before);
        let on = tenant
            .send(
                Method::PUT,
                &format!("/api/v1/webhooks/{}", id(&made)),
                json!({"enabled": true}),
                200,
            )
            .await;
        assert_eq!((&on["enabled"], &on["disabled_reason"]), (&json!(true), &Value::Null));
        // And it can be sent now.
        let taking = Receiver::new().await;
        let url = json!({"url": taking.url});
        tenant
            .send(Method::PUT, &format!("/api/v1/webhooks/{}", id(&made)), url, 200)
            .await;
        tenant
            .send(
                Method::POST,
                &format!("{path}/deliveries/{}/redeliver", id(&missed[0])),
                json!({}),
                202,
            )
            .await;
        assert_eq!(taking.hears(1).await[0].json()["id"], missed[0]["event_id"]);
    });
}

#[test]
fn a_visitor_who_states_an_address_later_becomes_a_contact_then() {
    run(async {
        let tenant = Tenant::new().await;
        let receiver = Receiver::new().await;
        webhook(&tenant, &receiver.url, &["contact_updated"]).await;
        let bot = tenant.bot().await.id;
        let ask = async |session: &Value, visitor: Value| {
            let body = json!({"bot_id": bot, "message": "Hello", "session_id": session, "visitor": visitor});
            tenant.send(Method::POST, "/api/v1/chat", body, 200).await["session_id"].clone()
        };
        let session = ask(&Value::Null, json!({"id": "v1"})).await;
        let email = json!({"id": "v1", "email": "ann@example.com", "name": "Ann"});
        assert_eq!(ask(&session, email.clone()).await, session);
        let heard = receiver.hears(1).await;
        assert_eq!(heard[0].json()["data"]["action"], "created");
        // Stated again, here or elsewhere, it is known.
        ask(&session, email.clone()).await;
        let other = ask(&Value::Null, email).await;
        let last = ask(&Value::Null, json!({"id": "v2", "email": "bob@example.com"})).await;
        assert!(other != session && last != other);
        let heard = receiver.hears(2).await;
        assert_eq!(heard.len(), 2);
        assert_eq!(
            tenant.rows_with("bob@example.com").await,
            3,
            "contact, address, conversation"
        );
    });
}

#[test]
fn the_log_finds_what_is_asked_for_among_much_else() {
    run(async {
        let tenant = Tenant::new().await;
        let receiver = Receiver::with_status(500).await;
        let made = webhook(&tenant, &receiver.url, &["kb_updated"]).await;
        let test = format!("/api/v1/webhooks/{}/test", id(&made));
        let oldest = tenant.send(Method::POST, &test, json!({}), 200).await;
        let fine = Receiver::new().await;
        let url = json!({"url": fine.url});
        tenant
            .send(Method::PUT, &format!("/api/v1/webhooks/{}", id(&made)), url, 200)
            .await;
        for _ in 0..120 {
            tenant.send(Method::POST, &test, json!({}), 200).await;
        }
        let failed = deliveries(&tenant, "status=failed&limit=5").await;
        assert_eq!((failed.len(), &failed[0]["id"]), (1, &oldest["id"]));
        let path = format!(
            "/api/v1/webhooks/{}/deliveries?status=succeeded&limit=50",
            tenant.bot().await.id
        );
        let (mut seen, mut cursor) = (BTreeSet::new(), String::new());
        loop {
            let page = tenant.get(&format!("{path}&cursor={cursor}")).await;
            let mut ids = page["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|found| id(found).to_owned());
            assert!(ids.all(|id| seen.insert(id)));
            match page["next_cursor"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => break,
            }
        }
        assert_eq!(seen.len(), 120);
    });
}

#[test]
fn one_slow_receiver_delays_nobody_else() {
    run(async {
        let tenant = Tenant::new().await;
        let slow = Receiver::answering(|_, _| {
            Box::pin(async {
                // Longer than anybody waits for an answer.
                tokio::time::sleep(Duration::from_secs(60)).await;
                http::StatusCode::OK.into_response()
            })
        })
        .await;
        let quick = Receiver::new().await;
        webhook(&tenant, &slow.url, &["feedback_received"]).await;
        webhook(&tenant, &quick.url, &["handoff_requested"]).await;
        let session = tenant
            .send(
                Method::POST,
                "/api/v1/chat",
                json!({"message": "Hello", "bot_id": tenant.bot().await.id}),
                200,
            )
            .await["session_id"]
            .as_str()
            .unwrap()
            .to_owned();
        let sessions = format!("/api/v1/chat/sessions/{session}");
        for _ in 0..60 {
            tenant
                .send(
                    Method::POST,
                    &format!("{sessions}/feedback"),
                    json!({"rating": "up"}),
                    201,
                )
                .await;
        }
        slow.hears(10).await;
        // All of this while the slow one has not answered a single request.
        for n in 1..=10 {
            tenant
                .send(Method::POST, &format!("{sessions}/handoff"), json!({}), 200)
                .await;
            quick.hears(n).await;
            tenant
                .send(Method::DELETE, &format!("{sessions}/handoff"), json!({}), 204)
                .await;
        }
        let path = format!("/api/v1/webhooks/{}", tenant.bot().await.id);
        until("the slow one to count as slow", async || {
            let list = tenant.get(&path).await;
            let known = list["data"].as_array().unwrap().iter();
            known
                .clone()
                .any(|webhook| webhook["slow_until"].is_string())
                .then_some(())
        })
        .await;
        assert!(
            deliveries(&tenant, "event=feedback_received&status=succeeded&limit=100")
                .await
                .is_empty()
        );
    });
}

#[test]
fn a_deleted_bot_takes_its_webhooks_and_their_log_with_it() {
    run(async {
        let tenant = Tenant::new().await;
        let bot = tenant
            .send(Method::POST, "/api/v1/bots", json!({"name": "Other"}), 201)
            .await;
        let receiver = Receiver::new().await;
        let body = json!({"bot_id": bot["id"], "url": receiver.url, "events": ["kb_updated"]});
        let made = tenant.send(Method::POST, "/api/v1/webhooks", body, 201).await;
        tenant
            .add_with(json!({"title": "A", "text": "Text.", "bot_id": bot["id"]}))
            .await;
        receiver.hears(2).await;
        let path = format!("/api/v1/bots/{}", id(&bot));
        let erasure = expect(tenant.request(Method::DELETE, &path).send().await.unwrap(), 202).await;
        let done = until("the erasure to end", async || {
            let now = tenant.get(&format!("/api/v1/erasures/{}", id(&erasure))).await;
            (now["status"] == "done").then_some(now)
        })
        .await;
        assert_eq!(done["counts"]["webhooks"], 1);
        assert!(done["counts"]["deliveries"].as_u64().unwrap() >= 2, "{done}");
        assert_eq!(tenant.rows_with(&receiver.url).await, 0);
        tenant
            .send(Method::PUT, &format!("/api/v1/webhooks/{}", id(&made)), json!({}), 404)
            .await;
    });
}

#[test]
fn a_page_or_an_app_may_not_know_of_webhooks_and_a_bound_key_only_of_its_bots() {
    run(async {
        let tenant = Tenant::new().await;
        let made = webhook(&tenant, "http://127.0.0.1:9/", &["mention"]).await;
        let bot = tenant.bot().await.id;
        let app = tenant.key_with(Scope::App, Some(&bot)).await;
        let list = app
            .request(Method::GET, &format!("/api/v1/webhooks/{bot}"))
            .send()
            .await
            .unwrap();
        expect(list, 403).await;
        let bound = tenant.bound_key().await;
        let path = format!("/api/v1/webhooks/{}", id(&made));
        bound.send(Method::PUT, &path, json!({"enabled": false}), 404).await;
        let own = bound
            .send(
                Method::POST,
                "/api/v1/webhooks",
                json!({"url": "http://127.0.0.1:9/", "events": ["mention"]}),
                201,
            )
            .await;
        assert_ne!(own["bot_id"], made["bot_id"], "a bound key's own bot is meant");
    });
}

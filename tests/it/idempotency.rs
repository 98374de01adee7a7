//! `Idempotency-Key`: a request that is sent again gets its first answer again.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shared::{
    limits::RateLimits,
    store::{Condition, Partition, Update},
};

use crate::support::{Tenant, expect, people::Person, run, stack};

async fn post(tenant: &Tenant, path: &str, key: &str, body: &Value) -> Response {
    let request = tenant.user("acme", "ann", &["hr"]).request(Method::POST, path);
    request.header("Idempotency-Key", key).json(body).send().await.unwrap()
}

#[test]
fn what_is_made_once_is_made_once() {
    run(async {
        let tenant = Tenant::new().await;
        let body = json!({"name": "Once"});
        let first = expect(post(&tenant, "/api/v1/folders", "k1", &body).await, 201).await;
        let second = post(&tenant, "/api/v1/folders", "k1", &body).await;
        assert_eq!(second.headers()["idempotent-replayed"], "true");
        assert_eq!(second.headers()["content-type"], "application/json");
        assert_eq!(expect(second, 201).await, first);
        assert_eq!(tenant.get("/api/v1/folders").await["data"].as_array().unwrap().len(), 1);
        let other = expect(post(&tenant, "/api/v1/folders", "k2", &body).await, 201).await;
        assert_ne!(other["id"], first["id"]);
    });
}

#[test]
fn another_request_under_the_same_key_is_a_conflict() {
    run(async {
        let tenant = Tenant::new().await;
        expect(post(&tenant, "/api/v1/folders", "k", &json!({"name": "a"})).await, 201).await;
        let refused = expect(post(&tenant, "/api/v1/folders", "k", &json!({"name": "b"})).await, 409).await;
        assert_eq!(refused["code"], "idempotency_conflict");
    });
}

#[test]
fn a_finished_stream_is_replayed_without_another_turn() {
    run(async {
        let tenant = Tenant::new().await;
        tenant.add("Zoo", "The zoo opens at nine.").await;
        let body = json!({"message": "When does the zoo open?"});
        let first = post(&tenant, "/api/ai/chat/stream", "s", &body)
            .await
            .text()
            .await
            .unwrap();
        assert!(first.contains("\"citations\""), "{first}");
        let second = post(&tenant, "/api/ai/chat/stream", "s", &body).await;
        assert!(
            second.headers()["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/event-stream")
        );
        assert_eq!(second.text().await.unwrap(), first);
        let user = tenant.user("acme", "ann", &["hr"]);
        assert_eq!(user.get("/api/ai/conversations", 200).await["total"], 1);
    });
}

#[test]
fn a_stream_whose_client_left_is_finished_and_replayed() {
    run(async {
        let tenant = Tenant::new().await;
        tenant.add("Zoo", &"The zoo opens at nine. ".repeat(5)).await;
        let body = json!({"message": "When does the zoo open?"});
        drop(post(&tenant, "/api/ai/chat/stream", "left", &body).await);
        let again = crate::support::until("the first stream to be kept", async || {
            let answer = post(&tenant, "/api/ai/chat/stream", "left", &body).await;
            (answer.status() == 200).then_some(answer)
        })
        .await;
        assert_eq!(again.headers()["idempotent-replayed"], "true");
        assert!(again.text().await.unwrap().contains("\"conversationId\""));
    });
}

#[test]
fn two_at_once_run_once() {
    run(async {
        let tenant = Tenant::new().await;
        let body = json!({"name": "Once"});
        let both = (0..8).map(|_| post(&tenant, "/api/v1/folders", "race", &body));
        let mut statuses: Vec<u16> = futures::future::join_all(both)
            .await
            .iter()
            .map(|answer| answer.status().as_u16())
            .collect();
        statuses.dedup();
        assert!(
            statuses.iter().all(|status| matches!(status, 201 | 409)),
            "{statuses:?}"
        );
        assert_eq!(tenant.get("/api/v1/folders").await["data"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn an_error_frees_the_key() {
    run(async {
        let tenant = Tenant::new().await;
        for (path, bad, fine, status) in [
            ("/api/v1/folders", json!({"name": 5}), json!({"name": "fine"}), 201),
            ("/api/search", json!({"query": 5}), json!({"query": "bridge"}), 200),
        ] {
            expect(post(&tenant, path, "k", &bad).await, 400).await;
            expect(post(&tenant, path, "k", &fine).await, status).await;
        }
    });
}

#[test]
fn who_may_not_ask_for_end_users_hears_that_first() {
    run(async {
        let (tenant, member) = (Tenant::new().await, Person::new().await);
        let request = tenant.bare(Method::POST, "/api/ai/chat").bearer_auth(&member.token);
        let asked = request
            .header("Idempotency-Key", "k")
            .json(&json!({"message": "Hello"}));
        expect(asked.send().await.unwrap(), 403).await;
    });
}

#[test]
fn keys_are_private_to_credential_end_user_and_route() {
    run(async {
        let (tenant, other) = (Tenant::new().await, Tenant::new().await);
        let body = json!({"message": "Hello"});
        let first = expect(post(&tenant, "/api/ai/chat", "k", &body).await, 200).await;
        let id = first["conversationId"].clone();
        assert_ne!(
            expect(post(&other, "/api/ai/chat", "k", &body).await, 200).await["conversationId"],
            id
        );
        let bound = tenant.bound_key().await;
        assert_ne!(
            expect(post(&bound, "/api/ai/chat", "k", &body).await, 200).await["conversationId"],
            id
        );
        let ben = tenant
            .user("acme", "ben", &["hr"])
            .request(Method::POST, "/api/ai/chat");
        let ben = ben.header("Idempotency-Key", "k").json(&body).send().await.unwrap();
        assert_ne!(expect(ben, 200).await["conversationId"], id);
        // The same user with other roles may not read what the first roles were told.
        let roles = tenant.user("acme", "ann", &[]).request(Method::POST, "/api/ai/chat");
        let roles = roles.header("Idempotency-Key", "k").json(&body).send().await.unwrap();
        expect(roles, 409).await;
        let stream = post(&tenant, "/api/ai/chat/stream", "k", &body)
            .await
            .text()
            .await
            .unwrap();
        assert!(stream.starts_with("data: "), "{stream}");
    });
}

#[test]
fn a_malformed_key_is_refused_by_name() {
    run(async {
        let tenant = Tenant::new().await;
        for key in ["", &"x".repeat(256)] {
            let refused = expect(post(&tenant, "/api/v1/folders", key, &json!({"name": "a"})).await, 400).await;
            assert!(refused["fields"]["Idempotency-Key"].is_string(), "{refused}");
        }
    });
}

#[test]
fn a_secret_is_not_shown_again() {
    run(async {
        let tenant = Tenant::new().await;
        let body = json!({"name": "once", "scope": "full"});
        let first = expect(post(&tenant, "/api/v1/keys", "k", &body).await, 201).await;
        assert!(first["key"].is_string());
        let mut again = expect(post(&tenant, "/api/v1/keys", "k", &body).await, 201).await;
        assert!(again.get("key").is_none(), "{again}");
        again["key"] = first["key"].clone();
        assert_eq!(again, first);
    });
}

#[test]
fn repetitions_and_refusals_are_counted_too() {
    run(async {
        let limits = RateLimits {
            standard: Some(3),
            chat: Some(3),
            cap: None,
        };
        let tenant = Tenant::with_limits(Some(limits)).await;
        let body = json!({"message": "Hello"});
        expect(post(&tenant, "/api/ai/chat", "k", &body).await, 200).await;
        expect(post(&tenant, "/api/ai/chat", "k", &body).await, 200).await;
        expect(post(&tenant, "/api/ai/chat", "k", &json!({"message": "x"})).await, 409).await;
        expect(post(&tenant, "/api/ai/chat", "k", &body).await, 429).await;
    });
}

#[test]
fn what_took_effect_before_a_crash_is_not_done_again() {
    run(async {
        let tenant = Tenant::new().await;
        let app = stack().await.app();
        let body = json!({"name": "Once"});
        expect(post(&tenant, "/api/v1/folders", "crash", &body).await, 201).await;
        // As a crash between the transaction and the answer leaves it.
        let key = tenant.get("/api/v1/keys").await["data"][0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let route = hex::encode(Sha256::digest("/api/v1/folders"));
        let parts = ["IDEM", &format!("key:{key}"), "", &route, "crash"];
        let claim = Partition::tenant(&tenant.id, &parts).at("IDEM".to_owned());
        let past = app.clock.now().plus(-1_000);
        let update = Update::at(claim).when(Condition::Exists).set("until", &past).unwrap();
        let update = update.set_or_remove("answer", None::<&String>).unwrap();
        assert!(app.table.update(update).await.unwrap());
        let again = expect(post(&tenant, "/api/v1/folders", "crash", &body).await, 409).await;
        assert_eq!(again["code"], "answer_lost");
        assert_eq!(tenant.get("/api/v1/folders").await["data"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn a_form_is_the_same_whatever_its_boundary() {
    run(async {
        let tenant = Tenant::new().await;
        let send = async |boundary: &str| {
            let body = format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"zoo.txt\"\r\n\r\nThe zoo opens at nine.\r\n--{boundary}--\r\n"
            );
            let request = tenant
                .request(Method::POST, "/api/v1/documents")
                .header("Idempotency-Key", "form");
            let kind = format!("multipart/form-data; boundary={boundary}");
            expect(
                request.header("Content-Type", kind).body(body).send().await.unwrap(),
                201,
            )
            .await
        };
        assert_eq!(send("XX").await, send("another-one").await);
    });
}

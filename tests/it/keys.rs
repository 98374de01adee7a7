//! API keys: made, changed, rotated, revoked.

use reqwest::Method;
use serde_json::{Value, json};
use shared::{
    ids::{BotId, TenantId},
    keys::{ApiKey, Scope, Secret},
    store::Transaction,
};

use crate::support::{Tenant, expect, run, stack, until};

const KEYS: &str = "/api/v1/keys";

async fn make(tenant: &Tenant, body: Value) -> Value {
    tenant.send(Method::POST, KEYS, body, 201).await
}

fn path(key: &Value) -> String {
    format!("{KEYS}/{}", key["id"].as_str().unwrap())
}

async fn bot(tenant: &Tenant) -> Value {
    tenant
        .send(Method::POST, "/api/v1/bots", json!({"name": "Bot"}), 201)
        .await["id"]
        .clone()
}

#[test]
fn a_key_is_shown_once_and_changed_afterwards() {
    run(async {
        let tenant = Tenant::new().await;
        let made = make(
            &tenant,
            json!({"name": " CI ", "scope": "full", "rate_limits": {"chat": 5}}),
        )
        .await;
        let secret = made["key"].as_str().unwrap();
        assert!(secret.starts_with("sk_") && secret.starts_with(made["prefix"].as_str().unwrap()));
        assert_eq!(tenant.keyed(&made["key"]).status().await, 200);
        let list = tenant.get(KEYS).await;
        assert_eq!(
            (list["data"][0]["id"].clone(), list["data"].as_array().unwrap().len()),
            (made["id"].clone(), 2)
        );
        assert!(!list.to_string().contains(secret) && !list.to_string().contains("hash"));
        let patch = json!({"name": "Build", "rate_limits": {}, "allowed_origins": ["https://app.example.com"]});
        let changed = tenant.send(Method::PUT, &path(&made), patch, 200).await;
        assert_eq!(
            (&changed["name"], &changed["rate_limits"], &changed["key"]),
            (&json!("Build"), &Value::Null, &Value::Null)
        );
        let page = async |origin: &str| {
            let request = tenant.keyed(&made["key"]).request(Method::GET, "/api/v1/bots");
            request.header("Origin", origin).send().await.unwrap().status().as_u16()
        };
        assert_eq!(page("https://app.example.com").await, 200);
        assert_eq!(
            page("https://evil.example.com").await,
            403,
            "what a key opens changes with it"
        );
    });
}

#[test]
fn bad_fields_are_refused_by_name() {
    run(async {
        let tenant = Tenant::new().await;
        for (field, bad) in [
            ("name", json!({"scope": "full"})),
            ("name", json!({"name": " ", "scope": "full"})),
            ("scope", json!({"name": "x"})),
            ("scope", json!({"name": "x", "scope": "root"})),
            ("bot_id", json!({"name": "x", "scope": "app"})),
            ("bot_id", json!({"name": "x", "scope": "widget"})),
            ("bot_id", json!({"name": "x", "scope": "routine", "bot_id": null})),
            (
                "expires_at",
                json!({"name": "x", "scope": "full", "expires_at": "2020-01-01T00:00:00Z"}),
            ),
            (
                "expires_at",
                json!({"name": "x", "scope": "full", "expires_at": "soon"}),
            ),
            (
                "allowed_origins",
                json!({"name": "x", "scope": "full", "allowed_origins": ["example.com"]}),
            ),
            (
                "rate_limits.cap",
                json!({"name": "x", "scope": "full", "rate_limits": {"cap": 0}}),
            ),
        ] {
            let refused = tenant.send(Method::POST, KEYS, bad, 400).await;
            assert!(refused["fields"][field].is_string(), "{field}: {refused}");
        }
        let key = make(&tenant, json!({"name": "x", "scope": "full"})).await;
        let rotate = format!("{}/rotate", path(&key));
        let refused = tenant
            .send(Method::POST, &rotate, json!({"grace_seconds": 604_801}), 400)
            .await;
        assert!(refused["fields"]["grace_seconds"].is_string());
        let refused = tenant
            .send(
                Method::PUT,
                &path(&key),
                json!({"expires_at": "2020-01-01T00:00:00Z"}),
                400,
            )
            .await;
        assert!(refused["fields"]["expires_at"].is_string());
        let unknown = json!({"name": "x", "scope": "app", "bot_id": "nothing"});
        tenant.send(Method::POST, KEYS, unknown, 404).await;
    });
}

#[test]
fn another_tenants_key_looks_absent() {
    run(async {
        let (tenant, other) = (Tenant::new().await, Tenant::new().await);
        let key = make(&tenant, json!({"name": "x", "scope": "full"})).await;
        let never = json!({"id": "00000000-0000-7000-8000-000000000000"});
        for (method, tail) in [(Method::PUT, ""), (Method::DELETE, ""), (Method::POST, "/rotate")] {
            let mut theirs = other
                .send(method.clone(), &format!("{}{tail}", path(&key)), json!({}), 404)
                .await;
            let mut absent = other
                .send(method, &format!("{}{tail}", path(&never)), json!({}), 404)
                .await;
            theirs["request_id"].take();
            absent["request_id"].take();
            assert_eq!(theirs, absent);
        }
        assert_eq!(tenant.keyed(&key["key"]).status().await, 200);
    });
}

#[test]
fn a_bound_key_makes_and_sees_keys_of_its_bot_only() {
    run(async {
        let tenant = Tenant::new().await;
        let (mine, other) = (bot(&tenant).await, bot(&tenant).await);
        let bound = tenant.key_of("full", &mine).await;
        let made = make(&bound, json!({"name": "own", "scope": "widget"})).await;
        assert_eq!(made["bot_id"], mine, "bound like the key that made it");
        bound
            .send(
                Method::POST,
                KEYS,
                json!({"name": "x", "scope": "app", "bot_id": other}),
                404,
            )
            .await;
        let foreign = make(&tenant, json!({"name": "x", "scope": "app", "bot_id": other})).await;
        let whole = make(&tenant, json!({"name": "x", "scope": "full"})).await;
        for hidden in [&foreign, &whole] {
            bound.send(Method::PUT, &path(hidden), json!({"name": "y"}), 404).await;
            bound
                .send(Method::POST, &format!("{}/rotate", path(hidden)), json!({}), 404)
                .await;
            bound.send(Method::DELETE, &path(hidden), json!({}), 404).await;
        }
        let list = bound.get(KEYS).await;
        assert!(
            list["data"].as_array().unwrap().iter().all(|key| key["bot_id"] == mine),
            "{list}"
        );
        assert_eq!(list["data"].as_array().unwrap().len(), 2);
    });
}

#[test]
fn a_revoked_key_opens_nothing_from_the_next_request() {
    run(async {
        let tenant = Tenant::new().await;
        let made = make(&tenant, json!({"name": "x", "scope": "full"})).await;
        let key = tenant.keyed(&made["key"]);
        assert_eq!(key.status().await, 200);
        key.send(Method::DELETE, &path(&made), json!({}), 204).await;
        assert_eq!(key.status().await, 401);
        tenant.send(Method::DELETE, &path(&made), json!({}), 404).await;
    });
}

#[test]
fn a_rotated_key_ends_at_once_or_after_its_grace() {
    run(async {
        let tenant = Tenant::new().await;
        let made = make(&tenant, json!({"name": "x", "scope": "full"})).await;
        let rotate = async |body: Value| {
            tenant
                .send(Method::POST, &format!("{}/rotate", path(&made)), body, 200)
                .await
        };
        let opens = async |key: &Value| tenant.keyed(&key["key"]).status().await;

        let empty = tenant
            .request(Method::POST, &format!("{}/rotate", path(&made)))
            .send()
            .await
            .unwrap();
        let second = expect(empty, 200).await;
        assert_eq!((&second["previous_until"], &second["id"]), (&Value::Null, &made["id"]));
        assert_eq!((opens(&made).await, opens(&second).await), (401, 200));

        let third = rotate(json!({"grace_seconds": 600})).await;
        assert!(third["previous_until"].is_string());
        assert_eq!((opens(&second).await, opens(&third).await), (200, 200));
        tenant
            .send(Method::PUT, &path(&made), json!({"name": "still both"}), 200)
            .await;
        assert_eq!((opens(&second).await, opens(&third).await), (200, 200));

        let fourth = rotate(json!({"grace_seconds": 600})).await;
        assert_eq!(
            (opens(&second).await, opens(&third).await, opens(&fourth).await),
            (401, 200, 200)
        );
        tenant.send(Method::DELETE, &path(&made), json!({}), 204).await;
        assert_eq!((opens(&third).await, opens(&fourth).await), (401, 401));
    });
}

#[test]
fn a_short_grace_ends_and_so_does_a_key() {
    run(async {
        let tenant = Tenant::new().await;
        let soon = |seconds: i64| async move { stack().await.app().clock.now().plus(seconds * 1000).to_string() };
        let made = make(
            &tenant,
            json!({"name": "x", "scope": "full", "rate_limits": shared::limits::RateLimits::HIGHEST}),
        )
        .await;
        let rotate = format!("{}/rotate", path(&made));
        let next = tenant
            .send(Method::POST, &rotate, json!({"grace_seconds": 1}), 200)
            .await;
        until("the grace to end", async || {
            (tenant.keyed(&made["key"]).status().await == 401).then_some(())
        })
        .await;
        assert_eq!(tenant.keyed(&next["key"]).status().await, 200);
        let ends = json!({"expires_at": soon(1).await});
        tenant.send(Method::PUT, &path(&made), ends, 200).await;
        until("the key to end", async || {
            (tenant.keyed(&next["key"]).status().await == 401).then_some(())
        })
        .await;
        let revived = tenant
            .send(Method::PUT, &path(&made), json!({"expires_at": ""}), 200)
            .await;
        assert_eq!(revived["expires_at"], Value::Null);
        assert_eq!(tenant.keyed(&next["key"]).status().await, 200);
    });
}

#[test]
fn of_changes_at_the_same_time_none_brings_back_a_secret() {
    run(async {
        let tenant = Tenant::new().await;
        for _ in 0..5 {
            let made = make(&tenant, json!({"name": "x", "scope": "full"})).await;
            let rotate = tenant
                .request(Method::POST, &format!("{}/rotate", path(&made)))
                .json(&json!({"grace_seconds": 60}));
            let change = tenant.request(Method::PUT, &path(&made)).json(&json!({"name": "y"}));
            let delete = tenant.request(Method::DELETE, &path(&made));
            let (rotated, changed, deleted) = futures::join!(rotate.send(), change.send(), delete.send());
            assert_eq!(deleted.unwrap().status(), 204);
            assert!([200, 404].contains(&changed.unwrap().status().as_u16()));
            let rotated = rotated.unwrap();
            if rotated.status() == 200 {
                let secret = rotated.json::<Value>().await.unwrap();
                assert_eq!(tenant.keyed(&secret["key"]).status().await, 401);
            }
            assert_eq!(tenant.keyed(&made["key"]).status().await, 401);
        }
    });
}

#[test]
fn a_tenant_has_a_bounded_number_of_keys() {
    run(async {
        let tenant = Tenant::new().await;
        let add = async |tenant: &TenantId| {
            let app = stack().await.app();
            let (secret, bot) = (Secret::generate(), BotId::new());
            let key = ApiKey::new(tenant, &bot, "k", Scope::Full, &secret, app.clock.now());
            let mut transaction = Transaction::default();
            key.create_in(&mut transaction).unwrap();
            app.table.transact(transaction).await.unwrap();
        };
        for _ in 0..199 {
            add(&tenant.id).await;
        }
        let refused = tenant
            .send(Method::POST, KEYS, json!({"name": "x", "scope": "full"}), 409)
            .await;
        assert_eq!(refused["code"], "too_many_keys");
    });
}

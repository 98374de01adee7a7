//! `/api/health`: shallow for everybody, deep for those who run the service.

use std::collections::HashMap;

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use reqwest::Method;
use serde_json::{Value, json};
use shared::{config::Config, search::Search};
use tower::ServiceExt;

use crate::support::{Tenant, expect, people::Person, run, stack};

const BACK_ENDS: [&str; 5] = ["table", "search", "files", "queue", "model"];

#[test]
fn the_shallow_check_says_that_the_service_is_there() {
    run(async {
        let tenant = Tenant::new().await;
        for path in ["/api/health", "/api/health?deep=0"] {
            let answer = expect(tenant.bare(Method::GET, path).send().await.unwrap(), 200).await;
            assert_eq!(answer, json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}));
        }
        for path in ["/api/health?deep=2", "/api/health?deep=", "/api/health?deep=true"] {
            let refused = expect(tenant.bare(Method::GET, path).send().await.unwrap(), 400).await;
            assert_eq!(refused["fields"]["deep"], "must be 0 or 1", "{path}");
        }
    });
}

#[test]
fn the_deep_check_touches_each_back_end() {
    run(async {
        let tenant = Tenant::new().await;
        let health = tenant.get("/api/health?deep=1").await;
        assert_eq!(health["status"], "ok", "{health}");
        assert_eq!(health["checks"].as_object().unwrap().len(), BACK_ENDS.len());
        for back_end in BACK_ENDS {
            let check = &health["checks"][back_end];
            assert_eq!(check["status"], "ok", "{back_end}: {health}");
            assert!(check["duration_ms"].is_u64(), "{health}");
        }
        let nobody = tenant.bare(Method::GET, "/api/health?deep=1").send().await.unwrap();
        expect(nobody, 401).await;
        let person = Person::new().await;
        let deep = async || {
            let request = tenant
                .bare(Method::GET, "/api/health?deep=1")
                .bearer_auth(&person.token);
            request.send().await.unwrap().status().as_u16()
        };
        assert_eq!(deep().await, 200);
        person.becomes(shared::members::Role::Agent).await;
        assert_eq!(deep().await, 403);
        let app = tenant
            .key_with(shared::keys::Scope::App, Some(&tenant.bot().await.id))
            .await;
        expect(
            app.request(Method::GET, "/api/health?deep=1").send().await.unwrap(),
            403,
        )
        .await;
    });
}

/// An index where nobody answers.
async fn nowhere() -> Search {
    let vars = [
        ("TABLE_NAME", "t"),
        ("BUCKET_NAME", "b"),
        ("OPENSEARCH_URL", "http://127.0.0.1:9"),
        ("OPENSEARCH_TARGET", "domain"),
        ("CHAT_MODEL_ID", "m"),
        ("EMBEDDING_MODEL_ID", "e"),
        ("EMBEDDING_DIMENSIONS", "8"),
        ("EMBEDDING_WEIGHT", "0.4"),
    ];
    let vars: HashMap<String, String> = vars.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Search::new(&Config::from_vars(&vars).unwrap(), stack().await.sdk()).unwrap()
}

#[test]
fn a_back_end_that_does_not_answer_is_named_and_nothing_else_is_told() {
    run(async {
        let tenant = Tenant::new().await;
        let mut app = stack().await.app().clone();
        app.search = nowhere().await.into();
        let request = Request::get("/api/health?deep=1").header("Authorization", format!("ApiKey {}", tenant.key));
        let answer = health::router(app)
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(answer.status(), 503);
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        let health: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(health["status"], "degraded");
        for back_end in BACK_ENDS {
            let expected = if back_end == "search" { "failed" } else { "ok" };
            assert_eq!(health["checks"][back_end]["status"], expected, "{health}");
            assert_eq!(health["checks"][back_end].as_object().unwrap().len(), 2, "{health}");
        }
    });
}

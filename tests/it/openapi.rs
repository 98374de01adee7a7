//! The OpenAPI document: what the handlers say is what is committed and served.

use serde_json::Value;
use shared::{app::App, http::openapi};
use utoipa_axum::router::OpenApiRouter;

use crate::support::{Tenant, expect, run};

/// The routes of all functions.
fn groups() -> Vec<OpenApiRouter<App>> {
    vec![
        analytics::documented(),
        auth::documented(),
        bots::documented(),
        channels::documented(),
        chat::documented(),
        conversations::documented(),
        health::documented(),
        knowledge::documented(),
        routines::documented(),
        webhooks::documented(),
    ]
}

/// The document as the handlers say it.
pub fn document() -> Value {
    let all = groups().into_iter().fold(OpenApiRouter::new(), OpenApiRouter::merge);
    openapi::finish(all.get_openapi()).unwrap()
}

#[test]
fn the_committed_document_says_what_the_handlers_say() {
    let root = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let said = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    let committed = std::fs::read_to_string(root.join("openapi.json")).unwrap();
    if said != committed {
        let fresh = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("openapi.json");
        std::fs::write(&fresh, said).unwrap();
        panic!("openapi.json is stale: cp {} openapi.json", fresh.display());
    }
}

#[test]
fn the_document_and_its_page_are_served() {
    run(async {
        let tenant = Tenant::new().await;
        let get = async |path: &str| tenant.bare(reqwest::Method::GET, path).send().await.unwrap();
        assert_eq!(expect(get("/api/v1/openapi.json").await, 200).await, document());
        let page = get("/api/v1/docs").await;
        assert_eq!(page.status(), 200);
        let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(
            policy.contains("default-src 'none'") && policy.matches("'sha256-").count() == 2,
            "{policy}"
        );
        assert!(page.text().await.unwrap().contains("openapi.json"));
    });
}

#[test]
fn every_operation_is_described() {
    let document = document();
    let mut ids = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} is there twice");
            assert!(operation["tags"][0].is_string(), "{method} {path} has no tag");
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
        }
    }
    assert!(ids.len() >= 15, "{ids:?}");
}

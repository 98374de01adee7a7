//! `/api/v1/folders` and the access rule.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Tenant, run, until};

const QUESTION: &str = "What salary does the director earn?";

async fn finds(tenant: &Tenant, org: &str, roles: &[&str]) -> bool {
    let answer = tenant.user(org, "u1", roles).ask(QUESTION).await;
    let found = !answer["citations"].as_array().unwrap().is_empty();
    assert_eq!(
        answer.to_string().contains("90,000"),
        found,
        "not a word without a citation: {answer}"
    );
    found
}

async fn folder(tenant: &Tenant, body: Value) -> String {
    tenant.send(Method::POST, "/api/v1/folders", body, 201).await["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn only_those_whom_folder_and_document_admit_find_anything() {
    run(async {
        let tenant = Tenant::new().await;
        let folder = folder(
            &tenant,
            json!({"name": "HR", "org": "acme", "allowed_roles": ["hr", "board"]}),
        )
        .await;
        tenant.add_with(json!({"title": "Salaries", "text": "The director earns a salary of 90,000.", "folder_id": folder, "allowed_roles": ["hr"]})).await;
        assert!(finds(&tenant, "acme", &["hr"]).await);
        assert!(finds(&tenant, "acme", &["employee", "hr"]).await);
        assert!(!finds(&tenant, "acme", &["board"]).await, "the document wants hr");
        assert!(!finds(&tenant, "acme", &["employee"]).await);
        assert!(!finds(&tenant, "acme", &[]).await);
        assert!(!finds(&tenant, "acme", &["*"]).await);
        assert!(!finds(&tenant, "other", &["hr"]).await, "the folder wants acme");
    });
}

#[test]
fn a_narrower_folder_holds_at_once_and_a_wider_one_soon() {
    run(async {
        let tenant = Tenant::new().await;
        let folder = folder(&tenant, json!({"name": "HR"})).await;
        tenant
            .add_with(
                json!({"title": "Salaries", "text": "The director earns a salary of 90,000.", "folder_id": folder}),
            )
            .await;
        let path = format!("/api/v1/folders/{folder}");
        assert!(finds(&tenant, "acme", &[]).await);
        tenant
            .send(Method::PUT, &path, json!({"allowed_roles": ["hr"]}), 200)
            .await;
        assert!(!finds(&tenant, "acme", &[]).await, "from the very next question");
        until("the index to admit hr", async || {
            finds(&tenant, "acme", &["hr"]).await.then_some(())
        })
        .await;
        tenant.send(Method::PUT, &path, json!({"allowed_roles": []}), 200).await;
        until("the index to admit everybody", async || {
            finds(&tenant, "acme", &[]).await.then_some(())
        })
        .await;
    });
}

#[test]
fn an_answer_of_before_is_not_recalled_for_whom_it_is_closed_now() {
    run(async {
        let tenant = Tenant::new().await;
        let folder = folder(&tenant, json!({"name": "HR"})).await;
        tenant
            .add_with(
                json!({"title": "Salaries", "text": "The director earns a salary of 90,000.", "folder_id": folder}),
            )
            .await;
        let user = tenant.user("acme", "u1", &[]);
        let first = user.ask(QUESTION).await;
        tenant
            .send(
                Method::PUT,
                &format!("/api/v1/folders/{folder}"),
                json!({"allowed_roles": ["hr"]}),
                200,
            )
            .await;
        let again = user
            .chat(
                json!({"message": "Repeat that salary", "conversationId": first["conversationId"]}),
                200,
            )
            .await;
        assert!(!again.to_string().contains("90,000"), "{again}");
    });
}

#[test]
fn a_folder_is_counted_changed_and_deleted_when_empty() {
    run(async {
        let tenant = Tenant::new().await;
        let id = folder(&tenant, json!({"name": "Drafts"})).await;
        let path = format!("/api/v1/folders/{id}");
        let document = tenant
            .add_with(json!({"title": "A", "text": "Some text.", "folder_id": id}))
            .await;
        assert_eq!(tenant.get(&path).await["documents"], 1);
        let refused = tenant.send(Method::DELETE, &path, json!({}), 409).await;
        assert_eq!(refused["code"], "folder_not_empty");
        tenant
            .send(
                Method::PUT,
                &format!("/api/v1/documents/{document}"),
                json!({"folder_id": ""}),
                200,
            )
            .await;
        tenant.ready(&document).await;
        assert_eq!(tenant.get(&path).await["documents"], 0);
        let renamed = tenant
            .send(Method::PUT, &path, json!({"name": "Old drafts", "org": "acme"}), 200)
            .await;
        assert_eq!(
            (&renamed["name"], &renamed["org"]),
            (&json!("Old drafts"), &json!("acme"))
        );
        tenant.send(Method::DELETE, &path, json!({}), 204).await;
        tenant.send(Method::DELETE, &path, json!({}), 404).await;
        tenant.send(Method::POST, "/api/v1/folders", json!({}), 400).await;
        tenant
            .send(Method::POST, "/api/v1/folders", json!({"name": ""}), 400)
            .await;
    });
}

#[test]
fn another_tenants_folder_looks_absent() {
    run(async {
        let (tenant, stranger) = (Tenant::new().await, Tenant::new().await);
        let id = folder(&tenant, json!({"name": "Ours"})).await;
        let path = format!("/api/v1/folders/{id}");
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let error = stranger.send(method, &path, json!({"name": "Mine"}), 404).await;
            assert_eq!(error["error"], "Folder not found");
        }
        stranger
            .send(
                Method::POST,
                "/api/v1/documents",
                json!({"title": "a", "text": "a", "folder_id": id}),
                404,
            )
            .await;
        assert_eq!(stranger.get("/api/v1/folders").await["data"], json!([]));
    });
}

//! Bad input of every kind: a clear error that names the field, and nothing lost or half-written.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{Tenant, expect, run};

const CHAT: [&str; 2] = ["/api/ai/chat", "/api/ai/chat/stream"];

async fn post(tenant: &Tenant, path: &str, body: impl Into<reqwest::Body>) -> Response {
    let user = tenant.user("acme", "u1", &[]);
    user.request(Method::POST, path)
        .header("Content-Type", "application/json")
        .body(body)
        .send()
        .await
        .unwrap()
}

#[test]
fn a_message_is_required() {
    run(async {
        let tenant = Tenant::new().await;
        for body in [
            "{}",
            r#"{"message": null}"#,
            r#"{"message": ""}"#,
            r#"{"message": " \n\t "}"#,
        ] {
            for path in CHAT {
                let error = expect(post(&tenant, path, body).await, 400).await;
                assert_eq!(error["error"], "Message is required", "{body}");
            }
        }
    });
}

#[test]
fn what_is_no_question_is_refused_by_name() {
    run(async {
        let tenant = Tenant::new().await;
        let cases = [
            ("", "body"),
            ("not json", "body"),
            ("[\"message\"]", "body"),
            ("{\"message\": \"a\"", "body"),
            ("\u{feff}{}", "body"),
            ("{\"message\": 5}", "message"),
            ("{\"message\": [\"a\"]}", "message"),
            ("{\"message\": \"a\", \"conversationId\": 7}", "conversationId"),
            ("{\"message\": \"a\", \"documentIds\": \"d\"}", "documentIds"),
            ("{\"message\": \"a\", \"documentIds\": [1]}", "documentIds[0]"),
            ("{\"message\": \"a\", \"folderIds\": {}}", "folderIds"),
        ];
        for (body, field) in cases {
            for path in CHAT {
                let error = expect(post(&tenant, path, body).await, 400).await;
                assert!(error["fields"].get(field).is_some(), "{body}: {error}");
            }
        }
        let deep = format!("{{\"message\": {}1{}}}", "[".repeat(5000), "]".repeat(5000));
        expect(post(&tenant, "/api/ai/chat", deep).await, 400).await;
        let list = tenant.user("acme", "u1", &[]).get("/api/ai/conversations", 200).await;
        assert_eq!(list["total"], 0, "nothing was stored");
    });
}

#[test]
fn sizes_have_limits() {
    run(async {
        let tenant = Tenant::new().await;
        let error = expect(
            post(
                &tenant,
                "/api/ai/chat",
                json!({"message": "x".repeat(16_001)}).to_string(),
            )
            .await,
            400,
        )
        .await;
        assert!(error["fields"]["message"].is_string());
        let ids: Vec<String> = (0..10_000).map(|n| format!("doc-{n}")).collect();
        let error = expect(
            post(
                &tenant,
                "/api/ai/chat",
                json!({"message": "a", "documentIds": ids}).to_string(),
            )
            .await,
            400,
        )
        .await;
        assert!(error["fields"]["documentIds"].is_string());
        let many: Vec<String> = (0..1_000).map(|n| format!("doc-{n}")).collect();
        let answer = expect(
            post(
                &tenant,
                "/api/ai/chat",
                json!({"message": "a b c", "documentIds": many}).to_string(),
            )
            .await,
            200,
        )
        .await;
        assert_eq!(
            (&answer["citations"], &answer["confidence"]),
            (&json!([]), &json!("Low"))
        );
        for size in [10 * 1024 * 1024 + 1, 7 * 1024 * 1024] {
            let body = format!("{{\"message\": \"{}\"}}", "x".repeat(size - 14));
            expect(post(&tenant, "/api/ai/chat", body).await, 413).await;
        }
    });
}

#[test]
fn each_missing_header_is_named() {
    run(async {
        let tenant = Tenant::new().await;
        let all = [
            ("X-External-Org-Id", "acme"),
            ("X-External-User-Id", "u1"),
            ("X-External-Roles", "[]"),
        ];
        for (missing, _) in all {
            for (method, path) in [
                (Method::POST, "/api/ai/chat"),
                (Method::POST, "/api/ai/chat/stream"),
                (Method::GET, "/api/ai/conversations"),
                (Method::GET, "/api/ai/conversations/x"),
            ] {
                let mut request = tenant.request(method, path).body("{}");
                for (name, value) in all.iter().filter(|(name, _)| *name != missing) {
                    request = request.header(*name, *value);
                }
                let error = expect(request.send().await.unwrap(), 400).await;
                assert_eq!(error["error"], "Missing required header");
                assert!(error["fields"].get(missing).is_some(), "{error}");
            }
        }
        let bad_roles = tenant
            .request(Method::GET, "/api/ai/conversations")
            .header("X-External-Org-Id", "a")
            .header("X-External-User-Id", "u")
            .header("X-External-Roles", "[1]");
        assert!(expect(bad_roles.send().await.unwrap(), 400).await["fields"]["X-External-Roles"].is_string());
    });
}

#[test]
fn a_wrong_credential_comes_before_anything_else() {
    run(async {
        let tenant = Tenant::new().await;
        let mut mistyped = tenant.key.clone();
        mistyped.replace_range(10..11, if &mistyped[10..11] == "a" { "b" } else { "a" });
        let unknown = shared::keys::Secret::generate();
        let credentials = [
            String::new(),
            "ApiKey".to_owned(),
            format!("Bearer {}", tenant.key),
            format!("Basic {}", tenant.key),
            tenant.key.clone(),
            format!("ApiKey {mistyped}"),
            format!("ApiKey {}", unknown.reveal()),
            "ApiKey sk_yourpartner_abc123...".to_owned(),
        ];
        for credential in credentials {
            for path in [
                "/api/ai/chat",
                "/api/ai/chat/stream",
                "/api/v1/documents",
                "/api/v1/folders",
            ] {
                let mut request = tenant.bare(Method::POST, path).body("rubbish");
                if !credential.is_empty() {
                    request = request.header("Authorization", &credential);
                }
                let error = expect(request.send().await.unwrap(), 401).await;
                assert_eq!(
                    (&error["error"], &error["code"]),
                    (&json!("Invalid API key"), &json!("unauthorized"))
                );
            }
        }
    });
}

#[test]
fn unknown_paths_and_methods_have_the_one_error_body() {
    run(async {
        let tenant = Tenant::new().await;
        for path in [
            "/",
            "/nowhere",
            "/api",
            "/api/ai/chat/nowhere",
            "/api/v1/documents/x/y/z",
            "/api/ai/conversations/x/y",
        ] {
            expect(tenant.request(Method::GET, path).send().await.unwrap(), 404).await;
        }
        for (method, path) in [
            (Method::GET, "/api/ai/chat"),
            (Method::DELETE, "/api/ai/conversations"),
            (Method::PATCH, "/api/v1/documents/x"),
        ] {
            expect(tenant.request(method, path).send().await.unwrap(), 405).await;
        }
    });
}

#[test]
fn list_parameters_have_bounds() {
    run(async {
        let tenant = Tenant::new().await;
        let user = tenant.user("acme", "u1", &[]);
        for (query, field) in [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=ten", "limit"),
            ("limit=-1", "limit"),
            ("offset=-1", "offset"),
            ("offset=x", "offset"),
        ] {
            let error = user.get(&format!("/api/ai/conversations?{query}"), 400).await;
            assert!(error["fields"].get(field).is_some(), "{query}: {error}");
        }
        let far = user.get("/api/ai/conversations?offset=18446744073709551615", 200).await;
        assert_eq!(far["conversations"], json!([]));
        for cursor in ["x", "AAAAAAAAAAAAAAAA", "%00", &"A".repeat(5000)] {
            let error = expect(
                tenant
                    .request(Method::GET, &format!("/api/v1/documents?cursor={cursor}"))
                    .send()
                    .await
                    .unwrap(),
                400,
            )
            .await;
            assert!(error["fields"]["cursor"].is_string());
        }
    });
}

#[test]
fn documents_that_cannot_be_read_are_refused_or_end_as_failed() {
    run(async {
        let tenant = Tenant::new().await;
        let error = expect(tenant.upload("empty.txt", Vec::new(), &[]).await, 400).await;
        assert!(error["fields"]["file"].is_string());
        let error = expect(
            tenant.upload("tool.exe", b"MZ\x90\0\x03\0\0\0".to_vec(), &[]).await,
            415,
        )
        .await;
        assert!(
            error["error"].as_str().unwrap().contains("PDF"),
            "names what works: {error}"
        );
        let error = expect(
            tenant.upload("big.txt", vec![b'a'; 4 * 1024 * 1024 + 1], &[]).await,
            413,
        )
        .await;
        assert!(error["error"].as_str().unwrap().contains("/api/v1/documents/uploads"));
        let made = expect(
            tenant
                .upload("broken.pdf", b"%PDF-1.7\nnothing of a PDF".to_vec(), &[])
                .await,
            201,
        )
        .await;
        let settled = tenant.settled(made["id"].as_str().unwrap()).await;
        assert_eq!(settled["status"], "failed");
        assert!(
            settled["error"].as_str().unwrap().contains("PDF"),
            "a reason for people: {settled}"
        );
    });
}

#[test]
fn document_fields_are_checked() {
    run(async {
        let tenant = Tenant::new().await;
        let cases = [
            (json!({"title": "a"}), "file"),
            (json!({"text": "a"}), "title"),
            (json!({"title": " ", "text": "a"}), "title"),
            (json!({"title": "x".repeat(301), "text": "a"}), "title"),
            (json!({"title": "a", "text": " "}), "text"),
            (json!({"title": "a", "text": "a", "org": "*"}), "org"),
            (
                json!({"title": "a", "text": "a", "allowed_roles": ["*"]}),
                "allowed_roles",
            ),
            (
                json!({"title": "a", "text": "a", "allowed_roles": "hr"}),
                "allowed_roles",
            ),
            (
                json!({"title": "a", "text": "a", "source_url": "javascript:alert(1)"}),
                "source_url",
            ),
        ];
        for (body, field) in cases {
            let error = tenant.send(Method::POST, "/api/v1/documents", body.clone(), 400).await;
            assert!(error["fields"].get(field).is_some(), "{body}: {error}");
        }
        for (field, sentence) in [("bot_id", "Bot not found"), ("folder_id", "Folder not found")] {
            let error = tenant
                .send(
                    Method::POST,
                    "/api/v1/documents",
                    json!({"title": "a", "text": "a", field: "nope"}),
                    404,
                )
                .await;
            assert_eq!(error["error"], sentence);
        }
        let request = tenant
            .request(Method::POST, "/api/v1/documents")
            .header("Content-Type", "text/csv")
            .body("a,b");
        expect(request.send().await.unwrap(), 415).await;
        let list: Value = tenant.get("/api/v1/documents").await;
        assert_eq!(list, json!({"data": [], "next_cursor": null}), "nothing half-written");
    });
}

//! `POST /api/v1/documents/uploads`: a presigned PUT, and what its arrival starts.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Tenant, expect, pdf_with_ballast, run};

async fn put(upload: &Value, body: Vec<u8>, headers: bool) -> u16 {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.put(upload["url"].as_str().unwrap()).body(body);
    for (name, value) in upload["headers"].as_object().unwrap().iter().filter(|_| headers) {
        request = request.header(name, value.as_str().unwrap());
    }
    request.send().await.unwrap().status().as_u16()
}

#[test]
fn a_file_over_the_request_limit_is_uploaded_and_answers() {
    run(async {
        let tenant = Tenant::new().await;
        let lines = ["The lighthouse was built in 1887 by the harbour guild."];
        let file = pdf_with_ballast(&[("History", &lines)], 6 * 1024 * 1024);
        let body = json!({"filename": "lighthouse.pdf", "content_type": "application/pdf", "size": file.len()});
        let upload = tenant.send(Method::POST, "/api/v1/documents/uploads", body, 201).await;
        let id = upload["id"].as_str().unwrap();
        assert_eq!(
            tenant.get(&format!("/api/v1/documents/{id}")).await["status"],
            "pending"
        );
        assert_eq!(put(&upload, file, true).await, 200);
        tenant.ready(id).await;
        let answer = tenant
            .user("acme", "u1", &[])
            .ask("When was the lighthouse built?")
            .await;
        assert!(answer["content"].as_str().unwrap().contains("1887"), "{answer}");
    });
}

#[test]
fn only_the_announced_length_and_type_are_taken() {
    run(async {
        let tenant = Tenant::new().await;
        let body = json!({"filename": "a.txt", "content_type": "text/plain", "size": 5});
        let upload = tenant.send(Method::POST, "/api/v1/documents/uploads", body, 201).await;
        assert_eq!(put(&upload, b"123456789".to_vec(), false).await, 403);
        let mut tampered = upload.clone();
        tampered["url"] = json!(
            upload["url"]
                .as_str()
                .unwrap()
                .replace(upload["id"].as_str().unwrap(), "another")
        );
        assert_eq!(put(&tampered, b"12345".to_vec(), true).await, 403);
        let id = upload["id"].as_str().unwrap();
        assert_eq!(
            tenant.get(&format!("/api/v1/documents/{id}")).await["status"],
            "pending"
        );
    });
}

#[test]
fn what_cannot_be_uploaded_is_said_before() {
    run(async {
        let tenant = Tenant::new().await;
        let good = json!({"filename": "a.txt", "content_type": "text/plain", "size": 5});
        for (field, value, status) in [
            ("filename", json!(null), 400),
            ("content_type", json!(null), 400),
            ("size", json!(0), 400),
            ("size", json!("big"), 400),
            ("size", json!(10 * 1024 * 1024 + 1), 413),
            ("filename", json!("tool.exe"), 415),
        ] {
            let mut body = good.clone();
            body[field] = value;
            if field == "filename" && status == 415 {
                body["content_type"] = json!("application/x-msdownload");
            }
            expect(
                tenant
                    .request(Method::POST, "/api/v1/documents/uploads")
                    .json(&body)
                    .send()
                    .await
                    .unwrap(),
                status,
            )
            .await;
        }
        assert_eq!(tenant.get("/api/v1/documents").await["data"], json!([]));
    });
}

//! `/api/v1/documents`.

use reqwest::Method;
use serde_json::json;
use shared::{
    access::Access,
    ids::{BotId, DocumentId},
    search::SearchQuery,
};

use crate::support::{Tenant, expect, pdf, run, stack, until};

/// What the index itself holds of a document, whatever the table says.
async fn found_in_index(tenant: &Tenant, document: &str) -> Vec<String> {
    let app = stack().await.app();
    let text = "password guest network";
    let vector = app.models.embed(text).await.unwrap();
    let query = SearchQuery {
        tenant: &tenant.id,
        bot: &BotId::new(),
        text,
        context: None,
        vector: &vector,
        access: &Access::default(),
        documents: &[DocumentId::parse(document).unwrap()],
        folders: &[],
    };
    app.search
        .search(&query)
        .await
        .unwrap()
        .into_iter()
        .map(|hit| hit.id)
        .collect()
}

#[test]
fn a_pdf_is_cited_with_page_and_section() {
    run(async {
        let tenant = Tenant::new().await;
        let file = pdf(&[
            (
                "Welcome",
                &[
                    "This handbook is for everybody who works at the harbour.",
                    "It was printed in spring.",
                ],
            ),
            (
                "Mooring Fees",
                &[
                    "Boats under ten metres pay 30 euros a night.",
                    "Longer boats pay 55 euros a night.",
                ],
            ),
            (
                "Tides",
                &["High water comes twice a day.", "Ask the harbour master for the table."],
            ),
        ]);
        let made = expect(tenant.upload("harbour rules.pdf", file, &[]).await, 201).await;
        assert_eq!(
            (&made["status"], &made["title"]),
            (&json!("pending"), &json!("harbour rules"))
        );
        let ready = tenant.ready(made["id"].as_str().unwrap()).await;
        assert_eq!(
            (&ready["pages"], &ready["content_type"]),
            (&json!(3), &json!("application/pdf"))
        );
        let answer = tenant
            .user("acme", "u1", &[])
            .ask("How much do boats under ten metres pay a night?")
            .await;
        let citation = &answer["citations"][0];
        assert_eq!(
            (&citation["page"], &citation["section"]),
            (&json!(2), &json!("Mooring Fees")),
            "{answer}"
        );
        assert!(answer["content"].as_str().unwrap().contains("30 euros"));
    });
}

#[test]
fn markdown_and_html_are_cited_with_their_section() {
    run(async {
        let tenant = Tenant::new().await;
        let markdown = "# Kettle\n\nA kettle.\n\n## Descaling\n\nDescale the kettle every three months with vinegar.\n\n## Warranty\n\nThe warranty lasts two years.\n";
        let html = "<html><head><title>Parking</title><style>.x{}</style></head><body><nav>Home</nav><h1>Parking</h1><h2>Permits</h2>\
            <p>A parking permit costs <b>20</b> euros a month &amp; is valid for one car.</p><script>var secret</script></body></html>";
        for (name, text) in [("kettle.md", markdown), ("parking.html", html)] {
            let made = expect(
                tenant.upload(name, text.as_bytes().to_vec(), &[("title", name)]).await,
                201,
            )
            .await;
            tenant.ready(made["id"].as_str().unwrap()).await;
        }
        let user = tenant.user("acme", "u1", &[]);
        let answer = user.ask("How often should I descale the kettle?").await;
        assert_eq!(
            (
                &answer["citations"][0]["documentTitle"],
                &answer["citations"][0]["section"]
            ),
            (&json!("kettle.md"), &json!("Descaling")),
            "{answer}"
        );
        assert!(answer["citations"][0].get("page").is_none());
        let answer = user.ask("What does a parking permit cost?").await;
        assert_eq!(
            (
                &answer["citations"][0]["documentTitle"],
                &answer["citations"][0]["section"]
            ),
            (&json!("parking.html"), &json!("Permits")),
            "{answer}"
        );
        assert!(
            answer["content"]
                .as_str()
                .unwrap()
                .contains("20 euros a month & is valid")
        );
    });
}

#[test]
fn a_deleted_document_is_never_quoted_again() {
    run(async {
        let tenant = Tenant::new().await;
        let id = tenant
            .add("Secret", "The password of the guest network is swordfish.")
            .await;
        assert_eq!(found_in_index(&tenant, &id).await.len(), 1);
        let user = tenant.user("acme", "u1", &[]);
        let first = user.ask("What is the password of the guest network?").await;
        assert!(first["content"].as_str().unwrap().contains("swordfish"));
        tenant
            .send(Method::DELETE, &format!("/api/v1/documents/{id}"), json!({}), 204)
            .await;
        // From the very next question, in a new conversation and in the one that quoted it.
        for conversation in [json!(null), first["conversationId"].clone()] {
            let body = json!({"message": "What is the password of the guest network?", "conversationId": conversation});
            let answer = user.chat(body, 200).await;
            assert!(!answer.to_string().contains("swordfish"), "{answer}");
        }
        let absent = expect(
            tenant
                .request(Method::GET, &format!("/api/v1/documents/{id}"))
                .send()
                .await
                .unwrap(),
            404,
        )
        .await;
        assert_eq!(absent["error"], "Document not found");
        tenant
            .send(Method::DELETE, &format!("/api/v1/documents/{id}"), json!({}), 404)
            .await;
        until("the index to forget it", async || {
            found_in_index(&tenant, &id).await.is_empty().then_some(())
        })
        .await;
    });
}

#[test]
fn a_replaced_document_answers_with_the_new_text_only() {
    run(async {
        let tenant = Tenant::new().await;
        let id = tenant.add("Prices", "The museum ticket costs nine euros.").await;
        let user = tenant.user("acme", "u1", &[]);
        let old = user.ask("What does the museum ticket cost?").await;
        assert!(old["content"].as_str().unwrap().contains("nine"));
        let replaced = tenant
            .send(
                Method::PUT,
                &format!("/api/v1/documents/{id}"),
                json!({"text": "The museum ticket costs twelve euros."}),
                200,
            )
            .await;
        assert_eq!(
            (&replaced["version"], &replaced["title"]),
            (&json!(2), &json!("Prices"))
        );
        tenant.ready(&id).await;
        for conversation in [json!(null), old["conversationId"].clone()] {
            let answer = user
                .chat(
                    json!({"message": "What does the museum ticket cost?", "conversationId": conversation}),
                    200,
                )
                .await;
            assert!(
                answer["content"].as_str().unwrap().contains("twelve")
                    && !answer["content"].as_str().unwrap().contains("nine"),
                "{answer}"
            );
        }
        // A failed replacement leaves what is there.
        let form = reqwest::multipart::Form::new().part(
            "file",
            reqwest::multipart::Part::bytes(b"%PDF-1.4 broken".to_vec()).file_name("x.pdf"),
        );
        expect(
            tenant
                .request(Method::PUT, &format!("/api/v1/documents/{id}"))
                .multipart(form)
                .send()
                .await
                .unwrap(),
            200,
        )
        .await;
        assert_eq!(tenant.settled(&id).await["status"], "failed");
        assert!(
            user.ask("What does the museum ticket cost?").await["content"]
                .as_str()
                .unwrap()
                .contains("twelve")
        );
        // Its fields alone can be changed, too.
        tenant
            .send(
                Method::PUT,
                &format!("/api/v1/documents/{id}"),
                json!({"text": "The museum ticket costs one euro.", "title": "New prices"}),
                200,
            )
            .await;
        tenant.ready(&id).await;
        tenant
            .send(
                Method::PUT,
                &format!("/api/v1/documents/{id}"),
                json!({"title": "Newest prices"}),
                200,
            )
            .await;
        tenant.ready(&id).await;
        let answer = user.ask("What does the museum ticket cost?").await;
        assert_eq!(answer["citations"][0]["documentTitle"], "Newest prices");
        assert!(answer["content"].as_str().unwrap().contains("one euro"));
    });
}

#[test]
fn documents_are_listed_page_by_page_and_their_file_comes_back() {
    run(async {
        let tenant = Tenant::new().await;
        let mut ids = Vec::new();
        for n in 0..5 {
            ids.push(tenant.add(&format!("Note {n}"), &format!("Text number {n}.")).await);
        }
        ids.reverse();
        let mut seen = Vec::new();
        let mut path = "/api/v1/documents?limit=2".to_owned();
        loop {
            let page = tenant.get(&path).await;
            seen.extend(
                page["data"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|d| d["id"].as_str().unwrap().to_owned()),
            );
            let Some(cursor) = page["next_cursor"].as_str() else {
                break;
            };
            path = format!("/api/v1/documents?limit=2&cursor={cursor}");
        }
        assert_eq!(seen, ids, "newest first, each once");
        let content = tenant
            .request(Method::GET, &format!("/api/v1/documents/{}/content", ids[0]))
            .send()
            .await
            .unwrap();
        assert_eq!(content.headers()["content-type"], "text/plain");
        assert_eq!(content.text().await.unwrap(), "Text number 4.");
    });
}

#[test]
fn another_tenants_document_looks_absent() {
    run(async {
        let (tenant, stranger) = (Tenant::new().await, Tenant::new().await);
        let id = tenant.add("Ours", "Our fee is seven percent.").await;
        for (method, path) in [
            (Method::GET, format!("/api/v1/documents/{id}")),
            (Method::GET, format!("/api/v1/documents/{id}/content")),
            (Method::DELETE, format!("/api/v1/documents/{id}")),
            (Method::PUT, format!("/api/v1/documents/{id}")),
        ] {
            let error = stranger.send(method, &path, json!({"text": "mine"}), 404).await;
            assert_eq!(error["error"], "Document not found");
        }
        let answer = stranger
            .user("acme", "u1", &[])
            .chat(json!({"message": "What is our fee?", "documentIds": [id]}), 200)
            .await;
        assert_eq!(answer["citations"], json!([]));
        assert_eq!(stranger.get("/api/v1/documents").await["data"], json!([]));
    });
}

#[test]
fn a_document_that_is_moved_answers_all_the_while() {
    run(async {
        let tenant = Tenant::new().await;
        let id = tenant.add("Tolls", "The bridge toll is three crowns.").await;
        let path = format!("/api/v1/documents/{id}");
        let folder = tenant
            .send(Method::POST, "/api/v1/folders", json!({"name": "New place"}), 201)
            .await;
        let user = tenant.user("acme", "u1", &[]);
        tenant
            .send(Method::PUT, &path, json!({"folder_id": folder["id"]}), 200)
            .await;
        assert!(
            user.ask("What is the bridge toll?").await["content"]
                .as_str()
                .unwrap()
                .contains("three crowns")
        );
        tenant.ready(&id).await;
        assert!(
            user.ask("What is the bridge toll?").await["content"]
                .as_str()
                .unwrap()
                .contains("three crowns")
        );
        // Into a folder that is closed for the user: closed at once.
        let closed = tenant
            .send(
                Method::POST,
                "/api/v1/folders",
                json!({"name": "Closed", "allowed_roles": ["toll"]}),
                201,
            )
            .await;
        tenant
            .send(Method::PUT, &path, json!({"folder_id": closed["id"]}), 200)
            .await;
        assert_eq!(user.ask("What is the bridge toll?").await["citations"], json!([]));
    });
}

#[test]
fn of_replacements_at_once_one_wins_as_a_whole() {
    run(async {
        let tenant = Tenant::new().await;
        let id = tenant.add("Draft", "Draft number none.").await;
        let path = format!("/api/v1/documents/{id}");
        let replace = async |n: usize| {
            let body = json!({"title": format!("Title {n}"), "text": format!("Draft number {n}.")});
            tenant
                .request(Method::PUT, &path)
                .json(&body)
                .send()
                .await
                .unwrap()
                .status()
                .as_u16()
        };
        let outcomes = futures::future::join_all((0..6).map(replace)).await;
        assert!(
            outcomes.contains(&200) && outcomes.iter().all(|status| matches!(status, 200 | 409)),
            "{outcomes:?}"
        );
        let document = tenant.ready(&id).await;
        let number = document["title"]
            .as_str()
            .unwrap()
            .strip_prefix("Title ")
            .unwrap()
            .to_owned();
        let content = tenant
            .request(Method::GET, &format!("{path}/content"))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert_eq!(content, format!("Draft number {number}."), "{document}");
    });
}

#[test]
fn what_is_deleted_while_it_is_read_leaves_nothing() {
    run(async {
        let tenant = Tenant::new().await;
        let mut ids = Vec::new();
        for n in 0..6 {
            let body = json!({"title": "Short", "text": format!("The guest network password is swordfish {n}.")});
            let made = tenant.send(Method::POST, "/api/v1/documents", body, 201).await;
            ids.push(made["id"].as_str().unwrap().to_owned());
            tenant
                .send(Method::DELETE, &format!("/api/v1/documents/{}", ids[n]), json!({}), 204)
                .await;
        }
        let last = tenant.add("Last", "Something else entirely.").await;
        for id in &ids {
            until("the index to forget it", async || {
                found_in_index(&tenant, id).await.is_empty().then_some(())
            })
            .await;
        }
        assert_eq!(tenant.get("/api/v1/documents").await["data"][0]["id"], json!(last));
    });
}

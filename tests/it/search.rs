//! `POST /api/search`: passages by what they say, through the same filters as answers.

use reqwest::Method;
use serde_json::{Value, json};
use shared::{keys::Scope, members::Role};

use crate::support::{Tenant, expect, pdf, people::Person, run};

const PATH: &str = "/api/search";

async fn search(key: &Tenant, body: Value) -> Vec<Value> {
    let found = key.send(Method::POST, PATH, body, 200).await;
    found["results"].as_array().unwrap().clone()
}

/// The titles that a search finds, best first.
async fn titles(key: &Tenant, body: Value) -> Vec<String> {
    let results = search(key, body).await;
    let title = |result: &Value| result["documentTitle"].as_str().unwrap().to_owned();
    results.iter().map(title).collect()
}

#[test]
fn a_search_finds_the_passage_and_the_part_of_it_that_fits() {
    run(async {
        let tenant = Tenant::new().await;
        tenant.add("Zoo", "The zoo opens at nine. Lions are fed at noon.").await;
        let padding = "Nothing of interest is said in this sentence about the weather. ".repeat(8);
        let page = [
            "The gate closes at seven.",
            "The moat was dug by forty workers in a year.",
        ];
        let castle = pdf(&[("Entrance", &page[..1]), ("The moat", &page[1..])]);
        let made: Value = tenant
            .upload("castle.pdf", castle, &[("title", "Castle")])
            .await
            .json()
            .await
            .unwrap();
        tenant.ready(made["id"].as_str().unwrap()).await;
        tenant
            .add(
                "Long",
                &format!("{padding}The observatory has a copper dome. {padding}"),
            )
            .await;

        let found = search(&tenant, json!({"query": "Who dug the moat?"})).await;
        assert_eq!(
            (&found[0]["documentTitle"], &found[0]["page"], &found[0]["section"]),
            (&json!("Castle"), &json!(2), &json!("The moat")),
            "{found:?}"
        );
        assert_eq!(found[0]["documentId"], made["id"]);
        assert!(found[0]["excerpt"].as_str().unwrap().contains("forty workers"));
        let found = search(&tenant, json!({"query": "When are lions fed?"})).await;
        assert_eq!(found[0]["excerpt"], "Lions are fed at noon.");
        assert!(found[0].get("page").is_none(), "{}", found[0]);
        let found = search(&tenant, json!({"query": "copper dome of the observatory"})).await;
        let excerpt = found[0]["excerpt"].as_str().unwrap();
        assert!(
            excerpt.contains("copper dome") && excerpt.chars().count() <= 300,
            "{excerpt}"
        );
        for pair in found.windows(2) {
            assert!(pair[0]["score"].as_f64() >= pair[1]["score"].as_f64(), "{found:?}");
        }
        assert!(
            found
                .iter()
                .all(|one| (0.0..=1.0).contains(&one["score"].as_f64().unwrap()))
        );
    });
}

#[test]
fn the_access_rule_holds_and_only_full_keys_state_whom_they_act_for() {
    run(async {
        let tenant = Tenant::new().await;
        let folder = json!({"name": "HR", "org": "acme"});
        let folder = tenant.send(Method::POST, "/api/v1/folders", folder, 201).await["id"].clone();
        let text = "The director earns a salary of 90,000.";
        tenant
            .add_with(json!({"title": "Open", "text": "A salary is paid monthly."}))
            .await;
        tenant
            .add_with(json!({"title": "By role", "text": text, "allowed_roles": ["hr"]}))
            .await;
        tenant
            .add_with(json!({"title": "By folder", "text": text, "folder_id": folder}))
            .await;
        let found = async |more: Value| {
            let mut body = json!({"query": "What salary does the director earn?"});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let mut titles = titles(&tenant, body).await;
            titles.sort();
            titles
        };
        assert_eq!(found(json!({})).await, ["Open"]);
        assert_eq!(found(json!({"roles": ["*"], "org": "*"})).await, ["Open"]);
        assert_eq!(found(json!({"roles": ["hr"]})).await, ["By role", "Open"]);
        assert_eq!(found(json!({"org": "acme"})).await, ["By folder", "Open"]);
        assert_eq!(
            found(json!({"org": "acme", "roles": [" hr "]})).await,
            ["By folder", "By role", "Open"]
        );
        assert_eq!(found(json!({"org": "other", "roles": ["employee"]})).await, ["Open"]);

        let person = Person::new().await;
        let asks = async |body: Value| {
            let request = tenant.bare(Method::POST, PATH).bearer_auth(&person.token).json(&body);
            request.send().await.unwrap().status().as_u16()
        };
        assert_eq!(asks(json!({"query": "salary"})).await, 200);
        assert_eq!(asks(json!({"query": "salary", "roles": []})).await, 200);
        assert_eq!(asks(json!({"query": "salary", "roles": ["hr"]})).await, 403);
        assert_eq!(asks(json!({"query": "salary", "org": "acme"})).await, 403);
        // The default bot is not shared with a viewer.
        person.becomes(Role::Viewer).await;
        assert_eq!(asks(json!({"query": "salary"})).await, 404);
        let app = tenant.key_with(Scope::App, Some(&tenant.bot().await.id)).await;
        app.send(Method::POST, PATH, json!({"query": "salary"}), 403).await;
    });
}

#[test]
fn a_search_stays_within_the_documents_and_folders_that_it_names() {
    run(async {
        let tenant = Tenant::new().await;
        let folder = tenant
            .send(Method::POST, "/api/v1/folders", json!({"name": "F"}), 201)
            .await["id"]
            .clone();
        let text = "The bridge is four hundred metres long.";
        let a = tenant.add("A", text).await;
        tenant.add("B", text).await;
        tenant
            .add_with(json!({"title": "C", "text": text, "folder_id": folder}))
            .await;
        let found = async |more: Value| {
            let mut body = json!({"query": "How long is the bridge?"});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let mut titles = titles(&tenant, body).await;
            titles.sort();
            titles
        };
        assert_eq!(found(json!({})).await, ["A", "B", "C"]);
        assert_eq!(
            found(json!({"documentIds": [], "folderIds": null})).await,
            ["A", "B", "C"]
        );
        assert_eq!(found(json!({"documentIds": [a]})).await, ["A"]);
        assert_eq!(found(json!({"folderIds": [folder]})).await, ["C"]);
        assert_eq!(
            found(json!({"documentIds": [a], "folderIds": [folder]})).await,
            ["A", "C"]
        );
        assert!(found(json!({"documentIds": [""]})).await.is_empty());
        assert!(found(json!({"folderIds": ["nobody's"]})).await.is_empty());
        assert_eq!(found(json!({"limit": 2})).await.len(), 2);
        assert_eq!(found(json!({"limit": 50})).await.len(), 3);

        tenant
            .send(Method::DELETE, &format!("/api/v1/documents/{a}"), json!({}), 204)
            .await;
        assert_eq!(found(json!({})).await, ["B", "C"], "gone at once");
    });
}

#[test]
fn tenants_and_bots_are_apart_and_an_inactive_bot_can_be_searched() {
    run(async {
        let (tenant, stranger) = (Tenant::new().await, Tenant::new().await);
        let bot = tenant
            .send(Method::POST, "/api/v1/bots", json!({"name": "Second"}), 201)
            .await["id"]
            .clone();
        let text = "The bridge is four hundred metres long.";
        tenant.add("Everybody's", text).await;
        tenant
            .add_with(json!({"title": "Second's", "text": text, "bot_id": bot}))
            .await;
        let query = json!({"query": "How long is the bridge?"});
        let of_bot = json!({"query": "How long is the bridge?", "applicationId": bot});
        assert_eq!(titles(&tenant, query.clone()).await, ["Everybody's"]);
        let mut both = titles(&tenant, of_bot.clone()).await;
        both.sort();
        assert_eq!(both, ["Everybody's", "Second's"]);
        let bound = tenant.key_of("full", &bot).await;
        assert_eq!(titles(&bound, query.clone()).await.len(), 2);
        assert!(titles(&stranger, query.clone()).await.is_empty());

        let not_theirs = json!({"query": "x", "applicationId": tenant.bot().await.id});
        for (key, body) in [
            (&stranger, of_bot.clone()),
            (&bound, not_theirs),
            (&tenant, json!({"query": "x", "applicationId": "nobody's"})),
            (&tenant, json!({"query": "x", "applicationId": ""})),
        ] {
            assert_eq!(key.send(Method::POST, PATH, body, 404).await["error"], "Bot not found");
        }
        let path = format!("/api/v1/bots/{}/deactivate", bot.as_str().unwrap());
        tenant.send(Method::POST, &path, json!({}), 200).await;
        assert_eq!(titles(&tenant, of_bot).await.len(), 2);
    });
}

#[test]
fn bad_input_is_refused_by_name() {
    run(async {
        let tenant = Tenant::new().await;
        for (body, field) in [
            (json!({}), "query"),
            (json!({"query": null}), "query"),
            (json!({"query": " \n"}), "query"),
            (json!({"query": 5}), "query"),
            (json!({"query": "x".repeat(16_001)}), "query"),
            (json!({"query": "x", "limit": 0}), "limit"),
            (json!({"query": "x", "limit": 51}), "limit"),
            (json!({"query": "x", "limit": -1}), "limit"),
            (json!({"query": "x", "limit": "ten"}), "limit"),
            (json!({"query": "x", "documentIds": "d"}), "documentIds"),
            (json!({"query": "x", "folderIds": vec!["f"; 1_001]}), "folderIds"),
            (json!({"query": "x", "org": " "}), "org"),
            (json!({"query": "x", "roles": ["r".repeat(129)]}), "roles"),
            (json!({"query": "x", "roles": vec!["r"; 101]}), "roles"),
        ] {
            let error = tenant.send(Method::POST, PATH, body.clone(), 400).await;
            assert!(error["fields"].get(field).is_some(), "{body}: {error}");
        }
        // The longest question, and one of nothing but stop words.
        assert!(
            search(&tenant, json!({"query": "word ".repeat(3_200)}))
                .await
                .is_empty()
        );
        assert!(search(&tenant, json!({"query": "what is it"})).await.is_empty());
    });
}

#[test]
fn a_search_counts_as_a_question() {
    run(async {
        let limits = shared::limits::RateLimits {
            standard: Some(1_000),
            chat: Some(2),
            cap: None,
        };
        let tenant = Tenant::with_limits(Some(limits)).await;
        for status in [200, 200, 429] {
            let request = tenant.request(Method::POST, PATH).json(&json!({"query": "zoo"}));
            let answer = request.send().await.unwrap();
            assert_eq!(answer.headers()["ratelimit-policy"], "\"chat\";q=2;w=60");
            expect(answer, status).await;
        }
    });
}

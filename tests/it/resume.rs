//! A client that lost its stream gets the rest of the answer, once.

use reqwest::{Method, Response};
use serde_json::json;
use shared::keys::Scope;

use crate::support::{Tenant, expect, run};

/// An event of a stream: name, id, data.
type Event = (String, String, serde_json::Value);

fn events(text: &str) -> Vec<Event> {
    let line = |event: &str, name: &str| {
        let found = event.lines().find_map(|line| line.strip_prefix(name));
        found.unwrap_or_default().to_owned()
    };
    let named = text.split("\n\n").filter(|event| event.starts_with("event: "));
    named
        .map(|event| {
            let data = serde_json::from_str(&line(event, "data: ")).unwrap();
            (line(event, "event: "), line(event, "id: "), data)
        })
        .collect()
}

fn written(events: &[Event]) -> String {
    let tokens = events.iter().filter(|(name, ..)| name == "token");
    tokens.map(|(.., data)| data["token"].as_str().unwrap()).collect()
}

async fn resume(tenant: &Tenant, message: &str, last: Option<&str>) -> Response {
    let mut request = tenant.request(Method::GET, &format!("/api/v1/chat/stream/{message}"));
    if let Some(last) = last {
        request = request.header("Last-Event-ID", last);
    }
    request.send().await.unwrap()
}

#[test]
fn whatever_came_first_and_the_rest_are_the_whole_answer() {
    run(async {
        let tenant = Tenant::new().await;
        tenant
            .add("Zoo", "The zoo opens at nine. The café – it is red – opens at ten.")
            .await;
        let body = json!({"message": "When do the zoo and the café open?"});
        let stream = tenant
            .request(Method::POST, "/api/v1/chat/stream")
            .json(&body)
            .send()
            .await
            .unwrap();
        let whole = events(&stream.text().await.unwrap());
        let text = written(&whole);
        let message = whole[0].1.split_once(':').unwrap().0.to_owned();
        let end: Vec<&Event> = whole.iter().filter(|(name, ..)| name != "token").collect();
        let tokens = whole.len() - end.len();
        assert!(tokens > 3 && end.len() == 2, "{whole:?}");
        for came in 0..=tokens {
            let last = came.checked_sub(1).map(|n| whole[n].1.clone());
            let rest = resume(&tenant, &message, last.as_deref()).await;
            assert_eq!(rest.status(), 200);
            let rest = events(&rest.text().await.unwrap());
            assert_eq!(written(&whole[..came]) + &written(&rest), text);
            let last: Vec<&Event> = rest.iter().filter(|(name, ..)| name != "token").collect();
            assert_eq!(last, end);
        }
        let session = whole.last().unwrap().2["session_id"].as_str().unwrap();
        let path = format!("/api/v1/chat/history/{session}");
        assert_eq!(
            tenant.get(&path).await["message_count"],
            2,
            "no second answer was written"
        );

        for last in ["x", "x:1", &format!("{message}:"), &format!("{message}:-1")] {
            let refused = expect(resume(&tenant, &message, Some(last)).await, 400).await;
            assert!(refused["fields"]["Last-Event-ID"].is_string());
        }
        let unknown = "019a0000-0000-7000-8000-000000000001";
        expect(resume(&tenant, unknown, None).await, 404).await;
        expect(resume(&tenant, "nothing", None).await, 404).await;
        let bound = tenant.bound_key().await;
        expect(resume(&bound, &message, None).await, 404).await;
        let app = tenant.key_with(Scope::App, Some(&tenant.bot().await.id)).await;
        expect(resume(&app, &message, None).await, 404).await;
    });
}

#[test]
fn an_answer_whose_client_left_is_finished_and_waited_for() {
    run(async {
        let tenant = Tenant::new().await;
        tenant.add("Zoo", "The zoo opens at nine.").await;
        let body = json!({"message": "When does the zoo open?"});
        let mut stream = tenant
            .request(Method::POST, "/api/v1/chat/stream")
            .json(&body)
            .send()
            .await
            .unwrap();
        let first = stream.chunk().await.unwrap().unwrap();
        drop(stream);
        let first = events(std::str::from_utf8(&first).unwrap());
        let message = first[0].1.split_once(':').unwrap().0;
        // Stored or not yet: the rest comes either way.
        let last = first.last().unwrap();
        let rest = resume(&tenant, message, Some(&last.1)).await;
        assert_eq!(rest.status(), 200);
        let rest = events(&rest.text().await.unwrap());
        let text = written(&first) + &written(&rest);
        assert!(text.contains("opens at nine. [1]"), "{text}");
        assert_eq!(rest.last().unwrap().0, "done");
    });
}

#[test]
fn a_page_resumes_its_own_session_only() {
    run(async {
        let tenant = Tenant::new().await;
        tenant.add("Zoo", "The zoo opens at nine.").await;
        let page = tenant.key_with(Scope::Widget, Some(&tenant.bot().await.id)).await;
        let body = json!({"message": "When does the zoo open?"});
        let stream = page
            .request(Method::POST, "/api/v1/chat/stream")
            .json(&body)
            .send()
            .await
            .unwrap();
        // A header has it, for those whose stream breaks off.
        let token = stream.headers()["x-visitor-token"].to_str().unwrap().to_owned();
        let whole = events(&stream.text().await.unwrap());
        let message = whole[0].1.split_once(':').unwrap().0;
        let done = &whole.last().unwrap().2;
        expect(resume(&page, message, None).await, 404).await;
        let path = format!("/api/v1/chat/stream/{message}");
        assert_eq!(done["visitor_token"], token);
        let rest = page
            .request(Method::GET, &path)
            .header("X-Visitor-Token", token)
            .send()
            .await
            .unwrap();
        let rest = events(&rest.text().await.unwrap());
        assert_eq!((written(&rest), &rest.last().unwrap().2), (written(&whole), done));
    });
}

//! Pages of other origins: preflights, what they may read, and which origins a credential lets in.

use reqwest::{Method, Response};
use serde_json::json;
use shared::{
    keys::Scope,
    store::{Row, Update},
};

use crate::support::{Tenant, expect, run, stack};

const PAGE: &str = "https://app.example.com";

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[test]
fn a_preflight_is_answered_for_every_page_and_path() {
    run(async {
        let tenant = Tenant::new().await;
        for path in [
            "/api/v1/chat",
            "/api/ai/chat/stream",
            "/api/v1/documents/x",
            "/api/health",
            "/nowhere",
        ] {
            let request = tenant
                .bare(Method::OPTIONS, path)
                .header("Origin", PAGE)
                .header("Access-Control-Request-Method", "POST")
                .header("Access-Control-Request-Headers", "content-type, x-api-key");
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 204, "{path}");
            assert_eq!(header(&answer, "access-control-allow-origin"), "*");
            assert_eq!(header(&answer, "access-control-max-age"), "7200");
            assert_eq!(header(&answer, "access-control-allow-credentials"), "");
            for allowed in [
                "Authorization",
                "X-API-Key",
                "Idempotency-Key",
                "Last-Event-ID",
                "X-Visitor-Token",
            ] {
                assert!(
                    header(&answer, "access-control-allow-headers").contains(allowed),
                    "{allowed}"
                );
            }
            assert!(header(&answer, "access-control-allow-methods").contains("PUT"));
        }
    });
}

#[test]
fn an_answer_echoes_an_origin_that_is_allowed() {
    run(async {
        let tenant = Tenant::new().await;
        let request = tenant.request(Method::GET, "/api/v1/documents").header("Origin", PAGE);
        let answer = request.send().await.unwrap();
        assert_eq!(header(&answer, "access-control-allow-origin"), PAGE);
        assert!(header(&answer, "vary").contains("Origin"));
        assert!(header(&answer, "access-control-expose-headers").contains("RateLimit-Policy"));
        let refused = tenant
            .bare(Method::GET, "/api/v1/documents")
            .header("Origin", PAGE)
            .send()
            .await
            .unwrap();
        assert_eq!(
            (
                refused.status().as_u16(),
                header(&refused, "access-control-allow-origin")
            ),
            (401, "*")
        );
        let absent = tenant
            .request(Method::GET, "/api/v1/documents/x")
            .header("Origin", PAGE)
            .send()
            .await
            .unwrap();
        assert_eq!(
            (absent.status().as_u16(), header(&absent, "access-control-allow-origin")),
            (404, PAGE)
        );
    });
}

#[test]
fn a_page_of_another_origin_is_refused() {
    run(async {
        let tenant = Tenant::new().await;
        let app = stack().await.app();
        let bot = tenant.bot().await;
        let origins = ["https://app.example.com", "https://*.example.org"];
        app.table
            .update(Update::at(Row::key(&bot)).set("allowed_origins", &origins).unwrap())
            .await
            .unwrap();
        let widget = tenant.key_with(Scope::Widget, Some(&bot.id)).await;
        let ask = async |origin: Option<&str>| {
            let mut requests = [
                tenant.bare(Method::POST, &format!("/api/v1/chat?token={}", bot.public_token)),
                widget.request(Method::POST, "/api/v1/chat"),
            ];
            if let Some(origin) = origin {
                requests = requests.map(|request| request.header("Origin", origin));
            }
            let mut statuses = Vec::new();
            for request in requests {
                let answer = request.json(&json!({"message": "Hello"})).send().await.unwrap();
                statuses.push(answer.status().as_u16());
                if answer.status() == 403 {
                    assert_eq!(header(&answer, "access-control-allow-origin"), "*");
                    assert_eq!(expect(answer, 403).await["code"], "origin_not_allowed");
                }
            }
            statuses
        };
        assert_eq!(ask(Some("https://app.example.com")).await, [200, 200]);
        assert_eq!(ask(Some("https://shop.example.org")).await, [200, 200]);
        assert_eq!(ask(Some("https://evil.test")).await, [403, 403]);
        assert_eq!(ask(Some("null")).await, [403, 403]);
        assert_eq!(ask(None).await, [403, 403]);
        // A team's own back end sends no origin, and the bot's list is about pages.
        tenant.user("acme", "ann", &[]).ask("Hello").await;
    });
}

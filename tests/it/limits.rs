//! Rate limits and budgets: who asked too much is told when to come back, and concurrent callers do not slip past.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::{
    bots::{Bot, Budget},
    keys::Scope,
    limits::RateLimits,
    store::{Row, Update},
};

use crate::support::{Tenant, expect, run, stack, until};

fn limited(chat: u32, cap: Option<u32>) -> RateLimits {
    RateLimits {
        standard: Some(1_000),
        chat: Some(chat),
        cap,
    }
}

#[test]
fn an_end_user_is_refused_after_their_share_and_others_are_not() {
    run(async {
        let tenant = Tenant::with_limits(Some(limited(3, None))).await;
        let (ann, ben) = (tenant.user("acme", "ann", &[]), tenant.user("acme", "ben", &[]));
        let ask = async |user: &crate::support::User<'_>| {
            let request = user.request(Method::POST, "/api/ai/chat");
            request.json(&json!({"message": "Hello"})).send().await.unwrap()
        };
        for left in ["2", "1", "0"] {
            let answer = ask(&ann).await;
            assert_eq!(answer.status(), 200);
            assert_eq!(
                answer.headers()["ratelimit-policy"],
                "\"chat\";q=3;w=60, \"chat-cap\";q=60;w=60"
            );
            let limit = answer.headers()["ratelimit"].to_str().unwrap();
            assert!(limit.starts_with(&format!("\"chat\";r={left};t=")), "{limit}");
        }
        let refused = ask(&ann).await;
        let wait: u32 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=120).contains(&wait), "{wait}");
        assert!(
            refused.headers()["ratelimit"]
                .to_str()
                .unwrap()
                .starts_with("\"chat\";r=0;t=")
        );
        let body = expect(refused, 429).await;
        assert_eq!(
            (&body["error"], &body["code"]),
            (&json!("Rate limit exceeded"), &json!("rate_limited"))
        );
        assert_eq!(ask(&ben).await.status(), 200);
    });
}

#[test]
fn callers_at_the_same_time_do_not_slip_past() {
    run(async {
        let tenant = Tenant::with_limits(Some(limited(7, None))).await;
        let user = tenant.user("acme", "ann", &[]);
        let asked = (0..40).map(|_| {
            let request = user
                .request(Method::POST, "/api/ai/chat")
                .json(&json!({"message": "Hello"}));
            async move { request.send().await.unwrap().status() }
        });
        let answers = futures::future::join_all(asked).await;
        let count = |status| answers.iter().filter(|answer| **answer == status).count();
        assert_eq!((count(StatusCode::OK), count(StatusCode::TOO_MANY_REQUESTS)), (7, 33));
    });
}

#[test]
fn a_key_has_a_cap_above_its_end_users() {
    run(async {
        let tenant = Tenant::with_limits(Some(limited(3, Some(5)))).await;
        let mut answers = Vec::new();
        for n in 0..8 {
            let user = tenant.user("acme", &format!("u{n}"), &[]);
            let request = user
                .request(Method::POST, "/api/ai/chat")
                .json(&json!({"message": "Hello"}));
            answers.push(request.send().await.unwrap().status().as_u16());
        }
        assert_eq!(answers, [200, 200, 200, 200, 200, 429, 429, 429]);
    });
}

#[test]
fn standard_requests_are_counted_apart_from_questions() {
    run(async {
        let limits = RateLimits {
            standard: Some(2),
            chat: Some(50),
            cap: None,
        };
        let tenant = Tenant::with_limits(Some(limits)).await;
        let list = async || tenant.request(Method::GET, "/api/v1/documents").send().await.unwrap();
        assert_eq!(list().await.status(), 200);
        let second = list().await;
        assert_eq!(second.headers()["ratelimit-policy"], "\"standard\";q=2;w=60");
        assert_eq!(list().await.status(), 429);
        tenant.user("acme", "ann", &[]).ask("Hello").await;
    });
}

#[test]
fn visitors_of_a_page_are_counted_by_address_with_a_cap_for_the_bot() {
    run(async {
        let tenant = Tenant::new().await;
        let app = stack().await.app();
        let bot = tenant.bot().await;
        let limits = limited(2, Some(3));
        let update = Update::at(Row::key(&bot)).set("rate_limits", &limits).unwrap();
        assert!(app.table.update(update).await.unwrap());
        let ask = async |last: u8| {
            let page = tenant.at_address([127, 9, 9, last]);
            let request = page.bare(Method::POST, &format!("/api/v1/chat?token={}", bot.public_token));
            request
                .json(&json!({"message": "Hello"}))
                .send()
                .await
                .unwrap()
                .status()
                .as_u16()
        };
        assert_eq!([ask(1).await, ask(1).await, ask(1).await], [200, 200, 429]);
        assert_eq!([ask(2).await, ask(3).await], [200, 429]);
    });
}

#[test]
fn a_used_up_budget_is_refused_before_a_model_is_asked() {
    run(async {
        let tenant = Tenant::new().await;
        let app = stack().await.app();
        let bot = tenant.bot().await;
        let user = tenant.user("acme", "ann", &[]);
        let budget = |usd| {
            Update::at(Row::key(&bot))
                .set("budget", &Budget { monthly_usd: usd })
                .unwrap()
        };
        // Whatever a model costs, nothing is spent yet.
        app.table.update(budget(0.000_000_001)).await.unwrap();
        user.ask("Hello").await;
        // The answer counts once its event was folded. The offline model costs what the stack's parameters say.
        let refused = until("the budget to be used up", async || {
            let request = user
                .request(Method::POST, "/api/ai/chat")
                .json(&json!({"message": "Hello"}));
            let answer = request.send().await.unwrap();
            (answer.status() == 403).then_some(answer)
        })
        .await;
        let body: Value = expect(refused, 403).await;
        assert_eq!(body["code"], "budget_exceeded", "{body}");
        app.table.update(budget(1_000.0)).await.unwrap();
        user.ask("Hello").await;
        // The bot of another key is not touched.
        let other: Tenant = tenant.bound_key().await;
        other.user("acme", "ann", &[]).ask("Hello").await;
    });
}

#[test]
fn a_widget_key_asks_with_the_bots_share() {
    run(async {
        let tenant = Tenant::new().await;
        let bot: Bot = tenant.bot().await;
        let key = tenant.key_with(Scope::Widget, Some(&bot.id)).await;
        let answer = key
            .request(Method::POST, "/api/v1/chat")
            .json(&json!({"message": "Hello"}));
        let answer = answer.send().await.unwrap();
        assert!(
            answer.headers()["ratelimit-policy"]
                .to_str()
                .unwrap()
                .contains("\"chat-cap\"")
        );
        expect(answer, 200).await;
    });
}

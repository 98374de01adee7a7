//! What members below an admin see: the bots that their teams share, and what is open to everybody.

use reqwest::{Method, RequestBuilder};
use serde_json::json;
use shared::{
    ids::{BotId, MemberId, TenantId},
    members::{Member, Role},
    store::Update,
};

use crate::support::{Tenant, expect, people::Person, run, stack};

/// Shares these bots with somebody.
async fn share(person: &Person, bots: &[BotId]) {
    let me = person.me(200).await;
    let tenant = TenantId::parse(me["organization"]["id"].as_str().unwrap()).unwrap();
    let member = MemberId::parse(me["id"].as_str().unwrap()).unwrap();
    let update = Update::at(Member::key(&tenant, &member)).set("bots", &bots).unwrap();
    assert!(stack().await.app().table.update(update).await.unwrap());
}

#[test]
fn an_agent_sees_the_bots_that_are_shared_and_what_is_open_in_them() {
    run(async {
        let tenant = Tenant::new().await;
        let person = Person::new().await;
        let as_person =
            |method: Method, path: &str| -> RequestBuilder { tenant.bare(method, path).bearer_auth(&person.token) };
        let make = async |path: &str, body| {
            let made = as_person(Method::POST, path).json(&body).send().await.unwrap();
            expect(made, 201).await["id"].as_str().unwrap().to_owned()
        };
        let shared = make("/api/v1/bots", json!({"name": "Shared"})).await;
        let folder = make(
            "/api/v1/folders",
            json!({"name": "HR", "bot_id": shared, "allowed_roles": ["hr"]}),
        )
        .await;
        let document = async |title: &str, more: serde_json::Value| {
            let mut body = json!({"title": title, "text": "The zoo opens at nine.", "bot_id": shared});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            make("/api/v1/documents", body).await
        };
        let open = document("Open", json!({})).await;
        let closed = [
            document("By role", json!({"allowed_roles": ["hr"]})).await,
            document("By organisation", json!({"org": "acme"})).await,
            document("By folder", json!({"folder_id": folder})).await,
        ];
        let status = async |path: String| as_person(Method::GET, &path).send().await.unwrap().status().as_u16();
        for id in &closed {
            assert_eq!(status(format!("/api/v1/documents/{id}")).await, 200);
        }

        person.becomes(Role::Agent).await;
        assert_eq!(status(format!("/api/v1/bots/{shared}")).await, 404);
        share(&person, &[BotId::parse(shared.clone()).unwrap()]).await;
        assert_eq!(status(format!("/api/v1/bots/{shared}")).await, 200);
        assert_eq!(status(format!("/api/v1/documents/{open}")).await, 200);
        for id in &closed {
            assert_eq!(status(format!("/api/v1/documents/{id}")).await, 404);
            assert_eq!(status(format!("/api/v1/documents/{id}/content")).await, 404);
        }
        assert_eq!(status(format!("/api/v1/folders/{folder}")).await, 404);
        let list = expect(as_person(Method::GET, "/api/v1/documents").send().await.unwrap(), 200).await;
        let listed: Vec<&str> = list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].as_str().unwrap())
            .collect();
        assert_eq!(listed, [open.as_str()]);

        let ask = async |body| {
            as_person(Method::POST, "/api/v1/chat")
                .json(&body)
                .send()
                .await
                .unwrap()
                .status()
                .as_u16()
        };
        assert_eq!(ask(json!({"bot_id": shared, "message": "Hello"})).await, 200);
        // The default bot is not shared, named or not.
        assert_eq!(ask(json!({"message": "Hello"})).await, 404);
        person.becomes(Role::Viewer).await;
        assert_eq!(ask(json!({"bot_id": shared, "message": "Hello"})).await, 403);
    });
}

//! `GET /api/ai/conversations` and one of them.

use serde_json::{Value, json};

use crate::support::{Tenant, run, until};

#[test]
fn the_list_pages_from_the_last_active_on() {
    run(async {
        let tenant = Tenant::new().await;
        let user = tenant.user("acme", "u1", &["employee"]);
        let mut ids = Vec::new();
        for n in 0..5 {
            let answer = user.ask(&format!("Question number {n}")).await;
            ids.push(answer["conversationId"].as_str().unwrap().to_owned());
        }
        user.chat(json!({"message": "Once more", "conversationId": ids[0]}), 200)
            .await;
        let order = [&ids[0], &ids[4], &ids[3], &ids[2], &ids[1]];
        let first = user.get("/api/ai/conversations?limit=2", 200).await;
        assert_eq!(
            (&first["total"], &first["limit"], &first["offset"]),
            (&json!(5), &json!(2), &json!(0))
        );
        let mut seen: Vec<Value> = first["conversations"].as_array().unwrap().clone();
        for offset in [2, 4, 6] {
            let page = user
                .get(&format!("/api/ai/conversations?limit=2&offset={offset}"), 200)
                .await;
            seen.extend(page["conversations"].as_array().unwrap().clone());
        }
        assert_eq!(
            seen.iter().map(|c| c["id"].as_str().unwrap()).collect::<Vec<_>>(),
            order
        );
        assert_eq!(
            (&seen[0]["messageCount"], &seen[1]["messageCount"]),
            (&json!(4), &json!(2))
        );
        assert!(
            seen[0]["createdAt"].as_str().unwrap().ends_with('Z')
                && seen[0]["updatedAt"].as_str() > seen[0]["createdAt"].as_str()
        );
        let all = user.get("/api/ai/conversations", 200).await;
        assert_eq!(
            (&all["limit"], all["conversations"].as_array().unwrap().len()),
            (&json!(20), 5)
        );
    });
}

#[test]
fn a_title_is_written_for_a_new_conversation() {
    run(async {
        let tenant = Tenant::new().await;
        let user = tenant.user("acme", "u1", &[]);
        let question =
            "Could you please tell me what the vacation policy of this company is for part-time employees in Berlin?";
        let answer = user.ask(question).await;
        let path = format!("/api/ai/conversations/{}", answer["conversationId"].as_str().unwrap());
        let shortened = shared::conversations::shortened(question);
        let title = until("a title", async || {
            let title = user.get(&path, 200).await["title"].as_str().unwrap().to_owned();
            (title != shortened).then_some(title)
        })
        .await;
        assert!(
            title.to_lowercase().contains("vacation") && title.split(' ').count() <= 6,
            "{title}"
        );
    });
}

#[test]
fn a_conversation_shows_its_messages_with_citations_for_answers_only() {
    run(async {
        let tenant = Tenant::new().await;
        let document = tenant.add("Handbook", "Lunch breaks take thirty minutes.").await;
        let user = tenant.user("acme", "u1", &[]);
        let answer = user.ask("How long do lunch breaks take [1]?").await;
        let whole = user
            .get(
                &format!("/api/ai/conversations/{}", answer["conversationId"].as_str().unwrap()),
                200,
            )
            .await;
        let [question, reply] = whole["messages"].as_array().unwrap().as_slice() else {
            panic!("{whole}")
        };
        assert_eq!(
            question["content"], "How long do lunch breaks take [1]?",
            "what a user wrote stays as it is"
        );
        assert!(question.get("citations").is_none() && question.get("confidence").is_none());
        assert_eq!(reply["citations"][0]["documentId"], document);
        assert_eq!(
            (&reply["content"], &reply["confidence"]),
            (&answer["content"], &answer["confidence"])
        );
        assert!(question["createdAt"].as_str() <= reply["createdAt"].as_str() && question["id"] != reply["id"]);
    });
}

#[test]
fn another_users_conversation_looks_absent() {
    run(async {
        let tenant = Tenant::new().await;
        let other_tenant = Tenant::new().await;
        let owner = tenant.user("acme", "u1", &[]);
        let id = owner.ask("Hello").await["conversationId"].as_str().unwrap().to_owned();
        let never = "00000000-0000-7000-8000-000000000000";
        let strangers = [
            tenant.user("acme", "u2", &[]),
            tenant.user("other", "u1", &[]),
            other_tenant.user("acme", "u1", &[]),
        ];
        for stranger in &strangers {
            for id in [id.as_str(), never, "%20", "a%23b", &"x".repeat(200)] {
                let got = stranger.get(&format!("/api/ai/conversations/{id}"), 404).await;
                assert_eq!(got["error"], "Conversation not found");
                let asked = stranger.chat(json!({"message": "Hi", "conversationId": id}), 404).await;
                assert_eq!(asked["error"], "Conversation not found");
            }
            let list = stranger.get("/api/ai/conversations", 200).await;
            assert_eq!((&list["conversations"], &list["total"]), (&json!([]), &json!(0)));
        }
        let whole = owner.get(&format!("/api/ai/conversations/{id}"), 200).await;
        assert_eq!(
            whole["messages"].as_array().unwrap().len(),
            2,
            "strangers left nothing in it"
        );
    });
}

#[test]
fn a_key_that_is_bound_to_another_bot_sees_nothing() {
    run(async {
        let tenant = Tenant::new().await;
        let user = tenant.user("acme", "u1", &[]);
        let id = user.ask("Hello").await["conversationId"].as_str().unwrap().to_owned();
        let bound = tenant.bound_key().await;
        let other = bound.user("acme", "u1", &[]);
        other.get(&format!("/api/ai/conversations/{id}"), 404).await;
        other.chat(json!({"message": "Hi", "conversationId": id}), 404).await;
        assert_eq!(other.get("/api/ai/conversations", 200).await["total"], 0);
        let theirs = other.ask("Hello").await["conversationId"].as_str().unwrap().to_owned();
        assert_eq!(
            other.get("/api/ai/conversations", 200).await["conversations"][0]["id"],
            json!(theirs)
        );
        user.get(&format!("/api/ai/conversations/{theirs}"), 404).await;
    });
}

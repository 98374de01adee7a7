//! Isolation as properties: whatever the documents, folders and callers, an answer rests only on what its caller may see.

use std::collections::HashMap;

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use reqwest::Method;
use serde_json::{Value, json};
use shared::access::{Access, Audience};

use crate::support::{Tenant, run};

#[derive(Debug, Clone)]
struct World {
    folders: Vec<Audience>,
    /// Audience and folder of each document.
    documents: Vec<(Audience, Option<usize>)>,
    callers: Vec<(String, Vec<String>)>,
}

fn audience() -> impl Strategy<Value = Audience> {
    let roles = proptest::collection::btree_set("[xyz]", 0..3);
    (proptest::option::of("[ab]"), roles).prop_map(|(org, roles)| Audience {
        org,
        allowed_roles: roles.into_iter().collect(),
    })
}

fn world() -> impl Strategy<Value = World> {
    let roles = proptest::collection::btree_set("[xyz]", 0..3).prop_map(|roles| roles.into_iter().collect());
    (
        proptest::collection::vec(audience(), 1..4),
        proptest::collection::vec((audience(), proptest::option::of(0usize..4)), 3..8),
        proptest::collection::vec(("[abc]", roles), 3..6),
    )
        .prop_map(|(folders, documents, callers)| {
            let documents = documents
                .into_iter()
                .map(|(who, folder)| (who, folder.map(|n| n % folders.len())))
                .collect();
            World {
                folders,
                documents,
                callers,
            }
        })
}

fn fields(audience: &Audience) -> Value {
    json!({"org": audience.org, "allowed_roles": audience.allowed_roles})
}

async fn check(world: World) {
    let tenant = Tenant::new().await;
    let mut folders = Vec::new();
    for audience in &world.folders {
        let mut body = fields(audience);
        body["name"] = json!("f");
        folders.push(tenant.send(Method::POST, "/api/v1/folders", body, 201).await["id"].clone());
    }
    let mut documents = HashMap::new();
    for (n, (audience, folder)) in world.documents.iter().enumerate() {
        let mut body = fields(audience);
        body["title"] = json!(format!("Document {n}"));
        body["text"] = json!(format!("The codeword of vault number {n} is zebra{n}."));
        body["folder_id"] = folder.map_or(Value::Null, |at| folders[at].clone());
        let id = tenant.send(Method::POST, "/api/v1/documents", body, 201).await["id"]
            .as_str()
            .unwrap()
            .to_owned();
        documents.insert(id, n);
    }
    for id in documents.keys() {
        tenant.ready(id).await;
    }
    for (org, roles) in &world.callers {
        let access = Access {
            org: Some(org.clone()),
            roles: roles.clone(),
        };
        let open = |n: usize| {
            let (audience, folder) = &world.documents[n];
            audience.admits(&access) && folder.is_none_or(|at| world.folders[at].admits(&access))
        };
        let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
        let user = tenant.user(org, "u", &roles);
        for n in 0..world.documents.len() {
            let answer = user
                .ask(&format!("What is the codeword of vault number {n}, zebra{n}?"))
                .await;
            let text = answer["content"].as_str().unwrap();
            for citation in answer["citations"].as_array().unwrap() {
                let cited = documents[citation["documentId"].as_str().unwrap()];
                assert!(open(cited), "{org} {roles:?} was told of document {cited} in {world:?}");
            }
            for other in (0..world.documents.len()).filter(|other| !open(*other)) {
                assert!(
                    !text.contains(&format!("is zebra{other}")),
                    "{org} {roles:?} read document {other}: {text}"
                );
            }
            assert_eq!(
                text.contains(&format!("is zebra{n}")),
                open(n),
                "{org} {roles:?} asked for {n}: {text} in {world:?}"
            );
        }
    }
}

#[test]
fn nobody_is_told_of_what_they_may_not_see() {
    let mut runner = TestRunner::new(Config {
        cases: 12,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&world(), |world| {
            run(check(world));
            Ok(())
        })
        .unwrap();
}

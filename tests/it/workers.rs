//! The workers get everything twice and out of order: the end is the same.

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use reqwest::Method;
use serde_json::json;
use shared::{
    app::App,
    documents::Version,
    events::Job,
    ids::{DocumentId, FolderId},
};

use crate::support::{Tenant, function, function_with, run};

async fn deliver(bodies: Vec<String>) -> Vec<String> {
    deliver_to(&function("ingest").await, bodies).await
}

/// Gives messages to the worker; the ids of those that it gives back.
async fn deliver_to(app: &App, bodies: Vec<String>) -> Vec<String> {
    let mut event = SqsEvent::default();
    for (n, body) in bodies.into_iter().enumerate() {
        let mut message = SqsMessage::default();
        message.message_id = Some(format!("m{n}"));
        message.body = Some(body);
        event.records.push(message);
    }
    let answer = ingest::handle(app, event).await.unwrap();
    answer
        .batch_item_failures
        .into_iter()
        .map(|failure| failure.item_identifier)
        .collect()
}

fn body(job: &Job) -> String {
    serde_json::to_string(job).unwrap()
}

#[test]
fn an_ingest_job_that_comes_twice_changes_nothing() {
    run(async {
        let tenant = Tenant::new().await;
        let id = tenant.add("A", "The bridge is four hundred metres long.").await;
        let before = tenant.get(&format!("/api/v1/documents/{id}")).await;
        let job = Job::Ingest {
            tenant: tenant.id.clone(),
            document: DocumentId::parse(id.clone()).unwrap(),
            version: 1,
        };
        assert!(deliver(vec![body(&job), body(&job)]).await.is_empty());
        assert_eq!(tenant.get(&format!("/api/v1/documents/{id}")).await, before);
    });
}

#[test]
fn jobs_about_what_is_gone_are_done() {
    run(async {
        let tenant = Tenant::new().await;
        let id = tenant.add("A", "The bridge is four hundred metres long.").await;
        tenant
            .send(Method::DELETE, &format!("/api/v1/documents/{id}"), json!({}), 204)
            .await;
        let document = DocumentId::parse(id).unwrap();
        let version = Version {
            chunks: 1,
            ..Version::stored(&tenant.id, &document, 1)
        };
        let jobs = [
            Job::Ingest {
                tenant: tenant.id.clone(),
                document: document.clone(),
                version: 1,
            },
            Job::Drop {
                tenant: tenant.id.clone(),
                document: document.clone(),
                version: version.clone(),
            },
            Job::Drop {
                tenant: tenant.id.clone(),
                document,
                version,
            },
            Job::Audience {
                tenant: tenant.id.clone(),
                folder: FolderId::new(),
            },
        ];
        assert!(deliver(jobs.iter().map(body).collect()).await.is_empty());
        let answer = tenant.user("acme", "u1", &[]).ask("How long is the bridge?").await;
        assert_eq!(answer["citations"], json!([]));
    });
}

#[test]
fn an_undecodable_message_does_not_hold_up_the_others() {
    run(async {
        let tenant = Tenant::new().await;
        let job = Job::Audience {
            tenant: tenant.id.clone(),
            folder: FolderId::new(),
        };
        assert!(
            deliver(vec!["rubbish".to_owned(), body(&job), "{}".to_owned()])
                .await
                .is_empty()
        );
    });
}

#[test]
fn a_job_whose_back_end_is_away_comes_again() {
    run(async {
        let tenant = Tenant::new().await;
        let id = tenant.add("A", "The bridge is four hundred metres long.").await;
        let document = DocumentId::parse(id).unwrap();
        let job = Job::Drop {
            tenant: tenant.id.clone(),
            document: document.clone(),
            version: Version::stored(&tenant.id, &document, 9),
        };
        let cut_off = function_with("ingest", &[("OPENSEARCH_URL", "http://127.0.0.1:1")]).await;
        assert_eq!(deliver_to(&cut_off, vec![body(&job)]).await, ["m0"]);
        assert!(deliver(vec![body(&job)]).await.is_empty());
    });
}

#[test]
fn a_file_that_is_not_there_yet_is_looked_for_again() {
    run(async {
        let tenant = Tenant::new().await;
        let upload = json!({"filename": "a.txt", "content_type": "text/plain", "size": 3});
        let promised = tenant
            .send(Method::POST, "/api/v1/documents/uploads", upload, 201)
            .await;
        let job = Job::Ingest {
            tenant: tenant.id.clone(),
            document: DocumentId::parse(promised["id"].as_str().unwrap()).unwrap(),
            version: 1,
        };
        assert_eq!(deliver(vec![body(&job)]).await, ["m0"]);
    });
}

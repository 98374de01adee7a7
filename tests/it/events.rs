//! The sample events of `events/`, replayed on their functions. The samples' key and ids are put in place of somebody's.

use std::path::PathBuf;

use aws_lambda_events::{dynamodb::Event as StreamEvent, sqs::SqsEvent};
use axum::Router;
use lambda_http::{Adapter, LambdaEvent, Service, StreamAdapter, lambda_runtime::Context, request::LambdaRequest};
use serde_json::Value;

use shared::{events::Sender, secrets::Secrets};

use crate::support::{Tenant, people::parameters, run, stack};

const SAMPLE_KEY: &str = "sk_0000000000000000000000000000000000000000000000";

/// A sample with the tenant's key and id.
fn sample(name: &str, tenant: &Tenant) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../events").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    text.replace(SAMPLE_KEY, &tenant.key)
        .replace("\"demo\"", &format!("\"{}\"", tenant.id))
}

/// What a buffered function answers.
async fn invoke(router: Router, event: &str) -> (u64, Value) {
    let request: LambdaRequest = serde_json::from_str(event).unwrap();
    let answer = Adapter::from(router)
        .call(LambdaEvent::new(request, Context::default()))
        .await
        .unwrap();
    let answer = serde_json::to_value(answer).unwrap();
    let body = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    (answer["statusCode"].as_u64().unwrap(), body)
}

#[test]
fn chat_answers_its_sample_as_a_stream() {
    run(async {
        let tenant = Tenant::new().await;
        let request: LambdaRequest = serde_json::from_str(&sample("chat.json", &tenant)).unwrap();
        let router = chat::router(stack().await.app().clone());
        let answer = StreamAdapter::from(router)
            .call(LambdaEvent::new(request, Context::default()))
            .await
            .unwrap();
        assert_eq!(answer.metadata_prelude.status_code, 200);
        let mut stream = std::pin::pin!(answer.stream);
        let mut body = Vec::new();
        while let Some(piece) = futures::StreamExt::next(&mut stream).await {
            body.extend_from_slice(&piece.unwrap());
        }
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert!(answer["conversationId"].is_string(), "{answer}");
    });
}

#[test]
fn the_buffered_functions_answer_their_samples() {
    run(async {
        let tenant = Tenant::new().await;
        let app = stack().await.app().clone();
        let (status, list) = invoke(
            conversations::router(app.clone()),
            &sample("conversations.json", &tenant),
        )
        .await;
        assert_eq!((status, &list["total"]), (200, &Value::from(0)), "{list}");
        let (status, bot) = invoke(bots::router(app.clone()), &sample("bots.json", &tenant)).await;
        assert_eq!((status, &bot["name"]), (201, &Value::from("Support")), "{bot}");
        let (status, document) = invoke(knowledge::router(app.clone()), &sample("knowledge.json", &tenant)).await;
        assert_eq!(
            (status, &document["status"]),
            (201, &Value::from("pending")),
            "{document}"
        );
        let (status, absent) = invoke(routines::router(app.clone()), &sample("routines.json", &tenant)).await;
        assert_eq!((status, &absent["error"]), (404, &Value::from("Routine not found")));
        let secrets = Secrets::new(&parameters("events"), stack().await.sdk()).unwrap();
        let (status, refused) = invoke(auth::router(app.clone(), secrets), &sample("auth.json", &tenant)).await;
        assert_eq!((status, &refused["code"]), (401, &Value::from("invalid_credentials")));
        let (status, found) = invoke(channels::router(app.clone()), &sample("channels.json", &tenant)).await;
        assert!(status == 200 && found["results"].is_array(), "{status} {found}");
        let (status, usage) = invoke(analytics::router(app.clone()), &sample("analytics.json", &tenant)).await;
        assert_eq!(
            (status, &usage["usage"]["total_requests"]),
            (200, &Value::from(0)),
            "{usage}"
        );
        let sender = Sender::new(&parameters("events"), stack().await.sdk()).unwrap();
        let (status, webhook) = invoke(webhooks::router(app.clone(), sender), &sample("webhooks.json", &tenant)).await;
        assert_eq!((status, &webhook["enabled"]), (201, &Value::from(true)), "{webhook}");
        let (status, health) = invoke(health::router(app), &sample("health.json", &tenant)).await;
        assert_eq!((status, &health["status"]), (200, &Value::from("ok")));
    });
}

#[test]
fn the_workers_take_their_samples() {
    run(async {
        let tenant = Tenant::new().await;
        let app = stack().await.app();
        for name in ["ingest.json", "ingest-drop.json", "ingest-reindex.json"] {
            let event: SqsEvent = serde_json::from_str(&sample(name, &tenant)).unwrap();
            assert!(!event.records.is_empty());
            assert!(
                ingest::handle(app, event).await.unwrap().batch_item_failures.is_empty(),
                "{name}"
            );
        }
        let event: SqsEvent = serde_json::from_str(&sample("erase.json", &tenant)).unwrap();
        assert!(!event.records.is_empty());
        let erased = erase::handle(app, event, app.clock.now()).await.unwrap();
        assert!(erased.batch_item_failures.is_empty());
        let event: SqsEvent = serde_json::from_str(&sample("insights.json", &tenant)).unwrap();
        assert!(!event.records.is_empty());
        assert!(
            insights::handle(app, event)
                .await
                .unwrap()
                .batch_item_failures
                .is_empty()
        );
        let event: SqsEvent = serde_json::from_str(&sample("run-routine.json", &tenant)).unwrap();
        assert!(!event.records.is_empty());
        let ran = run_routine::handle(app, event).await.unwrap();
        assert!(ran.batch_item_failures.is_empty());
        let event: SqsEvent = serde_json::from_str(&sample("deliver.json", &tenant)).unwrap();
        assert!(!event.records.is_empty());
        let sender = Sender::new(&parameters("events"), stack().await.sdk()).unwrap();
        let delivered = deliver::handle(app, &sender, event).await.unwrap();
        assert!(delivered.batch_item_failures.is_empty());
        let event: Value = serde_json::from_str(&sample("tick.json", &tenant)).unwrap();
        assert_eq!(event["detail-type"], "Scheduled Event");
        tick::handle(app).await.unwrap();
        for name in ["relay.json", "relay-code.json"] {
            let event: StreamEvent = serde_json::from_str(&sample(name, &tenant)).unwrap();
            assert!(!event.records.is_empty());
            assert!(
                relay::handle(app, event).await.unwrap().batch_item_failures.is_empty(),
                "{name}"
            );
        }
    });
}

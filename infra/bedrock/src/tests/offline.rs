//! The offline model through the real SDK client.

use std::time::{Duration, Instant};

use aws_sdk_bedrockruntime::types::{ConversationRole, InferenceConfiguration};
use serde_json::json;

use super::{
    server::{client, invoke, message, serve, stream, system, user},
    sources::{PAGES, prompt},
};
use crate::{Model, router};

fn offline() -> Model {
    Model::offline(Duration::ZERO)
}

#[tokio::test]
async fn a_question_is_answered_with_text_stop_reason_and_usage() {
    let sdk = client(offline()).await;
    let question = prompt("How many vacation days do I get?", PAGES);
    let sent = sdk
        .converse()
        .model_id("docent.extractive-v1")
        .system(system("Answer."))
        .messages(user(&question))
        .send()
        .await
        .unwrap();
    let answer = sent.output().unwrap().as_message().unwrap();
    assert_eq!(answer.role, ConversationRole::Assistant);
    assert!(
        answer.content[0]
            .as_text()
            .unwrap()
            .starts_with("Full-time employees are entitled to 15 days of paid vacation annually. [1]")
    );
    assert_eq!(sent.stop_reason().as_str(), "end_turn");
    let usage = sent.usage().unwrap();
    assert!(usage.input_tokens > 300 && usage.output_tokens > 10);
    assert_eq!(usage.total_tokens, usage.input_tokens + usage.output_tokens);
}

#[tokio::test]
async fn a_stream_gives_the_same_answer_word_by_word() {
    for delay in [Duration::ZERO, Duration::from_millis(1)] {
        let sdk = client(Model::offline(delay)).await;
        let question = prompt("What does error E4 mean?", PAGES);
        let whole = sdk
            .converse()
            .model_id("m")
            .messages(user(&question))
            .send()
            .await
            .unwrap();
        let streamed = stream(&sdk, user(&question)).await;
        assert_eq!(
            &streamed.text(),
            whole.output().unwrap().as_message().unwrap().content[0]
                .as_text()
                .unwrap()
        );
        assert_eq!(streamed.pieces[..3], ["The", " water", " tank"]);
        let (start, rest) = streamed.kinds.split_first().unwrap();
        let (deltas, end) = rest.split_at(rest.len() - 3);
        assert_eq!(*start, "messageStart");
        assert!(deltas.iter().all(|kind| *kind == "contentBlockDelta"));
        assert_eq!(end, ["contentBlockStop", "messageStop", "metadata"]);
        assert_eq!(
            (streamed.stop.as_str(), streamed.tokens.1),
            ("end_turn", whole.usage().unwrap().output_tokens)
        );
    }
}

#[tokio::test]
async fn words_come_one_after_the_other_when_a_delay_is_set() {
    let sdk = client(Model::offline(Duration::from_millis(20))).await;
    let started = Instant::now();
    let question = prompt("How long does the warranty last?", PAGES);
    let mut output = sdk
        .converse_stream()
        .model_id("m")
        .messages(user(&question))
        .send()
        .await
        .unwrap();
    let mut arrivals = Vec::new();
    while output.stream.recv().await.unwrap().is_some() {
        arrivals.push(started.elapsed());
    }
    let first_to_last = arrivals.last().unwrap().abs_diff(arrivals[0]);
    assert!(first_to_last > Duration::from_millis(100), "{arrivals:?}");
}

#[tokio::test]
async fn a_title_is_asked_for_without_sources() {
    let sdk = client(offline()).await;
    let asked = sdk
        .converse()
        .model_id("m")
        .system(system("Write a short title for the conversation."));
    let sent = asked
        .messages(user("<question>\nWhat is the vacation policy?\n</question>"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        sent.output().unwrap().as_message().unwrap().content[0]
            .as_text()
            .unwrap(),
        "Vacation policy"
    );
}

#[tokio::test]
async fn an_answer_ends_at_the_tokens_allowed() {
    let sdk = client(offline()).await;
    let limits = InferenceConfiguration::builder().max_tokens(5).temperature(0.0).build();
    let question = prompt("What is the vacation policy?", PAGES);
    let sent = sdk
        .converse()
        .model_id("m")
        .inference_config(limits)
        .messages(user(&question))
        .send()
        .await
        .unwrap();
    assert_eq!(
        sent.output().unwrap().as_message().unwrap().content[0]
            .as_text()
            .unwrap(),
        "Full-time employees are"
    );
    assert_eq!(sent.stop_reason().as_str(), "max_tokens");
}

#[tokio::test]
async fn malformed_conversations_are_validation_errors() {
    let sdk = client(offline()).await;
    let refused = |messages: Vec<_>| {
        let call = sdk.converse().model_id("m").set_messages(Some(messages));
        async move { call.send().await.unwrap_err().into_service_error() }
    };
    let assistant = || message(ConversationRole::Assistant, "x");
    for messages in [
        vec![],
        vec![assistant()],
        vec![user("a"), user("b")],
        vec![user("a"), assistant()],
        vec![user("  ")],
    ] {
        let error = refused(messages).await;
        assert!(
            error.is_validation_exception() && error.meta().message().is_some_and(|message| message.len() > 20),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn errors_have_bedrocks_header_and_body() {
    let url = serve(router(offline())).await;
    let http = reqwest::Client::new();
    for (path, body, status, name) in [
        ("/model/a/converse", "{", 400, "ValidationException"),
        ("/model/a/converse-stream", "[]", 400, "ValidationException"),
        ("/model/a/invoke", r#"{"prompt":"x"}"#, 400, "ValidationException"),
        (
            "/model/a/invoke",
            r#"{"inputText":"x","dimensions":0}"#,
            400,
            "ValidationException",
        ),
        ("/model/a/other", "{}", 404, "UnknownOperationException"),
    ] {
        let answer = http.post(format!("{url}{path}")).body(body).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.headers()["x-amzn-errortype"], name);
        assert!(answer.json::<serde_json::Value>().await.unwrap()["message"].is_string());
    }
}

#[tokio::test]
async fn a_model_id_may_hold_colons_and_slashes() {
    let sdk = client(offline()).await;
    for id in [
        "anthropic.claude-3:0",
        "arn:aws:bedrock:us-east-1:1:inference-profile/us.x:0",
    ] {
        assert!(sdk.converse().model_id(id).messages(user("hi")).send().await.is_ok());
    }
}

#[tokio::test]
async fn embeddings_have_titans_shape() {
    let sdk = client(offline()).await;
    let answer = invoke(
        &sdk,
        json!({ "inputText": "paid vacation days", "dimensions": 256, "normalize": true }),
    )
    .await
    .unwrap();
    let vector: Vec<f64> = answer["embedding"]
        .as_array()
        .unwrap()
        .iter()
        .map(|x| x.as_f64().unwrap())
        .collect();
    assert_eq!((vector.len(), answer["inputTextTokenCount"].as_u64()), (256, Some(4)));
    assert!((vector.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-4);
    let default = invoke(&sdk, json!({ "inputText": "" })).await.unwrap();
    assert_eq!(default["embedding"].as_array().unwrap().len(), 1024);
    assert_eq!(default["embedding"][0], 1.0);
    assert!(
        invoke(&sdk, json!({ "inputText": "x", "wrong": 1 }))
            .await
            .unwrap_err()
            .contains("wrong")
    );
}

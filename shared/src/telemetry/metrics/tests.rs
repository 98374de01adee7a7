use serde_json::{Value, json};

use super::*;
use crate::telemetry::kept::Kept;

fn metrics(namespace: Option<&str>) -> Metrics {
    Metrics {
        namespace: namespace.map(Arc::from),
        clock: Clock::fixed("2026-01-15T10:30:00Z".parse().unwrap()),
    }
}

/// The lines that `tell` leaves.
fn told(tell: impl FnOnce(&Metrics)) -> Vec<Value> {
    let kept = Kept::default();
    let begun = kept.begin();
    let span = tracing::error_span!("request", request_id = "r-1", tenant = "t-1").entered();
    tell(&metrics(Some("docent/test")));
    drop((span, begun));
    kept.lines()
}

fn answered() -> ModelCall {
    ModelCall {
        durations: vec![1.5],
        first_chunk: Some(0.25),
        input_tokens: vec![120],
        output_tokens: Some(30),
        finish_reason: Some("end_turn".to_owned()),
        ..ModelCall::new(Operation::Chat, "m-1")
    }
}

/// What the specification demands of a line; the units are those that CloudWatch knows and we use.
fn check(line: &Value) {
    let is_name = |name: &Value| name.as_str().is_some_and(|name| (1..=255).contains(&name.len()));
    assert!(line["_aws"]["Timestamp"].is_i64(), "{line}");
    let directives = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
    assert!(!directives.is_empty());
    for directive in directives {
        assert_eq!(directive["Namespace"], "docent/test");
        let sets = directive["Dimensions"].as_array().unwrap();
        assert!(!sets.is_empty());
        for set in sets {
            let set = set.as_array().unwrap();
            assert!(set.len() <= 30 && set.iter().all(is_name), "{line}");
            for dimension in set {
                assert!(line[dimension.as_str().unwrap()].is_string(), "{dimension} of {line}");
            }
        }
        let metrics = directive["Metrics"].as_array().unwrap();
        assert!((1..=100).contains(&metrics.len()));
        for metric in metrics {
            assert!(is_name(&metric["Name"]) && ["Seconds", "Count"].contains(&metric["Unit"].as_str().unwrap()));
            let value = &line[metric["Name"].as_str().unwrap()];
            let several =
                |values: &Vec<Value>| (2..=100).contains(&values.len()) && values.iter().all(Value::is_number);
            assert!(value.is_number() || value.as_array().is_some_and(several), "{line}");
        }
    }
}

#[test]
fn every_line_keeps_to_the_specification() {
    let lines = told(|metrics| {
        metrics.model_call(&answered());
        metrics.model_call(&ModelCall {
            durations: vec![0.5; 100],
            input_tokens: vec![7; 100],
            ..ModelCall::new(Operation::Embeddings, "e-1")
        });
        metrics.model_call(&ModelCall {
            durations: vec![0.5],
            error: Some("ThrottlingException".to_owned()),
            ..ModelCall::new(Operation::Chat, "a \"quoted\" model")
        });
        for outcome in [Outcome::Delivered, Outcome::Failed, Outcome::GivenUp] {
            metrics.deliveries(outcome, 2);
        }
    });
    assert_eq!(lines.len(), 7);
    lines.iter().for_each(check);
}

#[test]
fn an_answer_is_one_line_with_its_times_and_prompt_and_one_with_what_was_written() {
    let lines = told(|metrics| metrics.model_call(&answered()));
    let [call, written] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    assert_eq!(call["_aws"]["Timestamp"], 1_768_473_000_000_i64);
    let seconds = |name: &str| json!({"Name": name, "Unit": "Seconds"});
    let tokens = json!({
        "Namespace": "docent/test",
        "Dimensions": [["gen_ai.operation.name", "gen_ai.request.model", "gen_ai.token.type"]],
        "Metrics": [{"Name": "gen_ai.client.token.usage", "Unit": "Count"}],
    });
    assert_eq!(
        call["_aws"]["CloudWatchMetrics"],
        json!([
            {
                "Namespace": "docent/test",
                "Dimensions": [["gen_ai.operation.name", "gen_ai.request.model"]],
                "Metrics": [
                    seconds("gen_ai.client.operation.duration"),
                    seconds("gen_ai.client.operation.time_to_first_chunk"),
                ],
            },
            tokens,
        ])
    );
    for (member, value) in [
        ("gen_ai.operation.name", json!("chat")),
        ("gen_ai.request.model", json!("m-1")),
        ("gen_ai.provider.name", json!("aws.bedrock")),
        ("gen_ai.client.operation.duration", json!(1.5)),
        ("gen_ai.client.operation.time_to_first_chunk", json!(0.25)),
        ("gen_ai.token.type", json!("input")),
        ("gen_ai.client.token.usage", json!(120)),
        ("gen_ai.usage.input_tokens", json!(120)),
        ("gen_ai.usage.output_tokens", json!(30)),
        ("gen_ai.response.finish_reasons", json!(["end_turn"])),
        ("request_id", json!("r-1")),
        ("tenant", json!("t-1")),
    ] {
        assert_eq!(call[member], value, "{member}");
    }
    assert_eq!(written["_aws"]["CloudWatchMetrics"], json!([tokens]));
    assert_eq!(written["gen_ai.token.type"], "output");
    assert_eq!(written["gen_ai.client.token.usage"], 30);
    assert!(
        written["gen_ai.usage.output_tokens"].is_null(),
        "it would be summed twice"
    );
}

#[test]
fn a_call_that_failed_has_its_kind_of_error_and_no_tokens() {
    let lines = told(|metrics| {
        metrics.model_call(&ModelCall {
            durations: vec![0.5],
            error: Some("ThrottlingException".to_owned()),
            ..ModelCall::new(Operation::Embeddings, "e-1")
        });
    });
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["error.type"], "ThrottlingException");
    assert_eq!(lines[0]["gen_ai.operation.name"], "embeddings");
    assert_eq!(lines[0]["_aws"]["CloudWatchMetrics"].as_array().unwrap().len(), 1);
    assert!(lines[0]["gen_ai.client.token.usage"].is_null());
}

#[test]
fn deliveries_are_counted_by_their_outcome_and_none_is_no_line() {
    let lines = told(|metrics| {
        metrics.deliveries(Outcome::GivenUp, 3);
        metrics.deliveries(Outcome::Failed, 0);
    });
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["outcome"], "given_up");
    assert_eq!(lines[0]["docent.webhook.deliveries"], 3);
}

#[test]
fn a_deployment_without_a_namespace_has_no_metrics() {
    let kept = Kept::default();
    let begun = kept.begin();
    metrics(None).model_call(&answered());
    metrics(None).deliveries(Outcome::Delivered, 1);
    drop(begun);
    assert!(kept.lines().is_empty());
}

//! What tells an operator that something is wrong.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

const OPERATIONS: &str = include_str!("../../../../../docs/operations.md");

/// The metrics of an alarm: name, and the first dimension's value.
fn metrics(alarm: &Value) -> Vec<(String, Value)> {
    let named = |metric: &Value| {
        let name = metric["MetricName"].as_str().unwrap().to_owned();
        (name, metric["Dimensions"][0]["Value"].clone())
    };
    match alarm["Metrics"].as_array() {
        Some(several) => several
            .iter()
            .map(|metric| &metric["MetricStat"]["Metric"])
            .filter(|metric| metric.is_object())
            .map(named)
            .collect(),
        None => vec![named(alarm)],
    }
}

/// The queues for which some alarm watches a metric.
fn watched(name: &str) -> BTreeSet<String> {
    let template = own();
    let alarms = template.of_type("AWS::CloudWatch::Alarm").into_iter();
    let of_name = alarms
        .flat_map(|(_, alarm)| metrics(alarm))
        .filter(|(metric, _)| metric == name);
    of_name
        .map(|(_, queue)| queue["Fn::GetAtt"][0].as_str().unwrap().to_owned())
        .collect()
}

/// The queues that hold dead letters, of other queues and of the stream, and the others.
fn queues() -> (BTreeSet<String>, BTreeSet<String>) {
    let template = own();
    let queues = template.queues().unwrap();
    let mut dead: BTreeSet<String> = queues
        .iter()
        .filter(|queue| queue.holds_dead_letters)
        .map(|queue| queue.logical_id.clone())
        .collect();
    for function in template.functions().unwrap() {
        for event in &function.events {
            if let Event::Stream(source) = event {
                let given_up = source.destination_config.on_failure.as_ref().unwrap();
                dead.insert(template.queue_of(&given_up.destination));
            }
        }
    }
    let alive = queues
        .into_iter()
        .map(|queue| queue.logical_id)
        .filter(|id| !dead.contains(id));
    (alive.collect(), dead)
}

#[test]
fn every_dead_letter_rings_and_is_kept_for_two_weeks() {
    let (alive, dead) = queues();
    assert_eq!(watched("ApproximateNumberOfMessagesVisible"), dead);
    assert_eq!(watched("ApproximateAgeOfOldestMessage"), alive);
    for queue in own()
        .queues()
        .unwrap()
        .iter()
        .filter(|queue| dead.contains(&queue.logical_id))
    {
        assert_eq!(queue.attributes["MessageRetentionPeriod"], "1209600", "{}", queue.name);
    }
}

#[test]
fn every_alarm_tells_somebody_and_is_explained() {
    let template = own();
    for (id, alarm) in template.of_type("AWS::CloudWatch::Alarm") {
        assert_eq!(alarm["AlarmActions"]["Fn::If"][0], "Told", "{id}");
        assert_eq!(alarm["TreatMissingData"], "notBreaching", "{id}: silence is no trouble");
        assert!(alarm["AlarmDescription"].is_string(), "{id}");
        assert!(
            OPERATIONS.contains(&format!("| `{id}` |")),
            "docs/operations.md says nothing of {id}"
        );
    }
}

#[test]
fn what_alarms_cost_is_what_the_documents_say() {
    let template = own();
    let always = template.of_type("AWS::CloudWatch::Alarm").into_iter();
    let always = always.filter(|(id, _)| template.root["Resources"][id].get("Condition").is_none());
    let watched: usize = always.map(|(_, alarm)| metrics(alarm).len()).sum();
    let said = format!("watch {watched} metrics");
    assert!(OPERATIONS.contains(&said), "docs/operations.md does not say {said:?}");
}

#[test]
fn the_dashboard_shows_every_queue() {
    let template = own();
    let body = &template.root["Resources"]["MetricsDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"];
    let board: Value = serde_json::from_str(body.as_str().unwrap()).unwrap();
    assert!(
        board["widgets"]
            .as_array()
            .unwrap()
            .iter()
            .all(|widget| widget["properties"]["title"].is_string())
    );
    let (alive, dead) = queues();
    for queue in alive.union(&dead) {
        assert!(
            board.to_string().contains(&format!("${{{queue}.QueueName}}")),
            "{queue}"
        );
    }
}

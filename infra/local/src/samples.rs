//! The sample events of `events/` are what their functions take.

use aws_lambda_events::{dynamodb::Event as StreamEvent, sqs::SqsEvent};
use lambda_http::request::LambdaRequest;
use serde_json::Value;

use crate::sources::Filter;
use crate::template::{Event, OWN, Template};

const PROXY: [(&str, &str); 10] = [
    ("analytics", include_str!("../../../events/analytics.json")),
    ("bots", include_str!("../../../events/bots.json")),
    ("auth", include_str!("../../../events/auth.json")),
    ("channels", include_str!("../../../events/channels.json")),
    ("chat", include_str!("../../../events/chat.json")),
    ("conversations", include_str!("../../../events/conversations.json")),
    ("knowledge", include_str!("../../../events/knowledge.json")),
    ("routines", include_str!("../../../events/routines.json")),
    ("webhooks", include_str!("../../../events/webhooks.json")),
    ("health", include_str!("../../../events/health.json")),
];

#[test]
fn each_http_sample_goes_to_its_function() {
    let mut template = Template::parse(OWN, "t").unwrap();
    template.set("OpenSearchUrl", "http://localhost");
    template.set("MailFrom", "docent@localhost");
    let functions = template.functions().unwrap();
    for (name, text) in PROXY {
        let event: Value = serde_json::from_str(text).unwrap();
        let function = functions.iter().find(|function| function.name == name).unwrap();
        let takes = |event_source: &Event| matches!(event_source, Event::Api(route) if route.path == event["resource"]);
        assert!(function.events.iter().any(takes), "{name}");
        let request: http::Request<lambda_http::Body> = serde_json::from_str::<LambdaRequest>(text).unwrap().into();
        assert!(request.uri().path().ends_with(event["path"].as_str().unwrap()));
    }
}

#[test]
fn the_workers_samples_are_what_their_sources_send() {
    for text in [
        include_str!("../../../events/ingest.json"),
        include_str!("../../../events/ingest-drop.json"),
        include_str!("../../../events/erase.json"),
        include_str!("../../../events/insights.json"),
        include_str!("../../../events/run-routine.json"),
        include_str!("../../../events/deliver.json"),
    ] {
        let event: SqsEvent = serde_json::from_str(text).unwrap();
        assert!(
            serde_json::from_str::<Value>(event.records[0].body.as_deref().unwrap())
                .unwrap()
                .is_object()
        );
    }
    let tick: Value = serde_json::from_str(include_str!("../../../events/tick.json")).unwrap();
    assert_eq!(
        (&tick["source"], &tick["detail"]),
        (&"aws.events".into(), &serde_json::json!({}))
    );
    let text = include_str!("../../../events/relay.json");
    let event: StreamEvent = serde_json::from_str(text).unwrap();
    assert!(event.records[0].change.sequence_number.is_some());
    let record = serde_json::from_str::<Value>(text).unwrap()["Records"][0].take();
    let mut template = Template::parse(OWN, "t").unwrap();
    template.set("OpenSearchUrl", "http://localhost");
    template.set("MailFrom", "docent@localhost");
    let functions = template.functions().unwrap();
    let relay = functions.iter().find(|function| function.name == "relay").unwrap();
    let Event::Stream(source) = &relay.events[0] else {
        panic!("relay follows the stream")
    };
    let patterns = source
        .filter_criteria
        .filters
        .iter()
        .map(|filter| filter.pattern.as_str());
    assert!(Filter::new(patterns).unwrap().accepts(&record));
}

//! The template is read as CloudFormation would, and the project's own is sound.

mod access;
mod alarms;
mod documented;
mod modes;

use std::collections::BTreeSet;

use super::*;

fn own() -> Template {
    let mut template = Template::parse(OWN, "here").unwrap();
    template.set("OpenSearchUrl", "http://127.0.0.1:9200");
    template.set("OpenSearchTarget", "domain");
    template.set("MailFrom", "docent@localhost");
    template.refer("Table", "docent");
    template.refer("IngestQueue", "http://127.0.0.1:1/000000000000/IngestQueue");
    template
}

fn function(name: &str) -> Function {
    own()
        .functions()
        .unwrap()
        .into_iter()
        .find(|function| function.name == name)
        .unwrap()
}

#[test]
fn variables_are_resolved_against_parameters_and_resources() {
    let chat = function("chat");
    assert_eq!(chat.environment["TABLE_NAME"], "docent");
    assert_eq!(chat.environment["OPENSEARCH_URL"], "http://127.0.0.1:9200");
    assert_eq!(chat.environment["EMBEDDING_DIMENSIONS"], "1024");
    assert!(!chat.environment.contains_key("INGEST_QUEUE_URL"));
    let relay = function("relay");
    assert_eq!(
        relay.environment["INGEST_QUEUE_URL"],
        "http://127.0.0.1:1/000000000000/IngestQueue"
    );
}

#[test]
fn every_route_of_a_function_has_the_same_transfer_mode() {
    for function in own().functions().unwrap() {
        let modes: Vec<bool> = routes(&function).map(Route::streams).collect();
        assert!(modes.windows(2).all(|pair| pair[0] == pair[1]), "{}", function.name);
        assert_eq!(modes.first() == Some(&true), function.name == "chat");
        for route in routes(&function).filter(|route| route.streams()) {
            assert!(
                route.timeout_in_millis.is_some(),
                "{} would be cut after 29 s",
                route.path
            );
        }
    }
}

#[test]
fn event_sources_report_partial_failures() {
    for function in own().functions().unwrap() {
        for event in &function.events {
            let reported = match event {
                Event::Api(_) | Event::Schedule(_) => continue,
                Event::Queue(source) => &source.function_response_types,
                Event::Stream(source) => &source.function_response_types,
            };
            assert_eq!(reported, &["ReportBatchItemFailures"], "{}", function.name);
        }
    }
}

#[test]
fn a_queue_hides_a_message_for_six_times_its_functions_timeout() {
    let queues = own().queues().unwrap();
    for function in own().functions().unwrap() {
        for event in &function.events {
            let Event::Queue(source) = event else { continue };
            let named = |arn: &str| {
                let id = own().queue_of(arn);
                queues.iter().find(|queue| queue.logical_id == id).unwrap()
            };
            let queue = named(&source.queue);
            let hidden: u64 = queue.attributes["VisibilityTimeout"].parse().unwrap();
            assert!(hidden >= 6 * function.timeout.as_secs(), "{}", function.name);
            let redrive: serde_json::Value = serde_json::from_str(&queue.attributes["RedrivePolicy"]).unwrap();
            assert_eq!(
                redrive["maxReceiveCount"],
                shared::worker::MAX_TRIES,
                "{}",
                function.name
            );
            let dead_letters = named(redrive["deadLetterTargetArn"].as_str().unwrap());
            assert!(dead_letters.holds_dead_letters && !queue.holds_dead_letters);
            assert_eq!(dead_letters.attributes["MessageRetentionPeriod"], "1209600", "14 days");
        }
    }
    assert!(queues.iter().is_sorted_by_key(|queue| !queue.holds_dead_letters));
}

#[test]
fn each_crate_of_functions_is_a_function() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../functions");
    let crates = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let crates = crates.filter(|entry| entry.path().join("Cargo.toml").is_file());
    let crates: BTreeSet<String> = crates.map(|entry| entry.file_name().into_string().unwrap()).collect();
    let functions = own().functions().unwrap();
    assert_eq!(functions.len(), crates.len());
    assert_eq!(
        functions
            .into_iter()
            .map(|function| function.name)
            .collect::<BTreeSet<_>>(),
        crates
    );
    for (id, properties) in own().of_type("AWS::Serverless::Function") {
        let built = properties["CodeUri"]
            .as_str()
            .unwrap()
            .strip_prefix("target/lambda/")
            .unwrap();
        assert!(crates.contains(built.trim_end_matches('/')), "{id}");
    }
}

#[test]
fn every_function_that_is_called_by_path_answers_every_method_itself() {
    for function in own().functions().unwrap() {
        assert!(
            routes(&function).all(|route| route.method == "ANY"),
            "{}: no preflight",
            function.name
        );
    }
}

#[test]
fn conditions_are_worked_out() {
    let text = "Parameters: {Kind: {Default: a}, Many: {Default: 0}}\n\
                Conditions:\n  A: !Equals [!Ref Kind, a]\n  None: !Equals [!Ref Many, '0']\n  \
                Both: !And [!Condition A, !Condition None]\n  Neither: !And [!Not [!Condition A], !Condition None]\n";
    let mut template = Template::parse(text, "here").unwrap();
    let holds = |template: &Template| ["Both", "Neither"].map(|name| template.condition(name).unwrap());
    assert_eq!(holds(&template), [true, false]);
    template.set("Kind", "b");
    assert_eq!(holds(&template), [false, true]);
    template.set("Many", "1");
    assert_eq!(holds(&template), [false, false]);
    assert!(template.condition("Nothing").is_err());
}

#[test]
fn nobody_may_do_everything_to_everything() {
    let template = own();
    let all = template.root["Resources"].to_string();
    assert!(!all.contains("\"Resource\":\"*\"") && !all.contains("\"Resource\":[\"*\"]"));
    assert!(!all.contains("\"Action\":\"*\"") && !all.contains("\"Effect\":\"Allow\",\"Principal\":\"*\""));
    for (id, properties) in template.of_type("AWS::Serverless::Function") {
        let text = properties["Policies"].to_string();
        assert!(
            !text.contains("\"Resource\":\"*\"") && !text.contains(":*\""),
            "{id}: {text}"
        );
        assert_eq!(
            properties["LoggingConfig"]["LogGroup"]["Ref"],
            id.replace("Function", "Log")
        );
    }
    for (id, properties) in template.of_type("AWS::Logs::LogGroup") {
        assert!(
            properties.get("RetentionInDays").is_some(),
            "{id} would be kept for ever"
        );
    }
}

#[test]
fn the_table_and_the_bucket_are_read() {
    let template = own();
    let (id, table, ttl) = template.table().unwrap();
    assert_eq!((id.as_str(), ttl.as_deref()), ("Table", Some("expires_at")));
    assert_eq!(table["StreamSpecification"]["StreamEnabled"], true);
    let bucket = template.bucket().unwrap();
    assert_eq!(bucket.notifications[0].0, "uploads/");
    assert_eq!(template.queue_of(&bucket.notifications[0].1), "IngestQueue");
}

#[test]
fn what_refers_to_nothing_is_named() {
    let text = "Resources:\n  XFunction:\n    Type: AWS::Serverless::Function\n    Properties:\n      Events: {}\n      Environment: {Variables: {A: !Ref Nobody}}";
    let error = Template::parse(text, "here").unwrap().functions().unwrap_err();
    assert!(error.to_string().contains("Nobody"), "{error}");
}

#[test]
fn binary_media_types_and_gateway_responses_are_read() {
    assert!(own().binary_media_types().contains(&"multipart/form-data".to_owned()));
    let responses = own().gateway_responses();
    for (kind, (_, text)) in &responses {
        let filled = text.replace("$context.error.messageString", "\"x\"");
        let body: serde_json::Value = serde_json::from_str(&filled).unwrap();
        assert_eq!(body["request_id"], "$context.requestId", "{kind}");
    }
    assert_eq!(responses["REQUEST_TOO_LARGE"].0, Some(413));
}

fn routes(function: &Function) -> impl Iterator<Item = &Route> {
    function.events.iter().filter_map(|event| match event {
        Event::Api(route) => Some(route),
        _ => None,
    })
}

#[test]
fn a_template_knows_its_own_parameters() {
    let template = Template::parse(OWN, "t").unwrap();
    assert!(template.declares("OpenSearchUrl"));
    assert!(!template.declares("Table"), "a resource is no parameter");
}

/// SAM makes a stage of its own, "Stage", for an API that does not say which version of OpenAPI its definition is: a way in
/// without throttling, logs and firewall.
#[test]
fn the_api_has_one_stage() {
    let template = own();
    let apis = template.of_type("AWS::Serverless::Api");
    assert!(!apis.is_empty());
    for (name, api) in apis {
        let version = &api["OpenApiVersion"];
        assert!(
            version.as_str().is_some_and(|version| version.starts_with("3.")),
            "{name}: {version}"
        );
    }
}

//! The table's stream, as dynoxide writes it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use aws_sdk_dynamodb::{Client, types::AttributeValue};

use super::*;
use crate::sdk::{Endpoints, Identity};
use crate::template::{OWN, Template};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn item(sk: &str) -> HashMap<String, AttributeValue> {
    [("pk", "T#t"), ("sk", sk), ("gsi1pk", "T#t#B#b"), ("gsi1sk", "1")]
        .map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())))
        .into()
}

#[tokio::test]
async fn the_stream_is_read_filtered_trimmed_and_survives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tables.sqlite");
    let template = Template::parse(OWN, "t").unwrap();
    let (_, table, ttl) = template.table().unwrap();
    let (mut dynamodb, journal) = DynamoDb::start(LOOPBACK, &path, "docent", table.clone(), ttl.clone())
        .await
        .unwrap();
    let mut endpoints = Endpoints::default();
    endpoints.set("DYNAMODB", &dynamodb.url);
    let client = Client::new(&Identity::local().config(endpoints));
    let version = journal.version();
    for sk in ["EVENT", "DOC#1", "EVENT"] {
        client
            .put_item()
            .table_name("docent")
            .set_item(Some(item(sk)))
            .send()
            .await
            .unwrap();
    }
    assert_ne!(journal.version(), version, "a write is noticed");
    let read = journal
        .read(0, 10, false, |record| record["dynamodb"]["Keys"]["sk"]["S"] == "EVENT")
        .unwrap();
    let names: Vec<_> = read
        .records
        .iter()
        .map(|record| record.json["eventName"].as_str().unwrap())
        .collect();
    // The second EVENT is the same item, written again.
    assert_eq!(names, ["INSERT", "MODIFY"].as_slice()[..names.len()]);
    assert_eq!(read.records[0].json["dynamodb"]["NewImage"]["pk"]["S"], "T#t");
    let last = read.position.unwrap();
    assert!(position(&read.records[0].sequence).unwrap() <= last);
    assert_eq!(sequence(last).len(), 21);
    let found = client
        .query()
        .table_name("docent")
        .index_name("gsi1")
        .key_condition_expression("gsi1pk = :pk");
    let found = found
        .expression_attribute_values(":pk", AttributeValue::S("T#t#B#b".into()))
        .send()
        .await
        .unwrap();
    assert_eq!(found.count, 2);

    dynamodb.stop();
    drop((dynamodb, journal));
    let (_dynamodb, journal) = DynamoDb::start(LOOPBACK, &path, "docent", table, ttl).await.unwrap();
    assert_eq!(journal.read(0, 10, true, |_| true).unwrap().position, Some(last));
    assert!(!journal.trim(last, i64::MAX).unwrap());
    assert_eq!(journal.read(0, 10, true, |_| true).unwrap().position, None);
}

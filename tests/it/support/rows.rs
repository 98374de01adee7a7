//! The table itself, for what no endpoint shows: that nothing is left, or how often something was told.

use std::collections::HashMap;

use aws_sdk_dynamodb::{Client, types::AttributeValue};

use shared::events::{Event, EventType};

use super::{Tenant, stack};

type Item = HashMap<String, AttributeValue>;

impl Tenant {
    /// Everything that the table has of this tenant.
    pub async fn rows(&self) -> Vec<Item> {
        let client = Client::new(stack().await.sdk());
        let pages = client
            .scan()
            .table_name(format!("docent-it-{}", std::process::id()))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<Item>, _>>()
            .await
            .unwrap();
        let own = format!("T#{}", self.id);
        let key = |item: &Item| item["pk"].as_s().unwrap().clone();
        pages
            .into_iter()
            .filter(|item| key(item) == own || key(item).starts_with(&format!("{own}#")))
            .collect()
    }

    /// How many rows of this tenant hold a text in some attribute.
    pub async fn rows_with(&self, text: &str) -> usize {
        let rows = self.rows().await;
        rows.iter().filter(|item| format!("{item:?}").contains(text)).count()
    }

    /// The events of a kind that tell of a session.
    pub async fn events_of(&self, kind: EventType, session: &str) -> Vec<Event> {
        let rows = self.rows().await.into_iter();
        let events = rows.filter(|item| item["sk"].as_s().unwrap() == "EVENT");
        let events = events.map(|item| serde_dynamo::from_item::<_, Event>(item).unwrap());
        events
            .filter(|event| event.kind == kind && event.data["session_id"].as_str() == Some(session))
            .collect()
    }
}

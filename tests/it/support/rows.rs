//! The table itself, for what no endpoint shows: that nothing is left, or how often something was told.

use std::collections::HashMap;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{Client, types::AttributeValue};

use shared::{
    events::{Event, EventType},
    ids::TenantId,
};

use super::{Tenant, stack};

/// A row as the table has it.
pub type Item = HashMap<String, AttributeValue>;

/// Everything that a table has of a tenant.
pub async fn rows_of(sdk: &SdkConfig, table: &str, tenant: &TenantId) -> Vec<Item> {
    let pages = Client::new(sdk)
        .scan()
        .table_name(table)
        .consistent_read(true)
        .into_paginator()
        .items()
        .send()
        .collect::<Result<Vec<Item>, _>>()
        .await
        .unwrap();
    let own = format!("T#{tenant}");
    let key = |item: &Item| item["pk"].as_s().unwrap().clone();
    pages
        .into_iter()
        .filter(|item| key(item) == own || key(item).starts_with(&format!("{own}#")))
        .collect()
}

/// The events among some rows.
pub fn events_in(rows: Vec<Item>) -> Vec<Event> {
    let events = rows.into_iter().filter(|item| item["sk"].as_s().unwrap() == "EVENT");
    events.map(|item| serde_dynamo::from_item(item).unwrap()).collect()
}

/// Everything that the table of the common stack has of a tenant.
pub async fn rows_here(tenant: &TenantId) -> Vec<Item> {
    let table = format!("docent-it-{}", std::process::id());
    rows_of(stack().await.sdk(), &table, tenant).await
}

impl Tenant {
    /// Everything that the table has of this tenant.
    pub async fn rows(&self) -> Vec<Item> {
        rows_here(&self.id).await
    }

    /// How many rows of this tenant hold a text in some attribute.
    pub async fn rows_with(&self, text: &str) -> usize {
        let rows = self.rows().await;
        rows.iter().filter(|item| format!("{item:?}").contains(text)).count()
    }

    /// The events of a kind that tell of a session.
    pub async fn events_of(&self, kind: EventType, session: &str) -> Vec<Event> {
        events_in(self.rows().await)
            .into_iter()
            .filter(|event| event.kind == kind && event.data["session_id"].as_str() == Some(session))
            .collect()
    }
}

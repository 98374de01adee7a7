//! The template's table, made in a DynamoDB that somebody else runs.

use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    StreamSpecification, StreamViewType, TableStatus, TimeToLiveSpecification,
};
use aws_sdk_dynamodb::{Client, error::BuildError, operation::describe_table::DescribeTableOutput};
use serde_json::Value;
use std::time::Duration;

use crate::error::{During, Error};

/// How often, and how far apart, a new table is looked at until it is there.
const LOOKS: u32 = 100;
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Makes the table unless it is there, and returns its stream's ARN.
///
/// # Errors
/// When the service refuses, or the table has no stream.
pub async fn ensure_table(dynamodb: &Client, name: &str, table: &Value, ttl: Option<String>) -> Result<String, Error> {
    let part = format!("table {name}");
    if describe(dynamodb, name).await.is_none() {
        let request = create(dynamodb, name, table).during(&part)?;
        request
            .send()
            .await
            .map_err(|why| Error::part(&part, DisplayErrorContext(why).to_string()))?;
        if let Some(attribute) = ttl {
            let specification = TimeToLiveSpecification::builder()
                .attribute_name(attribute)
                .enabled(true)
                .build();
            let request = dynamodb.update_time_to_live().table_name(name);
            let set = request
                .time_to_live_specification(specification.during(&part)?)
                .send()
                .await;
            if let Err(why) = set {
                tracing::warn!(why = %DisplayErrorContext(why), "the table's TTL was not set");
            }
        }
    }
    for _ in 0..LOOKS {
        if let Some(described) = describe(dynamodb, name).await.and_then(|described| described.table)
            && described.table_status == Some(TableStatus::Active)
        {
            return described
                .latest_stream_arn
                .ok_or_else(|| Error::part(&part, "it is there, but has no stream"));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Err(Error::part(&part, "it did not become active"))
}

async fn describe(dynamodb: &Client, name: &str) -> Option<DescribeTableOutput> {
    dynamodb.describe_table().table_name(name).send().await.ok()
}

fn create(
    dynamodb: &Client,
    name: &str,
    table: &Value,
) -> Result<aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder, BuildError> {
    let mut request = dynamodb
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest);
    for definition in list(&table["AttributeDefinitions"]) {
        let kind = text(definition, "AttributeType").into();
        let definition = AttributeDefinition::builder()
            .attribute_name(text(definition, "AttributeName"))
            .attribute_type(kind);
        request = request.attribute_definitions(definition.build()?);
    }
    for element in keys(table)? {
        request = request.key_schema(element);
    }
    for index in list(&table["GlobalSecondaryIndexes"]) {
        let projection = ProjectionType::from(index["Projection"]["ProjectionType"].as_str().unwrap_or("ALL"));
        let index = GlobalSecondaryIndex::builder()
            .index_name(text(index, "IndexName"))
            .set_key_schema(Some(keys(index)?))
            .projection(Projection::builder().projection_type(projection).build());
        request = request.global_secondary_indexes(index.build()?);
    }
    let view = StreamViewType::from(
        table["StreamSpecification"]["StreamViewType"]
            .as_str()
            .unwrap_or("NEW_AND_OLD_IMAGES"),
    );
    let stream = StreamSpecification::builder()
        .stream_enabled(true)
        .stream_view_type(view);
    Ok(request.stream_specification(stream.build()?))
}

fn keys(of: &Value) -> Result<Vec<KeySchemaElement>, BuildError> {
    let element = |element: &Value| {
        let kind = KeyType::from(text(element, "KeyType"));
        KeySchemaElement::builder()
            .attribute_name(text(element, "AttributeName"))
            .key_type(kind)
            .build()
    };
    list(&of["KeySchema"]).iter().map(element).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

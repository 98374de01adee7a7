//! Items that hold nothing but counters, which go up to a bound and no further.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update as SdkUpdate,
};

use super::{Item, Key, Table, table_error, text, unheld, update::Placeholders};
use crate::error::Error;

/// What came of counting.
#[derive(Debug)]
pub enum Counted {
    /// All went up; these are their values now.
    Taken(HashMap<String, u32>),
    /// One was at its bound, so none went up; these are their values.
    Refused(HashMap<String, u32>),
}

impl Table {
    /// Adds one to counters of one item, all of them or, when one is at its bound, none. The item is gone after
    /// `expires_at` (seconds since 1970).
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn count(&self, key: &Key, bounds: &[(String, u32)], expires_at: i64) -> Result<Counted, Error> {
        if bounds.iter().any(|(_, most)| *most == 0) {
            return Ok(Counted::Refused(self.counters(key).await?));
        }
        let (expression, condition, with) = expressions(bounds, expires_at);
        let count = self
            .client
            .update_item()
            .table_name(&self.name)
            .key("pk", text(key.pk()))
            .key("sk", text(key.sk()))
            .update_expression(expression)
            .condition_expression(condition)
            .set_expression_attribute_names(with.names())
            .set_expression_attribute_values(with.values())
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match unheld(|| count.clone().send()).await {
            Ok(answer) => Ok(Counted::Taken(numbers(answer.attributes.unwrap_or_default()))),
            Err(error) => match error.as_service_error() {
                Some(refused) if refused.is_conditional_check_failed_exception() => {
                    let item = match refused {
                        aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(
                            failed,
                        ) => failed.item.clone(),
                        _ => None,
                    };
                    Ok(Counted::Refused(numbers(item.unwrap_or_default())))
                }
                _ => Err(table_error(error)),
            },
        }
    }

    /// Adds one to two counters of each of these items, the first of which has a bound, or to none: gives the position of the
    /// item that is at its bound.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn count_all(
        &self,
        items: &[(Key, u32)],
        names: [&str; 2],
        expires_at: i64,
    ) -> Result<Option<usize>, Error> {
        if let Some(full) = items.iter().position(|(_, most)| *most == 0) {
            return Ok(Some(full));
        }
        let mut writes = Vec::new();
        for (key, most) in items {
            let (expression, condition, with) = expressions(
                &[(names[0].to_owned(), *most), (names[1].to_owned(), u32::MAX)],
                expires_at,
            );
            let update = SdkUpdate::builder()
                .table_name(&self.name)
                .key("pk", text(key.pk()))
                .key("sk", text(key.sk()))
                .update_expression(expression)
                .condition_expression(condition)
                .set_expression_attribute_names(with.names())
                .set_expression_attribute_values(with.values())
                .build()
                .map_err(Error::internal)?;
            writes.push(TransactWriteItem::builder().update(update).build());
        }
        super::transaction::retried(&self.client, writes).await
    }

    /// The counters of an item; none when it is not there.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn counters(&self, key: &Key) -> Result<HashMap<String, u32>, Error> {
        Ok(numbers(self.item(key).await?.unwrap_or_default()))
    }
}

fn expressions(bounds: &[(String, u32)], expires_at: i64) -> (String, String, Placeholders) {
    let mut with = Placeholders::default();
    let one = with.value(AttributeValue::N("1".to_owned()));
    let (mut adds, mut conditions) = (Vec::new(), Vec::new());
    for (name, most) in bounds {
        let name = with.name(name);
        let most = with.value(AttributeValue::N(most.to_string()));
        adds.push(format!("{name} {one}"));
        conditions.push(format!("(attribute_not_exists({name}) OR {name} < {most})"));
    }
    let expiry = with.name("expires_at");
    let second = with.value(AttributeValue::N(expires_at.to_string()));
    let expression = format!("SET {expiry} = {second} ADD {}", adds.join(", "));
    (expression, conditions.join(" AND "), with)
}

fn numbers(item: Item) -> HashMap<String, u32> {
    let number = |value: &AttributeValue| value.as_n().ok().and_then(|n| n.parse().ok());
    item.iter()
        .filter_map(|(name, value)| Some((name.clone(), number(value)?)))
        .collect()
}

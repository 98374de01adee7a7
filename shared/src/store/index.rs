//! Pages of the two indexes. An index may lag behind the table by a moment.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;

use super::{Cursor, Found, Item, Page, Partition, Table, table_error, text};
use crate::error::Error;

/// Names of an index and of its attributes.
#[derive(Debug)]
pub(super) struct Index {
    name: &'static str,
    pk: &'static str,
    sk: &'static str,
}

pub(super) static FIRST: Index = Index {
    name: "gsi1",
    pk: "gsi1pk",
    sk: "gsi1sk",
};
pub(super) static SECOND: Index = Index {
    name: "gsi2",
    pk: "gsi2pk",
    sk: "gsi2sk",
};

impl Table {
    /// A page of a partition of the first index, highest sort key first.
    ///
    /// # Errors
    /// When the table does not answer or an item has another shape.
    pub async fn index1_page<R: DeserializeOwned>(
        &self,
        partition: &Partition,
        limit: usize,
        after: Option<Cursor>,
    ) -> Result<Page<R>, Error> {
        self.index_page(&FIRST, partition, limit, after).await
    }

    /// A page of a partition of the second index, highest sort key first.
    ///
    /// # Errors
    /// When the table does not answer or an item has another shape.
    pub async fn index2_page<R: DeserializeOwned>(
        &self,
        partition: &Partition,
        limit: usize,
        after: Option<Cursor>,
    ) -> Result<Page<R>, Error> {
        self.index_page(&SECOND, partition, limit, after).await
    }

    async fn index_page<R: DeserializeOwned>(
        &self,
        index: &Index,
        partition: &Partition,
        limit: usize,
        after: Option<Cursor>,
    ) -> Result<Page<R>, Error> {
        self.index_items(index, partition, None, limit, after).await?.read()
    }

    /// A page from the highest sort key down or, with `until`, from the lowest up to that.
    pub(super) async fn index_items(
        &self,
        index: &Index,
        partition: &Partition,
        until: Option<&str>,
        limit: usize,
        after: Option<Cursor>,
    ) -> Result<Page<Found>, Error> {
        let bound = until.map_or_else(String::new, |_| format!(" AND {} <= :until", index.sk));
        let mut request = self
            .client
            .query()
            .table_name(&self.name)
            .index_name(index.name)
            .key_condition_expression(format!("{} = :pk{bound}", index.pk))
            .expression_attribute_values(":pk", text(partition.as_str()))
            .scan_index_forward(until.is_some())
            .set_limit(i32::try_from(limit).ok());
        if let Some(until) = until {
            request = request.expression_attribute_values(":until", text(until));
        }
        if let Some([place, pk, sk]) = after.as_ref().map(Cursor::parts) {
            request = request
                .exclusive_start_key(index.pk, text(partition.as_str()))
                .exclusive_start_key(index.sk, text(place))
                .exclusive_start_key("pk", text(pk))
                .exclusive_start_key("sk", text(sk));
        }
        let answer = request.send().await.map_err(table_error)?;
        let next = answer.last_evaluated_key.as_ref().and_then(|last| next(index, last));
        Ok(Page {
            items: answer.items.into_iter().flatten().map(Found).collect(),
            next,
        })
    }
}

/// The place in the index and the item's own key: both are needed to go on.
fn next(index: &Index, last: &Item) -> Option<Cursor> {
    let part = |name: &str| last.get(name).and_then(|value: &AttributeValue| value.as_s().ok());
    Some(Cursor::joined([part(index.sk)?, part("pk")?, part("sk")?]))
}

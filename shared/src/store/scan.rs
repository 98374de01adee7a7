//! Reading a whole table: for operators' commands only, which take their time.

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use futures::{StreamExt, TryStreamExt};
use serde::de::DeserializeOwned;

use super::{Item, Table, table::read, table_error, text};
use crate::error::Error;

/// Items that are copied at once.
const AT_ONCE: usize = 16;

impl Table {
    /// Gives all rows of a kind, of all tenants, to `each`, page by page; a page may be empty.
    ///
    /// # Errors
    /// When the table does not answer, a row has another shape, or `each` fails.
    pub async fn all<R: DeserializeOwned>(
        &self,
        kind: &str,
        mut each: impl AsyncFnMut(Vec<R>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut after = None;
        loop {
            let (items, next) = self.page(Some(kind), after).await?;
            each(items.into_iter().map(read).collect::<Result<_, _>>()?).await?;
            after = next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Puts what `other` has and this table lacks, and says how many rows that were. What both have stays as it is here.
    /// Events are left out: what follows from them has happened.
    ///
    /// # Errors
    /// When a table does not answer; it can be done again.
    pub async fn fill_from(&self, other: &Self) -> Result<u64, Error> {
        let (mut filled, mut after) = (0, None);
        loop {
            let (items, next) = other.page(None, after).await?;
            let lacking = items
                .into_iter()
                .filter(|item| {
                    item.get("sk")
                        .and_then(|sk| sk.as_s().ok())
                        .is_none_or(|sk| sk != "EVENT")
                })
                .map(|item| self.put_lacking(item));
            let put: Vec<bool> = futures::stream::iter(lacking)
                .buffer_unordered(AT_ONCE)
                .try_collect()
                .await?;
            filled += put.into_iter().map(u64::from).sum::<u64>();
            after = next;
            if after.is_none() {
                return Ok(filled);
            }
        }
    }

    async fn put_lacking(&self, item: Item) -> Result<bool, Error> {
        let put = self.client.put_item().table_name(&self.name).set_item(Some(item));
        match put.condition_expression("attribute_not_exists(pk)").send().await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
            Err(error) => Err(table_error(error)),
        }
    }

    /// A page of the table and where it ends; with a kind, only rows whose sort key begins with `<kind>#`.
    async fn page(&self, kind: Option<&str>, after: Option<Item>) -> Result<(Vec<Item>, Option<Item>), Error> {
        let values = kind.map(|kind| [(":kind".to_owned(), text(&format!("{kind}#")))].into());
        let scan = self.client.scan().table_name(&self.name).consistent_read(true);
        let answer = scan
            .set_filter_expression(kind.map(|_| "begins_with(sk, :kind)".to_owned()))
            .set_expression_attribute_values(values)
            .set_exclusive_start_key(after)
            .send()
            .await
            .map_err(table_error)?;
        Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key))
    }
}

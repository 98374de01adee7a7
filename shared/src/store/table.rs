//! The verbs on the table.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::{KeysAndAttributes, ReturnValue},
};
use serde::de::DeserializeOwned;

use super::{
    Condition, Cursor, Item, Key, Partition, Row, Transaction, TransactionError, Update, item_of, table_error, text,
    unheld,
};
use crate::error::Error;

/// Keys that one `BatchGetItem` takes.
const BATCH_KEYS: usize = 100;
/// Rounds in which keys that a batch left unprocessed are asked for again.
const BATCH_ROUNDS: u32 = 5;

/// The one table.
#[derive(Clone, Debug)]
pub struct Table {
    pub(super) client: Client,
    pub(super) name: String,
}

/// Rows that [`Table::query_on`] reads at once.
const READ_ON: usize = 100;

/// A range of one partition.
#[derive(Clone, Debug)]
pub struct Query {
    /// The partition.
    pub partition: Partition,
    /// First and last sort key, both included.
    pub between: (String, String),
    /// Highest sort key first.
    pub newest_first: bool,
    /// Most items to read.
    pub limit: Option<usize>,
    /// Begin after this one.
    pub after: Option<Cursor>,
    /// Only items whose attributes have these values (read and then dropped, so a page may be short).
    pub filter: Vec<Condition>,
}

impl Query {
    /// Everything in `partition` whose sort key begins with `<kind>#`, newest first.
    #[must_use]
    pub fn newest(partition: Partition, kind: &str) -> Self {
        Self {
            partition,
            between: (format!("{kind}#"), format!("{kind}#~")),
            newest_first: true,
            limit: None,
            after: None,
            filter: Vec::new(),
        }
    }

    /// Everything in `partition`.
    #[must_use]
    pub fn whole(partition: Partition) -> Self {
        Self {
            partition,
            // Sort keys begin with a letter.
            between: ("!".to_owned(), "~".to_owned()),
            newest_first: false,
            limit: None,
            after: None,
            filter: Vec::new(),
        }
    }
}

/// Items of a query, and where to go on.
#[derive(Debug)]
pub struct Page<R> {
    /// The items.
    pub items: Vec<R>,
    /// After which to go on, when there is more.
    pub next: Option<Cursor>,
}

impl Table {
    /// The table `name`, asked through `client`.
    #[must_use]
    pub fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    /// Reads one item, as of all acknowledged writes.
    ///
    /// # Errors
    /// When the table does not answer or the item has another shape.
    pub async fn get<R: DeserializeOwned>(&self, key: &Key) -> Result<Option<R>, Error> {
        self.item(key).await?.map(read).transpose()
    }

    /// [`Table::get`] as the table has it.
    pub(super) async fn item(&self, key: &Key) -> Result<Option<Item>, Error> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.name)
            .key("pk", text(key.pk()))
            .key("sk", text(key.sk()))
            .consistent_read(true)
            .send()
            .await
            .map_err(table_error)?;
        Ok(answer.item)
    }

    /// Reads some items of different kinds at once, in the order of their keys.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn get_each<const N: usize>(&self, keys: [Key; N]) -> Result<[Option<Found>; N], Error> {
        let mut found = self.batch_get(&keys).await?;
        Ok(keys.map(|key| {
            let at = found.iter().position(|found| found.is_at(&key))?;
            Some(found.swap_remove(at))
        }))
    }

    /// Reads up to some hundred items by key, as of all acknowledged writes; those that are not there are left out.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn batch_get(&self, keys: &[Key]) -> Result<Vec<Found>, Error> {
        let mut found = Vec::new();
        for keys in keys.chunks(BATCH_KEYS) {
            let keys: Vec<Item> = keys.iter().map(key_item).collect();
            let wanted = KeysAndAttributes::builder().consistent_read(true).set_keys(Some(keys));
            let wanted = wanted.build().map_err(Error::internal)?;
            let mut request = Some(HashMap::from([(self.name.clone(), wanted)]));
            for round in 0..BATCH_ROUNDS {
                let Some(items) = request.take() else { break };
                if round > 0 {
                    tokio::time::sleep(Duration::from_millis(20 << round)).await;
                }
                let answer = self
                    .client
                    .batch_get_item()
                    .set_request_items(Some(items))
                    .send()
                    .await
                    .map_err(table_error)?;
                let items = answer.responses.into_iter().flatten().flat_map(|(_, items)| items);
                found.extend(items.map(Found));
                request = answer.unprocessed_keys.filter(|left| !left.is_empty());
            }
            if request.is_some() {
                return Err(Error::unavailable("BatchGetItem left keys unprocessed"));
            }
        }
        Ok(found)
    }

    /// Reads a range of a partition, as of all acknowledged writes.
    ///
    /// # Errors
    /// When the table does not answer or an item has another shape.
    pub async fn query<R: DeserializeOwned>(&self, query: Query) -> Result<Page<R>, Error> {
        let page = self.query_items(query).await?;
        page.read()
    }

    /// [`Table::query`] that reads on behind rows that the filter drops, until a page of `limit` is full or about `most` rows
    /// were read.
    ///
    /// # Errors
    /// When the table does not answer or an item has another shape.
    pub async fn query_on<R: DeserializeOwned>(&self, query: Query, most: usize) -> Result<Page<R>, Error> {
        let limit = query.limit.unwrap_or(READ_ON);
        let (mut found, mut after) = (Vec::new(), query.after.clone());
        for _ in 0..most.div_ceil(READ_ON) {
            let page = Query {
                limit: Some(READ_ON),
                after,
                ..query.clone()
            };
            let page = self.query_items(page).await?;
            found.extend(page.items);
            after = page.next;
            if found.len() > limit || after.is_none() {
                break;
            }
        }
        if found.len() > limit {
            found.truncate(limit);
            after = found.last().map(|last| Cursor::after(last.sk()));
        }
        Page {
            items: found,
            next: after,
        }
        .read()
    }

    /// [`Table::query`] for a partition that holds more than one kind of item.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn query_items(&self, query: Query) -> Result<Page<Found>, Error> {
        let mut with = super::update::Placeholders::default();
        let filter = with.condition(query.filter);
        let partition = with.value(text(query.partition.as_str()));
        let (low, high) = (with.value(text(&query.between.0)), with.value(text(&query.between.1)));
        let mut request = self
            .client
            .query()
            .table_name(&self.name)
            .consistent_read(true)
            .key_condition_expression(format!("pk = {partition} AND sk BETWEEN {low} AND {high}"))
            .set_filter_expression(filter)
            .set_expression_attribute_names(with.names())
            .set_expression_attribute_values(with.values())
            .scan_index_forward(!query.newest_first)
            .set_limit(query.limit.and_then(|limit| i32::try_from(limit).ok()));
        if let Some(after) = query.after {
            request = request
                .exclusive_start_key("pk", text(query.partition.as_str()))
                .exclusive_start_key("sk", text(after.sk()));
        }
        let answer = request.send().await.map_err(table_error)?;
        let next = answer
            .last_evaluated_key
            .as_ref()
            .and_then(|last| last.get("sk")?.as_s().ok())
            .map(|sk| Cursor::after(sk));
        Ok(Page {
            items: answer.items.into_iter().flatten().map(Found).collect(),
            next,
        })
    }

    /// Puts an entity, whether or not it is there already.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn put<R: Row>(&self, row: &R) -> Result<(), Error> {
        let put = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item_of(row)?));
        unheld(|| put.clone().send()).await.map_err(table_error)?;
        Ok(())
    }

    /// Puts an entity that must not be there yet; `false` when it is.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn put_new<R: Row>(&self, row: &R) -> Result<bool, Error> {
        let put = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item_of(row)?))
            .condition_expression("attribute_not_exists(pk)");
        unless_refused(unheld(|| put.clone().send()).await)
    }

    /// Deletes an item, whether or not it is there.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn delete(&self, key: &Key) -> Result<(), Error> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.name)
            .key("pk", text(key.pk()))
            .key("sk", text(key.sk()));
        unheld(|| delete.clone().send()).await.map_err(table_error)?;
        Ok(())
    }

    /// Changes some attributes; `false` when its conditions do not hold.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn update(&self, update: Update) -> Result<bool, Error> {
        let update = self.updating(update);
        unless_refused(unheld(|| update.clone().send()).await)
    }

    /// Changes some attributes, whatever they were, and gives the item as it is now.
    ///
    /// # Errors
    /// When the table does not answer or the item has another shape.
    pub async fn update_and_get<R: DeserializeOwned>(&self, update: Update) -> Result<R, Error> {
        let update = self.updating(update).return_values(ReturnValue::AllNew);
        let answer = unheld(|| update.clone().send()).await.map_err(table_error)?;
        read(answer.attributes.unwrap_or_default())
    }

    fn updating(&self, update: Update) -> UpdateItemFluentBuilder {
        let (key, expression, condition, with) = update.expressions();
        self.client
            .update_item()
            .table_name(&self.name)
            .key("pk", text(key.pk()))
            .key("sk", text(key.sk()))
            .update_expression(expression)
            .set_condition_expression(condition)
            .set_expression_attribute_names(with.names())
            .set_expression_attribute_values(with.values())
    }

    /// Writes a transaction.
    ///
    /// # Errors
    /// Which condition failed, or that the table does not answer.
    pub async fn transact(&self, mut transaction: Transaction) -> Result<(), TransactionError> {
        if let Some(update) = super::along::current() {
            transaction.update(update);
        }
        transaction.commit(&self.client, &self.name).await
    }
}

/// An item whose kind its sort key tells.
#[derive(Debug)]
pub struct Found(pub(super) Item);

impl Page<Found> {
    /// The entities.
    pub(super) fn read<R: DeserializeOwned>(self) -> Result<Page<R>, Error> {
        let items = self.items.into_iter().map(Found::into).collect::<Result<_, _>>()?;
        Ok(Page { items, next: self.next })
    }
}

impl Found {
    /// The sort key.
    #[must_use]
    pub fn sk(&self) -> &str {
        self.0
            .get("sk")
            .and_then(|sk| sk.as_s().ok())
            .map_or("", String::as_str)
    }

    fn is_at(&self, key: &Key) -> bool {
        let pk = self.0.get("pk").and_then(|pk| pk.as_s().ok());
        pk.is_some_and(|pk| pk == key.pk()) && self.sk() == key.sk()
    }

    /// The entity.
    ///
    /// # Errors
    /// When the item has another shape.
    pub fn into<R: DeserializeOwned>(self) -> Result<R, Error> {
        read(self.0)
    }
}

/// Whether a write happened, or its condition did not hold.
fn unless_refused<T, E, R>(sent: Result<T, SdkError<E, R>>) -> Result<bool, Error>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match sent {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
        Err(error) => Err(table_error(error)),
    }
}

pub(super) fn read<R: DeserializeOwned>(item: Item) -> Result<R, Error> {
    serde_dynamo::from_item(item).map_err(Error::internal)
}

pub(super) fn key_item(key: &Key) -> Item {
    HashMap::from([("pk".to_owned(), text(key.pk())), ("sk".to_owned(), text(key.sk()))])
}

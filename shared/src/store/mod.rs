//! The table: typed keys, a few verbs, transactions and cursors. `AttributeValue` appears nowhere else.

mod along;
mod batch;
mod counters;
mod cursor;
mod index;
pub(crate) mod json_text;
mod key;
mod pages;
mod scan;
mod table;
mod transaction;
mod update;

pub use along::{along, carried, repetition};
pub use counters::Counted;
pub use cursor::Cursor;
pub use key::{Key, Partition, sort, sort_until};
pub use pages::Pages;
pub use table::{Found, Page, Query, Table};
pub use transaction::{Transaction, TransactionError, on_top};
pub use update::{Condition, Update};

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    types::AttributeValue,
};
use rand::RngExt;
use serde::{Serialize, de::DeserializeOwned};

use crate::error::Error;

/// An item as DynamoDB has it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// An entity that lives in the table. It owns the format of its keys.
pub trait Row: Serialize + DeserializeOwned {
    /// Where it lives.
    fn key(&self) -> Key;

    /// Its place in the first index, if it has one.
    fn gsi1(&self) -> Option<Key> {
        None
    }

    /// Its place in the second index, if it has one.
    fn gsi2(&self) -> Option<Key> {
        None
    }

    /// Seconds since 1970 after which it is gone, if it ends by itself.
    fn expires_at(&self) -> Option<i64> {
        None
    }
}

/// The item of an entity: its fields, its keys and its expiry.
fn item_of<R: Row>(row: &R) -> Result<Item, Error> {
    let mut item: Item = serde_dynamo::to_item(row).map_err(Error::internal)?;
    let key = row.key();
    item.insert("pk".to_owned(), text(key.pk()));
    item.insert("sk".to_owned(), text(key.sk()));
    for (index, [pk, sk]) in [(row.gsi1(), ["gsi1pk", "gsi1sk"]), (row.gsi2(), ["gsi2pk", "gsi2sk"])] {
        if let Some(index) = index {
            item.insert(pk.to_owned(), text(index.pk()));
            item.insert(sk.to_owned(), text(index.sk()));
        }
    }
    if let Some(second) = row.expires_at() {
        item.insert("expires_at".to_owned(), AttributeValue::N(second.to_string()));
    }
    Ok(item)
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn value_of<V: Serialize>(value: &V) -> Result<AttributeValue, Error> {
    serde_dynamo::to_attribute_value(value).map_err(Error::internal)
}

/// A single write met a transaction that has its item in hand. The SDK does not repeat that.
const HELD: &str = "TransactionConflictException";
/// Tries of what meets another transaction on the same item.
const MAX_TRIES: u32 = 8;

/// Sends a single write, and again while a transaction has its item in hand.
async fn unheld<T, E, R, F>(send: impl Fn() -> F) -> Result<T, SdkError<E, R>>
where
    E: ProvideErrorMetadata,
    F: Future<Output = Result<T, SdkError<E, R>>>,
{
    for attempt in 0..MAX_TRIES - 1 {
        match send().await {
            Err(error) if error.code() == Some(HELD) => pause(attempt).await,
            sent => return sent,
        }
    }
    send().await
}

/// The wait before the next try: longer each time, and never the same for two that meet.
async fn pause(attempt: u32) {
    let wait = rand::rng().random_range(1..=10u64 << attempt);
    tokio::time::sleep(Duration::from_millis(wait)).await;
}

/// A throttled or unreachable table is the service being busy; anything else is our fault.
fn table_error<E, R>(error: SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let busy = match error.code() {
        Some(code) => matches!(
            code,
            "ThrottlingException"
                | "ProvisionedThroughputExceededException"
                | "RequestLimitExceeded"
                | "InternalServerError"
                | HELD
        ),
        None => true,
    };
    if busy {
        Error::unavailable(error)
    } else {
        Error::internal(error)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use aws_sdk_dynamodb::{error::ErrorMetadata, operation::put_item::PutItemError};

    use super::*;

    fn refused(code: &str) -> SdkError<PutItemError, ()> {
        SdkError::service_error(PutItemError::generic(ErrorMetadata::builder().code(code).build()), ())
    }

    #[tokio::test]
    async fn a_write_waits_for_the_transaction_that_has_its_item_and_for_nothing_else() {
        let tries = &Cell::new(0);
        let after = |held: u32, then: Result<u32, &'static str>| {
            tries.set(0);
            unheld(move || {
                tries.set(tries.get() + 1);
                let answer = if tries.get() <= held { Err(HELD) } else { then };
                std::future::ready(answer.map_err(refused))
            })
        };
        assert_eq!(after(2, Ok(7)).await.unwrap(), 7);
        let refused = after(0, Err("ConditionalCheckFailedException")).await.unwrap_err();
        assert_eq!(refused.code(), Some("ConditionalCheckFailedException"));
        let held = after(MAX_TRIES, Ok(7)).await.unwrap_err();
        assert_eq!(table_error(held).status().0, 503);
    }
}

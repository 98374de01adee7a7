//! Writes that happen together or not at all.

use aws_sdk_dynamodb::{
    Client,
    error::ProvideErrorMetadata,
    types::{ConditionCheck, Delete, Put, TransactWriteItem, Update as SdkUpdate},
};

use super::{Condition, Item, Key, MAX_TRIES, Row, Update, item_of, pause, table_error, text, update::Placeholders};
use crate::{error::Error, ids};

/// Tries of a change that meets another one of the same thing.
const TRIES_ON_TOP: u32 = 7;

/// Some writes, in the order in which [`TransactionError::Condition`] counts them.
#[derive(Debug, Default)]
pub struct Transaction {
    writes: Vec<Write>,
}

#[derive(Debug)]
enum Write {
    Put(Item, Vec<Condition>),
    Update(Update),
    Delete(Key, Vec<Condition>),
    Check(Key, Vec<Condition>),
}

/// Why a transaction did not happen.
#[derive(Debug, thiserror::Error)]
pub enum TransactionError {
    /// The condition of the write with this position (from 0) does not hold.
    #[error("the condition of write {0} does not hold")]
    Condition(usize),
    /// Anything else.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<TransactionError> for Error {
    fn from(error: TransactionError) -> Self {
        match error {
            TransactionError::Other(error) => error,
            condition @ TransactionError::Condition(_) => {
                tracing::debug!(%condition, "two requests met");
                Self::conflict(
                    "changed_meanwhile",
                    "This was changed by another request at the same time; try again",
                )
            }
        }
    }
}

impl Transaction {
    /// Puts an entity, whether or not it is there.
    ///
    /// # Errors
    /// When the entity cannot be stored.
    pub fn put<R: Row>(&mut self, row: &R, conditions: Vec<Condition>) -> Result<&mut Self, Error> {
        self.writes.push(Write::Put(item_of(row)?, conditions));
        Ok(self)
    }

    /// Puts an entity that must not be there yet.
    ///
    /// # Errors
    /// When the entity cannot be stored.
    pub fn create<R: Row>(&mut self, row: &R) -> Result<&mut Self, Error> {
        self.writes.push(Write::Put(item_of(row)?, vec![Condition::Absent]));
        Ok(self)
    }

    /// Changes some attributes of an item.
    pub fn update(&mut self, update: Update) -> &mut Self {
        self.writes.push(Write::Update(update));
        self
    }

    /// Deletes an item when the conditions hold.
    pub fn delete(&mut self, key: Key, conditions: Vec<Condition>) -> &mut Self {
        self.writes.push(Write::Delete(key, conditions));
        self
    }

    /// Requires something of an item that is not written.
    pub fn check(&mut self, key: Key, condition: Condition) -> &mut Self {
        self.writes.push(Write::Check(key, vec![condition]));
        self
    }

    /// Writes all of it, or nothing. A conflict with another transaction is retried with jitter under one client token,
    /// so that a try whose answer was lost is not written twice.
    pub(super) async fn commit(self, client: &Client, table: &str) -> Result<(), TransactionError> {
        let items = self
            .writes
            .into_iter()
            .map(|write| write.item(table))
            .collect::<Result<Vec<_>, _>>()?;
        match retried(client, items).await? {
            None => Ok(()),
            Some(at) => Err(TransactionError::Condition(at)),
        }
    }
}

/// Tries a change, and when another request changed the same thing meanwhile, once more on top of that: neither is lost.
///
/// # Errors
/// Those of the change; `changed_meanwhile` when others were quicker again and again.
pub async fn on_top<T, F>(change: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, TransactionError>>,
{
    for attempt in 1..TRIES_ON_TOP {
        match change().await {
            Err(TransactionError::Condition(_)) => {}
            done => return done.map_err(Error::from),
        }
        pause(attempt).await;
    }
    change().await.map_err(Error::from)
}

/// Sends a transaction, again when it met another one on the same item; gives the position of the write whose condition does
/// not hold.
pub(super) async fn retried(client: &Client, items: Vec<TransactWriteItem>) -> Result<Option<usize>, Error> {
    let token = ids::fresh();
    for attempt in 0..MAX_TRIES {
        let sent = client
            .transact_write_items()
            .set_transact_items(Some(items.clone()))
            .client_request_token(&token)
            .send()
            .await;
        let Err(error) = sent else { return Ok(None) };
        let reasons: Vec<Option<String>> = match error.as_service_error() {
            Some(service) if service.is_transaction_canceled_exception() => cancellation_codes(service),
            Some(service) if service.code() == Some("TransactionInProgressException") => {
                vec![Some("TransactionConflict".to_owned())]
            }
            _ => return Err(table_error(error)),
        };
        let failed = |code: &Option<String>| code.as_deref() == Some("ConditionalCheckFailed");
        if let Some(at) = reasons.iter().position(failed) {
            return Ok(Some(at));
        }
        let passing = |code: &Option<String>| {
            matches!(
                code.as_deref(),
                None | Some("None" | "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")
            )
        };
        if !reasons.iter().all(passing) {
            return Err(Error::internal(error));
        }
        if attempt + 1 == MAX_TRIES {
            return Err(Error::unavailable(error));
        }
        pause(attempt).await;
    }
    Ok(None)
}

fn cancellation_codes(
    error: &aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError,
) -> Vec<Option<String>> {
    use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException;
    let TransactionCanceledException(canceled) = error else {
        return Vec::new();
    };
    canceled
        .cancellation_reasons()
        .iter()
        .map(|reason| reason.code().map(str::to_owned))
        .collect()
}

impl Write {
    fn item(self, table: &str) -> Result<TransactWriteItem, Error> {
        let built = TransactWriteItem::builder();
        let built = match self {
            Self::Put(item, conditions) => {
                let mut with = Placeholders::default();
                let put = Put::builder()
                    .table_name(table)
                    .set_item(Some(item))
                    .set_condition_expression(with.condition(conditions))
                    .set_expression_attribute_names(with.names())
                    .set_expression_attribute_values(with.values());
                built.put(put.build().map_err(Error::internal)?)
            }
            Self::Update(update) => {
                let (key, expression, condition, with) = update.expressions();
                let update = SdkUpdate::builder()
                    .table_name(table)
                    .key("pk", text(key.pk()))
                    .key("sk", text(key.sk()))
                    .update_expression(expression)
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(with.names())
                    .set_expression_attribute_values(with.values());
                built.update(update.build().map_err(Error::internal)?)
            }
            Self::Delete(key, conditions) => {
                let mut with = Placeholders::default();
                let delete = Delete::builder()
                    .table_name(table)
                    .key("pk", text(key.pk()))
                    .key("sk", text(key.sk()))
                    .set_condition_expression(with.condition(conditions))
                    .set_expression_attribute_names(with.names())
                    .set_expression_attribute_values(with.values());
                built.delete(delete.build().map_err(Error::internal)?)
            }
            Self::Check(key, conditions) => {
                let mut with = Placeholders::default();
                let check = ConditionCheck::builder()
                    .table_name(table)
                    .key("pk", text(key.pk()))
                    .key("sk", text(key.sk()))
                    .condition_expression(with.condition(conditions).unwrap_or_default())
                    .set_expression_attribute_names(with.names())
                    .set_expression_attribute_values(with.values());
                built.condition_check(check.build().map_err(Error::internal)?)
            }
        };
        Ok(built.build())
    }
}

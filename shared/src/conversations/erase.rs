//! Erasing a conversation: its messages, what was said about it and the stored answers that would be repeated.

use serde::Deserialize;

use super::{Conversation, Total, partition};
use crate::{
    error::Error,
    ids::{ConversationId, TenantId},
    store::{Condition, Key, Query, Table, Transaction, TransactionError, Update},
};

/// Tries of something that changes while it is removed.
const TRIES: usize = 5;

/// Removes a conversation: first everything below its summary, last the summary, without which nothing can be added any
/// more. Gives what it was, `None` when it is gone already. May be broken off and done again.
///
/// # Errors
/// When it grows faster than it can be removed, or the table does not answer.
pub async fn erase(table: &Table, tenant: &TenantId, id: &ConversationId) -> Result<Option<Conversation>, Error> {
    let key = Conversation::key(tenant, id);
    for _ in 0..TRIES {
        let Some(known) = table.get::<Conversation>(&key).await? else {
            return Ok(None);
        };
        below(table, tenant, id, &key).await?;
        let repetition = known.handoff.as_ref().and_then(|handoff| handoff.repetition.clone());
        table.delete_all(&Vec::from_iter(repetition)).await?;
        match table.transact(last(table, &key, &known).await?).await {
            Ok(()) => {
                // What was said about it meanwhile; from here on nothing can be.
                below(table, tenant, id, &key).await?;
                return Ok(Some(known));
            }
            Err(TransactionError::Condition(_)) => {}
            Err(TransactionError::Other(error)) => return Err(error),
        }
    }
    Err(Error::unavailable("a conversation grows while it is erased"))
}

/// Removes the summary and its place in its owner's count, which goes with the last one.
async fn last(table: &Table, key: &Key, known: &Conversation) -> Result<Transaction, Error> {
    let count = known.owner.total_key(&known.tenant);
    let total = table.get::<Total>(&count).await?.unwrap_or_default().total;
    let mut transaction = Transaction::default();
    // A turn that was stored meanwhile has counted its messages.
    let unchanged = Condition::is("message_count", &known.message_count)?;
    transaction.delete(key.clone(), vec![unchanged]);
    match total {
        0 => {}
        1 => {
            transaction.delete(count, vec![Condition::is("total", &1)?]);
        }
        _ => {
            transaction.update(Update::at(count).when(Condition::Exists).add("total", -1));
        }
    }
    Ok(transaction)
}

/// What some rows of a conversation have.
#[derive(Deserialize)]
struct Repeated {
    repetition: Option<Key>,
}

/// Removes everything of a conversation's partition but the summary.
async fn below(table: &Table, tenant: &TenantId, id: &ConversationId, summary: &Key) -> Result<(), Error> {
    let partition = partition(tenant, id);
    let mut pages = table.pages(Query::whole(partition.clone()));
    while let Some(page) = pages.next_items().await? {
        let mut keys: Vec<Key> = Vec::new();
        for item in page {
            let key = partition.clone().at(item.sk().to_owned());
            if key == *summary {
                continue;
            }
            keys.push(key);
            keys.extend(item.into::<Repeated>()?.repetition);
        }
        table.delete_all(&keys).await?;
    }
    Ok(())
}

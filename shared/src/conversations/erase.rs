//! Erasing a conversation: its messages, what was said about it and the stored answers that would be repeated.

use super::{Conversation, partition};
use crate::{
    error::Error,
    ids::{ConversationId, TenantId},
    messages::Message,
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
        let mut transaction = Transaction::default();
        // A turn that was stored meanwhile has counted its messages.
        let unchanged = Condition::is("message_count", &known.message_count)?;
        transaction
            .delete(key.clone(), vec![unchanged])
            .update(Update::at(known.owner.total_key(tenant)).add("total", -1));
        match table.transact(transaction).await {
            Ok(()) => {
                forget_owner(table, &known.owner.total_key(tenant)).await?;
                return Ok(Some(known));
            }
            Err(TransactionError::Condition(_)) => {}
            Err(TransactionError::Other(error)) => return Err(error),
        }
    }
    Err(Error::unavailable("a conversation grows while it is erased"))
}

/// Of an owner without conversations nothing is kept.
async fn forget_owner(table: &Table, total: &Key) -> Result<(), Error> {
    let mut transaction = Transaction::default();
    transaction.delete(total.clone(), vec![Condition::is("total", &0)?]);
    match table.transact(transaction).await {
        Ok(()) | Err(TransactionError::Condition(_)) => Ok(()),
        Err(TransactionError::Other(error)) => Err(error),
    }
}

/// Removes everything of a conversation's partition but the summary.
async fn below(table: &Table, tenant: &TenantId, id: &ConversationId, summary: &Key) -> Result<(), Error> {
    let mut after = None;
    loop {
        let partition = partition(tenant, id);
        let mut query = Query::whole(partition.clone());
        query.after = after;
        let page = table.query_items(query).await?;
        let mut keys: Vec<Key> = Vec::new();
        for item in page.items {
            let key = partition.clone().at(item.sk().to_owned());
            if key == *summary {
                continue;
            }
            keys.push(key);
            if item.sk().starts_with(Message::KIND) {
                keys.extend(item.into::<Message>()?.repetition);
            }
        }
        table.delete_all(&keys).await?;
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

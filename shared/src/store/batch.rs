//! Deleting many items.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use aws_sdk_dynamodb::types::{DeleteRequest, WriteRequest};

use super::{Key, Table, table::key_item, table_error};
use crate::error::Error;

/// Keys that one `BatchWriteItem` takes.
const BATCH: usize = 25;
/// Rounds in which items that a batch left unprocessed are sent again.
const ROUNDS: u32 = 8;

impl Table {
    /// Deletes items, whether or not they are there.
    ///
    /// # Errors
    /// When the table does not answer; some may be gone by then.
    pub async fn delete_all(&self, keys: &[Key]) -> Result<(), Error> {
        // DynamoDB refuses a batch that names an item twice.
        let unique: BTreeMap<String, &Key> = keys.iter().map(|key| (key.name(), key)).collect();
        let keys: Vec<&Key> = unique.into_values().collect();
        for keys in keys.chunks(BATCH) {
            let requests = keys.iter().copied().map(delete).collect::<Result<Vec<_>, _>>()?;
            let mut request = Some(HashMap::from([(self.name.clone(), requests)]));
            for round in 0..ROUNDS {
                let Some(items) = request.take() else { break };
                if round > 0 {
                    tokio::time::sleep(Duration::from_millis(20 << round)).await;
                }
                let sent = self.client.batch_write_item().set_request_items(Some(items)).send();
                let answer = sent.await.map_err(table_error)?;
                request = answer.unprocessed_items.filter(|left| !left.is_empty());
            }
            if request.is_some() {
                return Err(Error::unavailable("BatchWriteItem left items unprocessed"));
            }
        }
        Ok(())
    }
}

fn delete(key: &Key) -> Result<WriteRequest, Error> {
    let delete = DeleteRequest::builder().set_key(Some(key_item(key))).build();
    let delete = delete.map_err(Error::internal)?;
    Ok(WriteRequest::builder().delete_request(delete).build())
}

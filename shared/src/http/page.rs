//! Pages of the platform dialect's lists.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    error::Error,
    store::{Cursor, Partition},
};

/// `?limit=` and `?cursor=`.
#[derive(Debug, Default, Deserialize)]
pub struct PageParams {
    limit: Option<String>,
    cursor: Option<String>,
}

impl PageParams {
    /// From parameters that were read together with others.
    #[must_use]
    pub fn new(limit: Option<String>, cursor: Option<String>) -> Self {
        Self { limit, cursor }
    }

    /// Items of a page: 1–100, 20 when not said.
    ///
    /// # Errors
    /// 400 naming `limit`.
    pub fn limit(&self) -> Result<usize, Error> {
        parse_limit(self.limit.as_deref())
    }

    /// Where to go on.
    ///
    /// # Errors
    /// 400 naming `cursor` when this list, of the rows of one kind, did not give it.
    pub fn cursor(&self, partition: &Partition, kind: &str) -> Result<Option<Cursor>, Error> {
        let stated = self.cursor.as_deref().filter(|cursor| !cursor.is_empty());
        stated.map(|cursor| Cursor::decode(cursor, partition, kind)).transpose()
    }

    /// Where to go on in an index.
    ///
    /// # Errors
    /// 400 naming `cursor` when this list did not give it.
    pub fn index_cursor(&self, partition: &Partition) -> Result<Option<Cursor>, Error> {
        let stated = self.cursor.as_deref().filter(|cursor| !cursor.is_empty());
        stated.map(|cursor| Cursor::decode_index(cursor, partition)).transpose()
    }
}

/// Reads a page size: 1–100, 20 when not said.
///
/// # Errors
/// 400 naming `limit`.
pub fn parse_limit(stated: Option<&str>) -> Result<usize, Error> {
    let Some(stated) = stated else { return Ok(20) };
    stated
        .parse()
        .ok()
        .filter(|limit| (1..=100).contains(limit))
        .ok_or_else(|| Error::field("limit", "must be a number from 1 to 100"))
}

/// One page on the wire.
#[derive(Debug, Serialize, ToSchema)]
pub struct PageOut<T> {
    /// The items.
    pub data: Vec<T>,
    /// For the next page's `?cursor=`; `null` at the end.
    pub next_cursor: Option<String>,
}

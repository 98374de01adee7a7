//! Reading on, page by page, until there is nothing more or the reader has enough.

use serde::de::DeserializeOwned;

use super::{
    Cursor, Found, Page, Partition, Query, Table,
    index::{FIRST, Index, SECOND},
};
use crate::error::Error;

/// The pages of a range of the table or of an index, one after the other.
#[derive(Debug)]
pub struct Pages<'t> {
    table: &'t Table,
    range: Range,
    /// After which the next page begins.
    after: Option<Cursor>,
    /// Whether the last page was read.
    done: bool,
}

#[derive(Debug)]
enum Range {
    Table(Query),
    Index {
        index: &'static Index,
        partition: Partition,
        until: Option<String>,
        limit: usize,
    },
}

impl Table {
    /// The pages of a query, as of all acknowledged writes.
    #[must_use]
    pub fn pages(&self, query: Query) -> Pages<'_> {
        let after = query.after.clone();
        self.pages_of(Range::Table(query), after)
    }

    /// The first `most` items of a partition of the first index, highest sort key first.
    ///
    /// # Errors
    /// When the table does not answer or an item has another shape.
    pub async fn index1<R: DeserializeOwned>(&self, partition: &Partition, most: usize) -> Result<Vec<R>, Error> {
        let mut items = Vec::new();
        let mut pages = self.index1_pages(partition, most);
        while items.len() < most
            && let Some(page) = pages.next::<R>().await?
        {
            items.extend(page.into_iter().take(most - items.len()));
        }
        Ok(items)
    }

    /// The pages, of at most `limit` items, of a partition of the first index, highest sort key first.
    #[must_use]
    pub fn index1_pages(&self, partition: &Partition, limit: usize) -> Pages<'_> {
        self.index_pages(&FIRST, partition, None, limit)
    }

    /// The pages, of at most `limit` items, of a partition of the second index, highest sort key first.
    #[must_use]
    pub fn index2_pages(&self, partition: &Partition, limit: usize) -> Pages<'_> {
        self.index_pages(&SECOND, partition, None, limit)
    }

    /// The pages, of at most `limit` items, of a partition of the second index up to the sort key `until`, lowest first.
    #[must_use]
    pub fn index2_pages_until(&self, partition: &Partition, until: &str, limit: usize) -> Pages<'_> {
        self.index_pages(&SECOND, partition, Some(until.to_owned()), limit)
    }

    fn index_pages(
        &self,
        index: &'static Index,
        partition: &Partition,
        until: Option<String>,
        limit: usize,
    ) -> Pages<'_> {
        let partition = partition.clone();
        let range = Range::Index {
            index,
            partition,
            until,
            limit,
        };
        self.pages_of(range, None)
    }

    fn pages_of(&self, range: Range, after: Option<Cursor>) -> Pages<'_> {
        Pages {
            table: self,
            range,
            after,
            done: false,
        }
    }
}

impl Pages<'_> {
    /// The next page, which may be empty; `None` after the last.
    ///
    /// # Errors
    /// When the table does not answer or an item has another shape.
    pub async fn next<R: DeserializeOwned>(&mut self) -> Result<Option<Vec<R>>, Error> {
        let page = self.next_page().await?;
        page.map(|page| Ok(page.read()?.items)).transpose()
    }

    /// [`Pages::next`] where there is more than one kind of item.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn next_items(&mut self) -> Result<Option<Vec<Found>>, Error> {
        Ok(self.next_page().await?.map(|page| page.items))
    }

    async fn next_page(&mut self) -> Result<Option<Page<Found>>, Error> {
        if self.done {
            return Ok(None);
        }
        let after = self.after.clone();
        let page = match &self.range {
            Range::Table(query) => self.table.query_items(Query { after, ..query.clone() }).await?,
            Range::Index {
                index,
                partition,
                until,
                limit,
            } => {
                self.table
                    .index_items(index, partition, until.as_deref(), *limit, after)
                    .await?
            }
        };
        self.done = page.next.is_none();
        self.after.clone_from(&page.next);
        Ok(Some(page))
    }
}

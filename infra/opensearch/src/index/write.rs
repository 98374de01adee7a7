//! Writing: a batch of actions becomes one commit, which is on disk before it is acknowledged.

use std::collections::HashMap;
use std::sync::PoisonError;

use tantivy::{IndexWriter, Searcher, Term};

use crate::error::Error;
use crate::index::{Index, Stored};
use crate::mapping::{ID, tantivy_field};
use crate::object::Object;

/// One change to one document.
pub(crate) struct Action {
    pub(crate) id: String,
    pub(crate) op: Op,
}

pub(crate) enum Op {
    /// Replaces the document or makes it.
    Put(Object),
    /// Lays fields over the document.
    Patch(Object),
    Delete,
}

/// What an action did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Outcome {
    Created,
    Updated,
    /// An update that changed nothing.
    Noop,
    Deleted,
    NotFound,
}

/// A document as it stands within the batch, before the commit.
struct Current {
    stored: Stored,
    rows: Vec<Option<u32>>,
}

/// What a batch has done so far.
struct Batch<'i> {
    index: &'i Index,
    writer: &'i IndexWriter,
    searcher: Searcher,
    /// What this batch made of a document; none where it was deleted.
    touched: HashMap<String, Option<Current>>,
    /// Rows taken by the batch, each with its slot.
    taken: Vec<(usize, u32)>,
    /// Rows that nobody needs once the batch is committed.
    left: Vec<(usize, u32)>,
}

impl Index {
    /// Applies actions in order and commits. The outer error means that none of them took place.
    pub(crate) fn apply(&self, actions: Vec<Action>) -> Result<Vec<Result<Outcome, Error>>, Error> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let writer = writer
            .as_mut()
            .ok_or_else(|| Error::new(503, "node_closed_exception", "the node is closed"))?;
        let searcher = self.reader.searcher();
        let (touched, taken, left) = (HashMap::new(), Vec::new(), Vec::new());
        let mut batch = Batch {
            index: self,
            writer,
            searcher,
            touched,
            taken,
            left,
        };
        let outcomes = batch.run(actions);
        let Batch {
            touched, taken, left, ..
        } = batch;
        let committed = outcomes.and_then(|outcomes| {
            if !touched.is_empty() {
                writer.commit()?;
                self.reader.reload()?;
            }
            Ok(outcomes)
        });
        if committed.is_err() {
            writer.rollback()?;
        }
        self.release(if committed.is_ok() { left } else { taken });
        committed
    }

    /// Gives rows back. Only after the reload: the lock waits for searches that still see the old documents.
    fn release(&self, rows: Vec<(usize, u32)>) {
        if rows.is_empty() {
            return;
        }
        let mut vectors = self.vectors.write().unwrap_or_else(PoisonError::into_inner);
        for (slot, row) in rows {
            if let Some(vectors) = vectors.get_mut(slot) {
                vectors.release(row);
            }
        }
    }

    fn insert_vectors(&self, stored: &Stored) -> Vec<Option<u32>> {
        let mut vectors = self.vectors.write().unwrap_or_else(PoisonError::into_inner);
        let rows = vectors.iter_mut().zip(&stored.vectors);
        rows.map(|(vectors, vector)| vector.as_ref().map(|vector| vectors.insert(vector)))
            .collect()
    }
}

impl Batch<'_> {
    /// An error of an item is its own; one of the storage ends the batch.
    fn run(&mut self, actions: Vec<Action>) -> Result<Vec<Result<Outcome, Error>>, Error> {
        let mut outcomes = Vec::with_capacity(actions.len());
        for action in actions {
            let outcome = self.step(action);
            match outcome {
                Err(error) if error.status() >= 500 => return Err(error),
                outcome => outcomes.push(outcome),
            }
        }
        Ok(outcomes)
    }

    fn step(&mut self, Action { id, op }: Action) -> Result<Outcome, Error> {
        match op {
            Op::Put(source) => {
                let stored = Stored::new(source, &id, &self.index.mapping)?;
                let old = self.rows(&id)?;
                let outcome = if old.is_some() {
                    Outcome::Updated
                } else {
                    Outcome::Created
                };
                self.replace(id, old, Some(stored))?;
                Ok(outcome)
            }
            Op::Patch(patch) => {
                let missing = || Error::new(404, "document_missing_exception", format!("[{id}]: document missing"));
                let (old, rows) = self.stored(&id)?.zip(self.rows(&id)?).ok_or_else(missing)?;
                let new = old.patched(patch, &id, &self.index.mapping)?;
                if new == old {
                    return Ok(Outcome::Noop);
                }
                self.replace(id, Some(rows), Some(new))?;
                Ok(Outcome::Updated)
            }
            Op::Delete => match self.rows(&id)? {
                None => Ok(Outcome::NotFound),
                rows => {
                    self.replace(id, rows, None)?;
                    Ok(Outcome::Deleted)
                }
            },
        }
    }

    /// The rows of the document's vectors; none when there is no such document.
    fn rows(&self, id: &str) -> Result<Option<Vec<Option<u32>>>, Error> {
        if let Some(current) = self.touched.get(id) {
            return Ok(current.as_ref().map(|current| current.rows.clone()));
        }
        let at = self.index.find(&self.searcher, id)?;
        at.map(|at| self.index.rows(&self.searcher, at)).transpose()
    }

    fn stored(&self, id: &str) -> Result<Option<Stored>, Error> {
        if let Some(current) = self.touched.get(id) {
            return Ok(current.as_ref().map(|current| current.stored.clone()));
        }
        let Some(at) = self.index.find(&self.searcher, id)? else {
            return Ok(None);
        };
        Ok(Some(Stored::read(&self.searcher, at, self.index, true)?.1))
    }

    /// Puts `new` in the place of the document with the rows `old`.
    fn replace(&mut self, id: String, old: Option<Vec<Option<u32>>>, new: Option<Stored>) -> Result<(), Error> {
        let present = |rows: &[Option<u32>]| -> Vec<_> {
            rows.iter()
                .enumerate()
                .filter_map(|(slot, row)| Some((slot, (*row)?)))
                .collect()
        };
        if let Some(old) = old {
            self.writer
                .delete_term(Term::from_field_text(tantivy_field(&self.index.schema, ID)?, &id));
            self.left.extend(present(&old));
        }
        let current = match new {
            None => None,
            Some(stored) => {
                let rows = self.index.insert_vectors(&stored);
                self.taken.extend(present(&rows));
                self.writer.add_document(stored.to_tantivy(&id, &rows, self.index)?)?;
                Some(Current { stored, rows })
            }
        };
        self.touched.insert(id, current);
        Ok(())
    }
}

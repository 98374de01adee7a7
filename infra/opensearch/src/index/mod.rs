//! One index: tantivy's files for terms and sources, and its vectors in memory.

mod document;
mod vectors;
mod write;

pub(crate) use document::{Stored, boolean, integer, plain, vector};
pub(crate) use vectors::{Vectors, unit};
pub(crate) use write::{Action, Op, Outcome};

use std::path::Path;
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use serde_json::Value;
use tantivy::directory::MmapDirectory;
use tantivy::index::IndexSettings;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use tantivy::schema::Schema;
use tantivy::{DocAddress, IndexReader, IndexWriter, ReloadPolicy, Searcher, TantivyError, Term};

use crate::analysis::Analyzers;
use crate::error::Error;
use crate::mapping::{ID, Mapping, tantivy_field};
use crate::object::Object;
use vectors::Columns;

/// Memory that the writer fills before it flushes: tantivy's minimum, in bytes.
const WRITER_BUDGET: usize = 15_000_000;
/// Segments smaller than this (documents) count as equally small when segments are merged.
const SMALLEST_LAYER: u32 = 64;
/// Share of deleted documents above which a segment is rewritten.
const DELETED_SHARE: f32 = 0.3;
/// Size in bytes of a block of sources: a hit costs the decompression of one.
const BLOCK: usize = 4096;
/// Decompressed blocks kept per segment.
const CACHED_BLOCKS: usize = 64;

/// How long to wait for another process to let go of the folder.
const PATIENCE: Duration = Duration::from_secs(2);

/// An open index.
pub(crate) struct Index {
    pub(crate) mapping: Mapping,
    pub(crate) analyzers: Analyzers,
    pub(crate) schema: Schema,
    reader: IndexReader,
    /// None once the index is closed.
    writer: Mutex<Option<IndexWriter>>,
    /// One per vector field, in slot order.
    vectors: RwLock<Vec<Vectors>>,
}

/// A consistent view: the documents of one moment and the vectors that they point to.
/// A row of the vectors is given to another document only when no view is left that was taken before.
pub(crate) struct Snapshot<'i> {
    pub(crate) searcher: Searcher,
    pub(crate) vectors: RwLockReadGuard<'i, Vec<Vectors>>,
}

impl Index {
    /// Opens or creates the index in `dir`; `body` is what it was created with.
    pub(crate) fn open(dir: &Path, body: &Object) -> Result<Index, Error> {
        let (mapping, analyzers) = Index::definition(body)?;
        std::fs::create_dir_all(dir)?;
        let settings = IndexSettings {
            docstore_compress_dedicated_thread: false,
            docstore_blocksize: BLOCK,
            ..IndexSettings::default()
        };
        let directory = MmapDirectory::open(dir).map_err(Error::storage)?;
        let builder = tantivy::Index::builder().schema(mapping.schema()).settings(settings);
        let index = builder.open_or_create(directory)?;
        let writer = writer(&index)?;
        let mut merging = LogMergePolicy::default();
        merging.set_min_layer_size(SMALLEST_LAYER);
        merging.set_del_docs_ratio_before_merge(DELETED_SHARE);
        writer.set_merge_policy(Box::new(merging));
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual);
        let reader = reader.doc_store_cache_num_blocks(CACHED_BLOCKS).try_into()?;
        let schema = index.schema();
        let vectors = vectors::load(&reader.searcher(), &mapping)?;
        Ok(Index {
            mapping,
            analyzers,
            schema,
            reader,
            writer: Mutex::new(Some(writer)),
            vectors: RwLock::new(vectors),
        })
    }

    /// Reads the body of a create request; an error means that it cannot be honoured here.
    pub(crate) fn definition(body: &Object) -> Result<(Mapping, Analyzers), Error> {
        let settings = body.get("settings").map_or(&Value::Null, |settings| settings);
        let analysis = settings
            .get("analysis")
            .or_else(|| settings.get("index")?.get("analysis"));
        let analyzers = Analyzers::parse(analysis)?;
        Ok((Mapping::parse(body.get("mappings"), &analyzers)?, analyzers))
    }

    /// The documents as of the last write. Hold it for one search only: writers wait for it.
    pub(crate) fn snapshot(&self) -> Snapshot<'_> {
        let vectors = self.vectors.read().unwrap_or_else(PoisonError::into_inner);
        Snapshot {
            searcher: self.reader.searcher(),
            vectors,
        }
    }

    /// Waits for merges and lets go of the files; later writes are refused.
    pub(crate) fn close(&self) -> Result<(), Error> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        writer.map_or(Ok(()), |writer| Ok(writer.wait_merging_threads()?))
    }

    /// Where the document with that id is.
    fn find(&self, searcher: &Searcher, id: &str) -> Result<Option<DocAddress>, Error> {
        let term = Term::from_field_text(tantivy_field(&self.schema, ID)?, id);
        for (segment, reader) in (0..).zip(searcher.segment_readers()) {
            let inverted = reader.inverted_index(term.field())?;
            let Some(mut docs) = inverted.read_postings(&term, tantivy::schema::IndexRecordOption::Basic)? else {
                continue;
            };
            let mut doc = tantivy::DocSet::doc(&docs);
            while doc != tantivy::TERMINATED {
                if !reader.is_deleted(doc) {
                    return Ok(Some(DocAddress::new(segment, doc)));
                }
                doc = tantivy::DocSet::advance(&mut docs);
            }
        }
        Ok(None)
    }

    /// The rows that hold the vectors of a document, in slot order.
    fn rows(&self, searcher: &Searcher, at: DocAddress) -> Result<Vec<Option<u32>>, Error> {
        let segment = searcher.segment_reader(at.segment_ord);
        let row = |(name, _): (&str, usize)| Ok(Columns::open(segment, name)?.row(at.doc_id));
        self.mapping.vectors().into_iter().map(row).collect()
    }
}

/// The index's one writer. A process that was killed a moment ago may still hold the folder: wait for it.
fn writer(index: &tantivy::Index) -> Result<IndexWriter, Error> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let options = IndexWriterOptions::builder()
            .memory_budget_per_thread(WRITER_BUDGET)
            .num_worker_threads(1)
            .num_merge_threads(1)
            .build();
        match index.writer_with_options(options) {
            Err(TantivyError::LockFailure(..)) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(TantivyError::LockFailure(..)) => {
                return Err(Error::storage("the data folder is open in another process or node"));
            }
            writer => return Ok(writer?),
        }
    }
}

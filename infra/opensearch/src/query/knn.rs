//! `knn`: the k nearest among the documents that the filter lets through, by comparing with each of them.

use std::collections::HashMap;
use std::sync::Arc;

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::Column;
use tantivy::index::SegmentId;
use tantivy::query::{AllQuery, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SegmentOrdinal, SegmentReader, TERMINATED, TantivyError};

use crate::error::Error;
use crate::index::{unit, vector};
use crate::mapping::{Kind, row_field};
use crate::object::{Object, boost, count, object, only};
use crate::query::{Compiled, Compiler, boosted, one_field};

/// Largest k that OpenSearch takes.
const LARGEST_K: usize = 10_000;

/// A document that the filter let through: segment, document, row of its vector.
type Candidate = (SegmentOrdinal, DocId, u32);

impl Compiler<'_> {
    pub(super) fn knn(&self, body: &Object) -> Compiled {
        let (field, condition) = one_field(body, "knn")?;
        let condition = object(condition, field)?;
        only(condition, "knn", &["vector", "k", "filter", "boost"])?;
        let Some(Kind::Vector { dimension, slot }) = self.index.mapping.kind(field) else {
            return Err(Error::query(format!("Field '{field}' is not knn_vector type.")));
        };
        let query = condition
            .get("vector")
            .ok_or_else(|| Error::parsing("[knn] requires a [vector]"))?;
        let query = unit(&vector(query, *dimension).map_err(Error::query)?);
        let k = condition.get("k").ok_or_else(|| Error::parsing("[knn] requires [k]"))?;
        let k = count(k, "k")?;
        if !(1..=LARGEST_K).contains(&k) {
            return Err(Error::argument(format!("[knn] requires k to be from 1 to {LARGEST_K}")));
        }
        let filter = condition
            .get("filter")
            .map_or(Ok(Box::new(AllQuery) as Box<dyn Query>), |filter| self.clause(filter))?;
        let rows = Rows {
            field: row_field(field),
        };
        let candidates = self.snapshot.searcher.search(filter.as_ref(), &rows)?;
        let Some(vectors) = self.snapshot.vectors.get(*slot) else {
            return Err(Error::storage(format!("no vectors are loaded for [{field}]")));
        };
        let scored = candidates
            .into_iter()
            .map(|(segment, doc, row)| (vectors.score(row, &query), segment, doc))
            .collect();
        boosted(Box::new(self.nearest(scored, k)), boost(condition)?)
    }

    /// The k best, as a query that finds exactly these.
    fn nearest(&self, mut scored: Vec<(Score, SegmentOrdinal, DocId)>, k: usize) -> Hits {
        let best_first =
            |a: &(Score, u32, u32), b: &(Score, u32, u32)| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2)));
        if scored.len() > k {
            scored.select_nth_unstable_by(k - 1, best_first);
            scored.truncate(k);
        }
        scored.sort_unstable_by_key(|(_, segment, doc)| (*segment, *doc));
        let mut hits: HashMap<SegmentId, Vec<(DocId, Score)>> = HashMap::new();
        for (score, segment, doc) in scored {
            let segment = self.snapshot.searcher.segment_reader(segment).segment_id();
            hits.entry(segment).or_default().push((doc, score));
        }
        Hits(Arc::new(hits))
    }
}

/// Collects the rows of the vectors of all documents found.
struct Rows {
    field: String,
}

struct SegmentRows {
    segment: SegmentOrdinal,
    rows: Column<u64>,
    found: Vec<Candidate>,
}

impl Collector for Rows {
    type Fruit = Vec<Candidate>;
    type Child = SegmentRows;

    fn for_segment(&self, segment: SegmentOrdinal, reader: &SegmentReader) -> tantivy::Result<SegmentRows> {
        Ok(SegmentRows {
            segment,
            rows: reader.fast_fields().u64(&self.field)?,
            found: Vec::new(),
        })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, segments: Vec<Vec<Candidate>>) -> tantivy::Result<Vec<Candidate>> {
        Ok(segments.concat())
    }
}

impl SegmentCollector for SegmentRows {
    type Fruit = Vec<Candidate>;

    fn collect(&mut self, doc: DocId, _: Score) {
        if let Some(row) = self.rows.first(doc).and_then(|row| u32::try_from(row).ok()) {
            self.found.push((self.segment, doc, row));
        }
    }

    fn harvest(self) -> Vec<Candidate> {
        self.found
    }
}

/// Documents found beforehand, per segment in document order, with their scores.
#[derive(Clone, Debug)]
struct Hits(Arc<HashMap<SegmentId, Vec<(DocId, Score)>>>);

struct HitsScorer {
    hits: Hits,
    segment: SegmentId,
    at: usize,
    boost: Score,
}

impl HitsScorer {
    fn hit(&self) -> Option<(DocId, Score)> {
        self.hits.0.get(&self.segment)?.get(self.at).copied()
    }
}

impl Query for Hits {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for Hits {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        Ok(Box::new(HitsScorer {
            hits: self.clone(),
            segment: reader.segment_id(),
            at: 0,
            boost,
        }))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        let mut scorer = self.scorer(reader, 1.0)?;
        if scorer.seek(doc) != doc {
            return Err(TantivyError::InvalidArgument(format!("document {doc} does not match")));
        }
        Ok(Explanation::new("knn", scorer.score()))
    }
}

impl DocSet for HitsScorer {
    fn advance(&mut self) -> DocId {
        self.at += 1;
        self.doc()
    }

    fn doc(&self) -> DocId {
        self.hit().map_or(TERMINATED, |(doc, _)| doc)
    }

    fn size_hint(&self) -> u32 {
        let hits = self.hits.0.get(&self.segment).map_or(0, Vec::len);
        u32::try_from(hits).unwrap_or(u32::MAX)
    }
}

impl Scorer for HitsScorer {
    fn score(&mut self) -> Score {
        self.hit().map_or(0.0, |(_, score)| score * self.boost)
    }
}

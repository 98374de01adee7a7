//! BM25 with Lucene's statistics, so that scores agree with OpenSearch 3.
//!
//! tantivy multiplies by k1 + 1, which Lucene dropped in version 8, and counts documents without the field.

use tantivy::query::{Bm25StatisticsProvider, EnableScoring, Query, TermQuery, Weight};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, Term};

use crate::mapping::{PRESENT, tantivy_field};
use crate::query::{Compiled, Compiler, boosted};

/// The factor that tantivy applies and Lucene does not: k1 + 1 with k1 = 1.2.
const SURPLUS: f32 = 2.2;

/// A term query whose document count is that of its field.
#[derive(Clone, Debug)]
struct FieldTerm {
    query: TermQuery,
    /// Documents that have the field.
    documents: u64,
}

struct FieldStatistics<'s> {
    searcher: &'s Searcher,
    documents: u64,
}

impl Compiler<'_> {
    /// Documents with the term in a text field, by BM25.
    pub(super) fn scored_term(&self, field: &str, term: &str) -> Compiled {
        let searcher = &self.snapshot.searcher;
        let present = Term::from_field_text(tantivy_field(&self.index.schema, PRESENT)?, field);
        let documents = searcher.doc_freq(&present)?;
        let term = Term::from_field_text(tantivy_field(&self.index.schema, field)?, term);
        let query = TermQuery::new(term, IndexRecordOption::WithFreqs);
        boosted(Box::new(FieldTerm { query, documents }), 1.0 / SURPLUS)
    }
}

impl Query for FieldTerm {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        match scoring {
            EnableScoring::Enabled { searcher, .. } => {
                let statistics = FieldStatistics {
                    searcher,
                    documents: self.documents,
                };
                self.query
                    .weight(EnableScoring::enabled_from_statistics_provider(&statistics, searcher))
            }
            disabled => self.query.weight(disabled),
        }
    }
}

impl Bm25StatisticsProvider for FieldStatistics<'_> {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        self.searcher.total_num_tokens(field)
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(self.documents)
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        // Never more than the documents that have the field, or the idf would be undefined.
        Ok(self.searcher.doc_freq(term)?.min(self.documents))
    }
}

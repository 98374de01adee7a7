//! The index itself: its name, its analyzers and mapping, made on first use.

use opensearch::indices::IndicesCreateParts;
use serde_json::{Value, json};

use super::Search;
use crate::{config::OpenSearchTarget, error::Error, text::STOP_WORDS};

/// The generation of the mapping: a new one gets an index of its own behind the same alias.
const GENERATION: u32 = 1;

/// The alias of a model's index: `docent-<model>-<dimensions>`, in the characters that an index name may have.
pub(super) fn alias(model: &str, dimensions: usize) -> String {
    let slug: String = model
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let slug = slug
        .split('-')
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-");
    format!("docent-{slug}-{dimensions}")
}

impl Search {
    /// Makes the index; one that is there already (or is being made by somebody else) is fine.
    ///
    /// # Errors
    /// When OpenSearch does not answer or refuses the mapping.
    pub async fn ensure_index(&self) -> Result<(), Error> {
        let name = format!("{}-{GENERATION}", self.alias);
        let create = self.client.indices();
        let answer = create
            .create(IndicesCreateParts::Index(&name))
            .body(self.definition())
            .send()
            .await;
        let answer = answer.map_err(Error::unavailable)?;
        let status = answer.status_code();
        if status.is_success() {
            return Ok(());
        }
        let text = answer.text().await.unwrap_or_default();
        if text.contains("resource_already_exists_exception") {
            Ok(())
        } else {
            Err(super::refusal(status.as_u16(), &text))
        }
    }

    fn definition(&self) -> Value {
        let alias = &self.alias;
        json!({
            "settings": {"index": {"knn": true}, "analysis": analysis()},
            "mappings": {"dynamic": "strict", "properties": properties(self.vector())},
            "aliases": {alias: {}},
        })
    }

    /// A domain is told to use Lucene (its default engine would be faiss); serverless takes no engine, and must be told
    /// not to compress (its default compresses 32 times).
    fn vector(&self) -> Value {
        let dimension = self.dimensions;
        match self.target {
            OpenSearchTarget::Domain => json!({
                "type": "knn_vector", "dimension": dimension,
                "method": {"name": "hnsw", "engine": "lucene", "space_type": "cosinesimil"},
            }),
            OpenSearchTarget::Serverless => json!({
                "type": "knn_vector", "dimension": dimension, "space_type": "cosinesimil", "compression_level": "1x",
            }),
        }
    }
}

/// Stop words are dropped from questions, not from documents.
fn analysis() -> Value {
    json!({
        "filter": {
            "docent_stop": {"type": "stop", "stopwords": STOP_WORDS},
            "docent_stem": {"type": "stemmer", "language": "english"},
        },
        "analyzer": {
            "docent_index": {"type": "custom", "tokenizer": "standard", "filter": ["lowercase", "docent_stem"]},
            "docent_search": {"type": "custom", "tokenizer": "standard", "filter": ["lowercase", "docent_stop", "docent_stem"]},
        },
    })
}

fn properties(vector: Value) -> Value {
    let keyword = json!({"type": "keyword"});
    let text = json!({"type": "text", "analyzer": "docent_index", "search_analyzer": "docent_search"});
    json!({
        "tenant": keyword, "bot": keyword, "document": keyword, "folder": keyword,
        "version": {"type": "integer"}, "n": {"type": "integer"}, "page": {"type": "integer"},
        "doc_org": keyword, "folder_org": keyword, "doc_roles": keyword, "folder_roles": keyword,
        "title": text, "section": text, "text": text, "vector": vector,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_is_a_legal_index_name() {
        assert_eq!(
            alias("amazon.titan-embed-text-v2:0", 1024),
            "docent-amazon-titan-embed-text-v2-0-1024"
        );
    }
}

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
        let create = self.client()?.indices();
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
        let mut index = json!({"knn": true});
        if self.target == OpenSearchTarget::Domain {
            // Amazon's default is five, and words are weighed by each for itself.
            index["number_of_shards"] = json!(1);
        }
        json!({
            "settings": {"index": index, "analysis": analysis()},
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
    use std::{collections::BTreeSet, sync::Arc};

    use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
    use aws_types::{SdkConfig, region::Region};
    use axum::{Json, Router, extract::Path, http::StatusCode, routing::put};
    use tokio::{net::TcpListener, sync::Mutex};

    use super::*;
    use crate::config::Config;

    fn search(url: &str, target: &str, next: &str) -> Search {
        let vars = [
            ("TABLE_NAME", "t"),
            ("BUCKET_NAME", "b"),
            ("OPENSEARCH_URL", url),
            ("OPENSEARCH_TARGET", target),
            ("CHAT_MODEL_ID", "c"),
            ("EMBEDDING_MODEL_ID", "e"),
            ("EMBEDDING_DIMENSIONS", "8"),
            ("EMBEDDING_WEIGHT", "0.4"),
            ("NEXT_EMBEDDING_MODEL_ID", next),
            ("NEXT_EMBEDDING_DIMENSIONS", "16"),
        ];
        let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let keys = Credentials::from_keys("k", "s", None);
        let sdk = SdkConfig::builder()
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .build();
        Search::new(&Config::from_vars(&vars.into()).unwrap(), &sdk).unwrap()
    }

    /// A server that makes each index once, and refuses names of other things.
    async fn server() -> (String, Arc<Mutex<BTreeSet<String>>>) {
        let made = Arc::new(Mutex::new(BTreeSet::new()));
        let names = made.clone();
        let create = async move |Path(name): Path<String>| {
            let (status, kind) = match name.as_str() {
                "docent-e-8-1" | "docent-e-2-16-1" => match names.lock().await.insert(name) {
                    true => return (StatusCode::OK, Json(json!({"acknowledged": true}))),
                    false => (StatusCode::BAD_REQUEST, "resource_already_exists_exception"),
                },
                _ => (StatusCode::TOO_MANY_REQUESTS, "too busy"),
            };
            (
                status,
                Json(json!({"error": {"type": kind}, "status": status.as_u16()})),
            )
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/{name}", put(create));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (url, made)
    }

    #[test]
    fn an_alias_is_a_legal_index_name() {
        assert_eq!(
            alias("amazon.titan-embed-text-v2:0", 1024),
            "docent-amazon-titan-embed-text-v2-0-1024"
        );
    }

    #[tokio::test]
    async fn an_index_that_is_there_or_made_by_another_at_once_is_fine() {
        let (url, made) = server().await;
        let search = search(&url, "domain", "");
        let several = (0..8).map(|_| search.ensure_index());
        for outcome in futures::future::join_all(several).await {
            outcome.unwrap();
        }
        search.ensure_index().await.unwrap();
        assert_eq!(made.lock().await.len(), 1);
    }

    #[tokio::test]
    async fn an_index_that_is_refused_is_an_error() {
        let (url, _) = server().await;
        let mut search = search(&url, "domain", "");
        search.alias = "other".to_owned();
        assert_eq!(search.ensure_index().await.unwrap_err().status().0, 503);
    }

    #[tokio::test]
    async fn the_next_models_index_is_another_one() {
        let (url, made) = server().await;
        let search = search(&url, "domain", "e.2");
        let next = search.next().unwrap();
        next.ensure_index().await.unwrap();
        assert_eq!(*made.lock().await, ["docent-e-2-16-1".to_owned()].into());
        assert_eq!(next.definition()["mappings"]["properties"]["vector"]["dimension"], 16);
        assert!(next.next().is_none());
    }

    #[tokio::test]
    async fn a_domain_is_told_its_engine_and_a_collection_how_little_to_compress() {
        let vector = |target: &str| {
            let definition = search("http://127.0.0.1:1", target, "").definition();
            (
                definition["mappings"]["properties"]["vector"].clone(),
                definition["settings"]["index"].clone(),
            )
        };
        let (domain, settings) = vector("domain");
        assert_eq!(domain["method"]["engine"], "lucene");
        assert_eq!(
            (&domain["compression_level"], &settings["number_of_shards"]),
            (&Value::Null, &json!(1))
        );
        let (collection, settings) = vector("serverless");
        assert_eq!(
            (&collection["method"], &collection["compression_level"]),
            (&Value::Null, &json!("1x"))
        );
        assert_eq!(settings, json!({"knn": true}));
        for vector in [domain, collection] {
            assert_eq!(
                (&vector["type"], &vector["dimension"]),
                (&json!("knn_vector"), &json!(8))
            );
        }
    }
}

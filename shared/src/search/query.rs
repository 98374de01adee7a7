//! The search request: one `_msearch` with BM25 and k-NN, both carrying the whole access filter inside the query.

use opensearch::{MsearchParts, http::request::JsonBody};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Search, fusion::fuse, read};
use crate::{
    access::{Access, EVERYBODY},
    error::Error,
    ids::{BotId, DocumentId, FolderId, TenantId},
    text,
};

/// Hits that each of the two rankings gives.
const DEPTH: usize = 50;
/// Distinct words of a question that are searched for.
const MAX_WORDS: usize = 100;
/// What the question before this one counts.
const CONTEXT_WEIGHT: f32 = 0.3;
/// Fields that a hit brings along.
const SOURCE: [&str; 7] = ["document", "folder", "version", "page", "section", "title", "text"];

/// What is searched, and on whose behalf.
#[derive(Debug)]
pub struct SearchQuery<'q> {
    /// The tenant: in every filter.
    pub tenant: &'q TenantId,
    /// The bot: its documents and those of all bots.
    pub bot: &'q BotId,
    /// The words.
    pub text: &'q str,
    /// The question before this one, which counts less.
    pub context: Option<&'q str>,
    /// The embedding of both.
    pub vector: &'q [f32],
    /// Who asks.
    pub access: &'q Access,
    /// Only these documents, or those in `folders`; both empty = no limit.
    pub documents: &'q [DocumentId],
    /// Only documents in these folders, or those in `documents`.
    pub folders: &'q [FolderId],
}

/// A chunk that was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hit {
    /// The index's id of the chunk.
    pub id: String,
    /// How well it fits, 0–1, comparable within one search only.
    pub score: f32,
    /// What the index knows of it.
    pub chunk: FoundChunk,
}

/// The fields of a chunk that a hit brings along.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct FoundChunk {
    /// Document.
    pub document: String,
    /// Its folder when it was indexed.
    pub folder: Option<String>,
    /// Its version.
    pub version: u32,
    /// Page, from 1.
    pub page: Option<u32>,
    /// Heading above it.
    pub section: Option<String>,
    /// The document's title when it was indexed.
    pub title: String,
    /// What it says.
    pub text: String,
}

#[derive(Deserialize)]
struct Answers {
    responses: Vec<Value>,
}

#[derive(Deserialize)]
struct RawHit {
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_score")]
    score: f32,
    #[serde(rename = "_source")]
    source: FoundChunk,
}

impl Search {
    /// Searches by words and by meaning and fuses both; best first.
    ///
    /// # Errors
    /// 503 when the index throttles or is away.
    pub async fn search(&self, query: &SearchQuery<'_>) -> Result<Vec<Hit>, Error> {
        let header = json!({"index": self.alias});
        let lines = [header.clone(), lexical(query), header, dense(query)];
        let lines: Vec<JsonBody<Value>> = lines.into_iter().map(JsonBody::new).collect();
        let sent = self.client()?.msearch(MsearchParts::None).body(lines).send().await;
        let Answers { responses } = read(sent).await?;
        let mut rankings = responses.into_iter().map(hits);
        let lexical = rankings.next().transpose()?.unwrap_or_default();
        let dense = rankings.next().transpose()?.unwrap_or_default();
        Ok(fuse(lexical, dense, self.weight))
    }
}

impl Search {
    /// Asks whether searches are answered: by one that finds nothing, in an index that need not be there yet.
    ///
    /// # Errors
    /// When OpenSearch does not answer, or refuses.
    pub async fn ping(&self) -> Result<(), Error> {
        let nothing = json!({"size": 0, "query": {"term": {"tenant": ""}}});
        let lines = [json!({"index": self.alias}), nothing];
        let lines: Vec<JsonBody<Value>> = lines.into_iter().map(JsonBody::new).collect();
        let sent = self.client()?.msearch(MsearchParts::None).body(lines).send().await;
        let Answers { responses } = read(sent).await?;
        responses.into_iter().try_for_each(|response| hits(response).map(drop))
    }
}

/// The hits of one search; an index that is not there yet has none.
fn hits(response: Value) -> Result<Vec<Hit>, Error> {
    if let Some(error) = response.get("error") {
        let status = response["status"]
            .as_u64()
            .and_then(|status| u16::try_from(status).ok())
            .unwrap_or(500);
        let missing = status == 404 && error["type"] == "index_not_found_exception";
        return if missing {
            Ok(Vec::new())
        } else {
            Err(super::refusal(status, &error.to_string()))
        };
    }
    if response["timed_out"] == true || response["_shards"]["failed"].as_u64().unwrap_or(0) > 0 {
        return Err(Error::unavailable("a part of the index did not answer"));
    }
    let raw: Vec<RawHit> = serde_json::from_value(response["hits"]["hits"].clone()).map_err(Error::internal)?;
    Ok(raw
        .into_iter()
        .map(|hit| Hit {
            id: hit.id,
            score: hit.score,
            chunk: hit.source,
        })
        .collect())
}

/// BM25 over text, section and title. A question of nothing but stop words is searched by the one before it, or else with
/// all its words.
fn lexical(query: &SearchQuery<'_>) -> Value {
    let only_stop_words = text::words(query.text).all(|word| text::is_stop_word(&word));
    let should: Vec<Value> = match query.context {
        Some(context) if only_stop_words => vec![words(context, "docent_search", 1.0)],
        Some(context) => vec![
            words(query.text, "docent_search", 1.0),
            words(context, "docent_search", CONTEXT_WEIGHT),
        ],
        None if only_stop_words => vec![words(query.text, "docent_index", 1.0)],
        None => vec![words(query.text, "docent_search", 1.0)],
    };
    let found = json!({"bool": {"should": should, "minimum_should_match": 1, "filter": filters(query)}});
    json!({"size": DEPTH, "_source": SOURCE, "query": found})
}

fn words(text: &str, analyzer: &str, boost: f32) -> Value {
    let text = first_words(text);
    let fields = ["text", "section^0.5", "title^0.5"];
    json!({"multi_match": {"query": text, "fields": fields, "type": "most_fields", "analyzer": analyzer, "boost": boost}})
}

fn dense(query: &SearchQuery<'_>) -> Value {
    let vector = json!({"vector": query.vector, "k": DEPTH, "filter": {"bool": {"filter": filters(query)}}});
    json!({"size": DEPTH, "_source": SOURCE, "query": {"knn": {"vector": vector}}})
}

/// The words of a text that are searched for. OpenSearch takes 1,024 clauses; each word is one in each of three fields.
fn first_words(text: &str) -> String {
    let mut seen = std::collections::HashSet::new();
    let distinct = text::words(text).filter(|word| seen.insert(word.clone()));
    let (stop, meant): (Vec<String>, Vec<String>) = distinct.partition(|word| text::is_stop_word(word));
    let chosen = if meant.is_empty() { stop } else { meant };
    chosen.into_iter().take(MAX_WORDS).collect::<Vec<_>>().join(" ")
}

/// Tenant, bot, access, and the limits that the caller asked for.
fn filters(query: &SearchQuery<'_>) -> Vec<Value> {
    let mut filters = vec![
        json!({"term": {"tenant": query.tenant}}),
        json!({"terms": {"bot": [query.bot.as_str(), EVERYBODY]}}),
    ];
    filters.extend(query.access.filters());
    if !query.documents.is_empty() || !query.folders.is_empty() {
        let documents = json!({"terms": {"document": query.documents}});
        let folders = json!({"terms": {"folder": query.folders}});
        filters.push(json!({"bool": {"should": [documents, folders], "minimum_should_match": 1}}));
    }
    filters
}

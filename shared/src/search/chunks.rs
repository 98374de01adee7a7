//! Writing chunks: always by id, in bulk, so that a job that runs twice writes the same thing twice.

use std::time::Duration;

use opensearch::{BulkParts, CountParts, SearchParts, http::request::JsonBody, indices::IndicesRefreshParts};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Search, read};
use crate::{
    access::Audience,
    config::OpenSearchTarget,
    error::Error,
    ids::{DocumentId, TenantId},
};

/// Operations of one `_bulk`.
const BULK: usize = 100;
/// Longest wait until searches see what was written; serverless shows writes after seconds.
const VISIBLE_WITHIN: Duration = Duration::from_secs(60);
/// Chunks of one version that a clean-up looks for at once.
const SWEEP: i64 = 1000;
/// How often it looks; a document has at most 20,000 chunks, and deletions show after a refresh.
const SWEEPS: usize = 40;

/// A chunk as the index has it.
#[derive(Clone, Debug, Serialize)]
pub struct ChunkRow {
    /// Tenant, in every filter.
    pub tenant: String,
    /// Bot, or `*` for all bots of the tenant.
    pub bot: String,
    /// Document.
    pub document: String,
    /// Folder, or absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Version of the document.
    pub version: u32,
    /// Its number in the document, from 0.
    pub n: u32,
    /// Page from 1, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Heading above it, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// The document's title.
    pub title: String,
    /// What it says.
    pub text: String,
    /// Its embedding.
    pub vector: Vec<f32>,
    /// Whom it is for.
    #[serde(flatten)]
    pub access: ChunkAccess,
}

/// The access fields of a chunk: its document's audience and its folder's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChunkAccess {
    doc_org: String,
    folder_org: String,
    doc_roles: Vec<String>,
    folder_roles: Vec<String>,
}

impl ChunkAccess {
    /// The fields for a document in a folder (or in none).
    #[must_use]
    pub fn new(document: &Audience, folder: Option<&Audience>) -> Self {
        let everybody = Audience::default();
        let folder = folder.unwrap_or(&everybody);
        let owned = |roles: Vec<&str>| roles.into_iter().map(str::to_owned).collect();
        Self {
            doc_org: document.org_field().to_owned(),
            folder_org: folder.org_field().to_owned(),
            doc_roles: owned(document.roles_field()),
            folder_roles: owned(folder.roles_field()),
        }
    }
}

/// The index's id of a chunk.
fn chunk_id(document: &str, version: u32, n: u32) -> String {
    format!("{document}#{version}#{n}")
}

#[derive(Deserialize)]
struct BulkAnswer {
    errors: bool,
    items: Vec<Value>,
}

#[derive(Deserialize)]
struct Count {
    count: u64,
}

impl Search {
    /// Writes chunks; those that are there already are overwritten.
    ///
    /// # Errors
    /// When OpenSearch does not take all of them.
    pub async fn index(&self, chunks: &[ChunkRow]) -> Result<(), Error> {
        for chunks in chunks.chunks(BULK) {
            let mut lines = Vec::with_capacity(chunks.len() * 2);
            for chunk in chunks {
                let id = chunk_id(&chunk.document, chunk.version, chunk.n);
                lines.push(json!({"index": {"_index": self.alias, "_id": id}}));
                lines.push(serde_json::to_value(chunk).map_err(Error::internal)?);
            }
            self.bulk(lines, |_| false).await?;
        }
        Ok(())
    }

    /// Changes the access fields of a version's chunks, in the next index, too; those that are gone are left out.
    ///
    /// # Errors
    /// When OpenSearch does not take all of them.
    pub async fn update_access(
        &self,
        document: &DocumentId,
        version: u32,
        chunks: u32,
        access: &ChunkAccess,
    ) -> Result<(), Error> {
        let numbers: Vec<u32> = (0..chunks).collect();
        for index in self.all() {
            for numbers in numbers.chunks(BULK) {
                let lines = numbers.iter().flat_map(|n| {
                    let id = chunk_id(document.as_str(), version, *n);
                    [
                        json!({"update": {"_index": index.alias, "_id": id}}),
                        json!({"doc": access}),
                    ]
                });
                index.bulk(lines.collect(), |status| status == 404).await?;
            }
        }
        Ok(())
    }

    /// Deletes all chunks of a version, in the next index, too: those up to the known number, and whatever else a search
    /// finds of it.
    ///
    /// # Errors
    /// When OpenSearch does not take all of them.
    pub async fn drop_version(
        &self,
        tenant: &TenantId,
        document: &DocumentId,
        version: u32,
        chunks: u32,
    ) -> Result<(), Error> {
        for index in self.all() {
            index.drop_here(tenant, document, version, chunks).await?;
        }
        Ok(())
    }

    async fn drop_here(
        &self,
        tenant: &TenantId,
        document: &DocumentId,
        version: u32,
        chunks: u32,
    ) -> Result<(), Error> {
        let mut ids: Vec<String> = (0..chunks).map(|n| chunk_id(document.as_str(), version, n)).collect();
        ids.extend(self.ids_of(tenant, document, version).await?);
        for _ in 0..SWEEPS {
            for ids in ids.chunks(BULK) {
                let delete = |id: &String| json!({"delete": {"_index": self.alias, "_id": id}});
                self.bulk(ids.iter().map(delete).collect(), |status| status == 404)
                    .await?;
            }
            ids = self.ids_of(tenant, document, version).await?;
            if ids.is_empty() {
                return Ok(());
            }
        }
        Err(Error::unavailable(format!("searches still see chunks of {document}")))
    }

    /// Waits until searches count all chunks of a version.
    ///
    /// # Errors
    /// 503 when they do not within a minute.
    pub async fn wait_visible(
        &self,
        tenant: &TenantId,
        document: &DocumentId,
        version: u32,
        chunks: usize,
    ) -> Result<(), Error> {
        self.refresh().await?;
        let deadline = tokio::time::Instant::now() + VISIBLE_WITHIN;
        let mut pause = Duration::from_millis(20);
        loop {
            let alias = [self.alias.as_str()];
            let count = self
                .client()?
                .count(CountParts::Index(&alias))
                .body(json!({"query": of(tenant, document, version)}));
            let Count { count } = read(count.send().await).await?;
            if usize::try_from(count).is_ok_and(|count| count >= chunks) {
                return Ok(());
            }
            if tokio::time::Instant::now() >= deadline {
                return Err(Error::unavailable(format!(
                    "searches see {count} of {chunks} chunks of {document}"
                )));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    /// Shows writes to searches now, where the target lets us ask for it; an index that is not there shows nothing.
    async fn refresh(&self) -> Result<(), Error> {
        if self.target == OpenSearchTarget::Domain {
            let alias = [self.alias.as_str()];
            let indices = self.client()?.indices();
            let sent = indices.refresh(IndicesRefreshParts::Index(&alias)).send().await;
            let answer = sent.map_err(Error::unavailable)?;
            if answer.status_code().as_u16() != 404 {
                read::<Value>(Ok(answer)).await?;
            }
        }
        Ok(())
    }

    async fn ids_of(&self, tenant: &TenantId, document: &DocumentId, version: u32) -> Result<Vec<String>, Error> {
        self.refresh().await?;
        let alias = [self.alias.as_str()];
        let search = self
            .client()?
            .search(SearchParts::Index(&alias))
            .body(json!({"query": of(tenant, document, version), "size": SWEEP, "_source": false}));
        let answer = search.send().await.map_err(Error::unavailable)?;
        if answer.status_code().as_u16() == 404 {
            return Ok(Vec::new());
        }
        let found: Value = read(Ok(answer)).await?;
        let hits = found["hits"]["hits"].as_array();
        Ok(hits
            .into_iter()
            .flatten()
            .filter_map(|hit| Some(hit["_id"].as_str()?.to_owned()))
            .collect())
    }

    /// Sends one `_bulk`; an item that failed with a status that `fine` accepts is no failure.
    async fn bulk(&self, lines: Vec<Value>, fine: fn(u64) -> bool) -> Result<(), Error> {
        let lines: Vec<JsonBody<Value>> = lines.into_iter().map(JsonBody::new).collect();
        // Without `require_alias` a write before the index is made would create one of the alias's name.
        let bulk = self.client()?.bulk(BulkParts::None).require_alias(true).body(lines);
        let answer = bulk.send().await.map_err(Error::unavailable)?;
        if answer.status_code().as_u16() == 404 && fine(404) {
            return Ok(());
        }
        let BulkAnswer { errors, items } = read(Ok(answer)).await?;
        if !errors {
            return Ok(());
        }
        let outcomes = items.iter().filter_map(|item| item.as_object()?.values().next());
        let failed = outcomes
            .filter(|outcome| !outcome["error"].is_null())
            .find(|outcome| !fine(outcome["status"].as_u64().unwrap_or(500)));
        match failed {
            Some(outcome) => Err(super::refusal(
                u16::try_from(outcome["status"].as_u64().unwrap_or(500)).unwrap_or(500),
                &outcome["error"].to_string(),
            )),
            None => Ok(()),
        }
    }
}

fn of(tenant: &TenantId, document: &DocumentId, version: u32) -> Value {
    json!({"bool": {"filter": [
        {"term": {"tenant": tenant}}, {"term": {"document": document}}, {"term": {"version": version}},
    ]}})
}

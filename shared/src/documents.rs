//! Documents: what answers are drawn from. A document has a current version, which searches see, and a latest one,
//! which may still be on its way; a search never mixes them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    access::Audience,
    app::App,
    clock::Time,
    error::Error,
    ids::{self, BotId, DocumentId, FolderId, TenantId},
    store::{Condition, Key, Partition, Row, sort},
};

/// How far the latest version has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = DocumentStatus)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Its file is expected, or waits for its turn.
    Pending,
    /// It is being read and indexed.
    Processing,
    /// Searches see all of it.
    Ready,
    /// It could not be read; `error` says why.
    Failed,
}

/// One version of a document's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Its number, from 1.
    pub n: u32,
    /// The S3 key of its file.
    pub blob: String,
    /// The name of its file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// The media type that was declared for its file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Bytes of its file.
    #[serde(default)]
    pub size: u64,
    /// How many chunks it has in the index (0 until they are known).
    #[serde(default)]
    pub chunks: u32,
    /// How many pages it has, where it has pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<u32>,
}

impl Version {
    /// A version whose file a handler stores, under a key of its own: of two replacements at once each has its file.
    #[must_use]
    pub fn stored(tenant: &TenantId, document: &DocumentId, n: u32) -> Self {
        Self::at(
            format!("{}-{}", blob_key("documents", tenant, document, n), ids::fresh()),
            n,
        )
    }

    /// A version whose file the caller will upload.
    #[must_use]
    pub fn uploaded(tenant: &TenantId, document: &DocumentId, n: u32) -> Self {
        Self::at(blob_key("uploads", tenant, document, n), n)
    }

    /// The first version of a document that copies another: its file has the same key in every try.
    #[must_use]
    pub fn copied(tenant: &TenantId, document: &DocumentId) -> Self {
        Self::at(format!("{}-copy", blob_key("documents", tenant, document, 1)), 1)
    }

    /// Removes this version from the index and its file from S3.
    ///
    /// # Errors
    /// When either does not answer; it can be done again.
    pub async fn remove(&self, app: &App, tenant: &TenantId, document: &DocumentId) -> Result<(), Error> {
        app.search.drop_version(tenant, document, self.n, self.chunks).await?;
        app.blobs.delete(&self.blob).await
    }

    fn at(blob: String, n: u32) -> Self {
        Self {
            n,
            blob,
            filename: None,
            content_type: None,
            size: 0,
            chunks: 0,
            pages: None,
        }
    }
}

/// The S3 key of a version's file. Ids are percent-encoded, so that none can reach into another's folder.
fn blob_key(folder: &str, tenant: &TenantId, document: &DocumentId, n: u32) -> String {
    format!(
        "{folder}/{}/{}/{n}",
        urlencoding::encode(tenant.as_str()),
        urlencoding::encode(document.as_str())
    )
}

/// Tenant, document and version of an S3 key of the `uploads/` folder.
#[must_use]
pub fn parse_blob_key(key: &str) -> Option<(TenantId, DocumentId, u32)> {
    let mut parts = key.split('/').skip(1);
    let mut next = || urlencoding::decode(parts.next()?).ok();
    let (tenant, document, n) = (next()?.into_owned(), next()?.into_owned(), next()?.parse().ok()?);
    Some((TenantId::parse(tenant)?, DocumentId::parse(document)?, n))
}

/// A document.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Document {
    /// Its id.
    pub id: DocumentId,
    /// Whose document it is.
    pub tenant: TenantId,
    /// The bot that it serves; absent = all bots of the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot: Option<BotId>,
    /// The folder that it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<FolderId>,
    /// What it is called in citations.
    pub title: String,
    /// Whom it is for.
    #[serde(flatten)]
    pub audience: Audience,
    /// Where its readers find it; never fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_url: Option<String>,
    /// How far its latest version has come.
    pub status: Status,
    /// Why the latest version failed, as a sentence for its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The version that searches see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Version>,
    /// The newest version.
    pub latest: Version,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

impl Document {
    /// The sort key's kind, for lists.
    pub const KIND: &'static str = "DOC";

    /// Where a document lives.
    #[must_use]
    pub fn key(tenant: &TenantId, document: &DocumentId) -> Key {
        partition(tenant).at(sort(Self::KIND, &[document.as_str()]))
    }

    /// Its place in its bot's list, when it has a bot.
    #[must_use]
    pub fn bot_index_key(&self) -> Option<Key> {
        let bot = self.bot.as_ref()?;
        Some(of_bot(&self.tenant, bot).at(sort(&self.created_at.to_string(), &[self.id.as_str()])))
    }

    /// What its row must still be for a change of what was read: an ingest or another change in between is noticed.
    ///
    /// # Errors
    /// When a condition cannot be written.
    pub fn unchanged(&self) -> Result<Vec<Condition>, Error> {
        Ok(vec![
            Condition::Exists,
            Condition::is("latest.n", &self.latest.n)?,
            Condition::is("status", &self.status)?,
        ])
    }

    /// All its versions that may have left something in a store.
    pub fn versions(&self) -> impl Iterator<Item = &Version> {
        self.current
            .iter()
            .filter(|current| current.n != self.latest.n)
            .chain([&self.latest])
    }
}

impl Row for Document {
    fn key(&self) -> Key {
        Self::key(&self.tenant, &self.id)
    }

    fn gsi1(&self) -> Option<Key> {
        self.bot_index_key()
    }
}

/// The partition of the first index that lists a bot's documents.
#[must_use]
pub fn of_bot(tenant: &TenantId, bot: &BotId) -> Partition {
    Partition::tenant(tenant, &["B", bot.as_str(), "D"])
}

/// The partition of a tenant's documents and folders.
#[must_use]
pub fn partition(tenant: &TenantId) -> Partition {
    Partition::tenant(tenant, &["D"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_is_found_again_by_its_s3_key() {
        let (tenant, document) = (TenantId::parse("a/b").unwrap(), DocumentId::parse("ü d").unwrap());
        let version = Version::uploaded(&tenant, &document, 3);
        assert_eq!(parse_blob_key(&version.blob), Some((tenant, document, 3)));
        assert_eq!(parse_blob_key("uploads/t/d"), None);
        assert_eq!(parse_blob_key("uploads/t/d/x"), None);
    }
}

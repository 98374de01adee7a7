//! Documents and folders on the wire.

use serde::Serialize;
use shared::{
    clock::Time,
    documents::{Document, Status},
    folders::Folder,
    ids::{BotId, DocumentId, FolderId},
};

/// A document.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Document)]
pub(crate) struct DocumentOut {
    /// Its id.
    id: DocumentId,
    /// What it is called in citations.
    title: String,
    /// The bot that it serves; `null` = all bots of the tenant.
    bot_id: Option<BotId>,
    /// The folder that it is in.
    folder_id: Option<FolderId>,
    /// Only for this organisation; `null` = any.
    org: Option<String>,
    /// Only for callers with one of these roles; empty = any.
    allowed_roles: Vec<String>,
    /// Where its readers find it.
    source_url: Option<String>,
    /// The name of its file.
    filename: Option<String>,
    /// The media type of its file.
    content_type: Option<String>,
    /// Bytes of its file.
    size: u64,
    /// How far its newest version has come.
    status: Status,
    /// Why the newest version failed.
    error: Option<String>,
    /// The number of the newest version, from 1.
    version: u32,
    /// Pages of the version that searches see, where it has pages.
    pages: Option<u32>,
    /// Chunks of the version that searches see.
    chunks: u32,
    /// When it was made.
    created_at: Time,
    /// When it was last changed.
    updated_at: Time,
}

impl From<Document> for DocumentOut {
    fn from(document: Document) -> Self {
        let current = document.current.as_ref();
        Self {
            version: document.latest.n,
            pages: current.and_then(|version| version.pages),
            chunks: current.map_or(0, |version| version.chunks),
            id: document.id,
            title: document.title,
            bot_id: document.bot,
            folder_id: document.folder,
            org: document.audience.org,
            allowed_roles: document.audience.allowed_roles,
            source_url: document.source_url,
            filename: document.latest.filename,
            content_type: document.latest.content_type,
            size: document.latest.size,
            status: document.status,
            error: document.error,
            created_at: document.created_at,
            updated_at: document.updated_at,
        }
    }
}

/// A folder.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Folder)]
pub(crate) struct FolderOut {
    /// Its id.
    id: FolderId,
    /// What it is called.
    name: String,
    /// The bot that it serves; `null` = all bots of the tenant.
    bot_id: Option<BotId>,
    /// Only for this organisation; `null` = any.
    org: Option<String>,
    /// Only for callers with one of these roles; empty = any.
    allowed_roles: Vec<String>,
    /// How many documents are in it.
    documents: i64,
    /// When it was made.
    created_at: Time,
    /// When it was last changed.
    updated_at: Time,
}

impl From<Folder> for FolderOut {
    fn from(folder: Folder) -> Self {
        let Folder {
            id,
            name,
            bot,
            audience,
            documents,
            created_at,
            updated_at,
            ..
        } = folder;
        Self {
            id,
            name,
            bot_id: bot,
            org: audience.org,
            allowed_roles: audience.allowed_roles,
            documents,
            created_at,
            updated_at,
        }
    }
}

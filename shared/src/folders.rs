//! Folders: documents that share an audience.

use serde::{Deserialize, Serialize};

use crate::{
    access::Audience,
    clock::Time,
    ids::{BotId, FolderId, TenantId},
    store::{Key, Row, sort},
};

/// A folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Folder {
    /// Its id.
    pub id: FolderId,
    /// Whose folder it is.
    pub tenant: TenantId,
    /// What it is called.
    pub name: String,
    /// The bot that it serves; absent = all bots of the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot: Option<BotId>,
    /// Whom its documents are for.
    #[serde(flatten)]
    pub audience: Audience,
    /// How many documents are in it: an empty one can be deleted.
    pub documents: i64,
    /// Counts its changes, so that an ingest notices one that came in between.
    #[serde(default)]
    pub revision: u32,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

impl Folder {
    /// The sort key's kind, for lists.
    pub const KIND: &'static str = "FOLDER";

    /// Where a folder lives.
    #[must_use]
    pub fn key(tenant: &TenantId, folder: &FolderId) -> Key {
        crate::documents::partition(tenant).at(sort(Self::KIND, &[folder.as_str()]))
    }
}

impl Row for Folder {
    fn key(&self) -> Key {
        Self::key(&self.tenant, &self.id)
    }
}

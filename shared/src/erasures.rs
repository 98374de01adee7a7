//! Erasures: what is removed from every store in the background, and how far that has come.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    clock::Time,
    ids::{BotId, ErasureId, TenantId},
    store::{Key, Partition, Row, sort},
};

/// How long a finished erasure can still be looked up, in seconds.
const KEPT: i64 = 90 * 24 * 3600;

/// What is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ErasureSubject)]
pub enum Subject {
    /// A bot with its keys, documents, folders, routines and conversations.
    Bot,
}

/// How far an erasure has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ErasureStatus)]
pub enum Status {
    /// It waits for its turn.
    Queued,
    /// Things are being removed.
    Running,
    /// Nothing is left.
    Done,
    /// It was given up; somebody has to look after it.
    Failed,
}

/// Something that is removed from every store.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Erasure {
    /// Its id.
    pub id: ErasureId,
    /// Whose things.
    pub tenant: TenantId,
    /// What is erased.
    pub what: Subject,
    /// The bot.
    pub bot: BotId,
    /// How far it has come.
    pub status: Status,
    /// Documents that were removed so far, with their files and their chunks in the index.
    pub documents: u64,
    /// Folders that were removed so far.
    pub folders: u64,
    /// Conversations that were removed so far, with their messages.
    pub conversations: u64,
    /// Routines that were removed so far.
    #[serde(default)]
    pub routines: u64,
    /// Runs of routines that were removed so far.
    #[serde(default)]
    pub runs: u64,
    /// Webhooks that were removed so far.
    #[serde(default)]
    pub webhooks: u64,
    /// Deliveries to webhooks that were removed so far.
    #[serde(default)]
    pub deliveries: u64,
    /// API keys that were removed so far.
    pub keys: u64,
    /// When it was asked for.
    pub requested_at: Time,
    /// When nothing was left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
}

impl Erasure {
    /// The sort key's kind.
    pub const KIND: &'static str = "ERASURE";

    /// The erasure of a bot, of which so many keys go at once.
    #[must_use]
    pub fn of_bot(tenant: &TenantId, bot: &BotId, keys: u64, now: Time) -> Self {
        Self {
            id: ErasureId::new(),
            tenant: tenant.clone(),
            what: Subject::Bot,
            bot: bot.clone(),
            status: Status::Queued,
            documents: 0,
            folders: 0,
            conversations: 0,
            routines: 0,
            runs: 0,
            webhooks: 0,
            deliveries: 0,
            keys,
            requested_at: now,
            finished_at: None,
        }
    }

    /// Where an erasure lives.
    #[must_use]
    pub fn key(tenant: &TenantId, id: &ErasureId) -> Key {
        Partition::tenant(tenant, &[]).at(sort(Self::KIND, &[id.as_str()]))
    }

    /// The second in which the table may forget an erasure that finished at `at`.
    #[must_use]
    pub fn forgotten_at(at: Time) -> i64 {
        at.second() + KEPT
    }
}

impl Row for Erasure {
    fn key(&self) -> Key {
        Self::key(&self.tenant, &self.id)
    }

    fn expires_at(&self) -> Option<i64> {
        self.finished_at.map(Self::forgotten_at)
    }
}

//! What can happen. An event is written in the same transaction as the change that it tells of; `relay` picks it up from
//! the table's stream.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    clock::Time,
    codes::Purpose,
    documents::Version,
    ids::{BotId, ConversationId, DocumentId, ErasureId, EventId, FolderId, InsightId, RoutineId, RunId, TenantId},
    logins::Email,
    queue::Destination,
    store::{Key, Partition, Row},
    usage::Spent,
};

/// How long an event stays in the outbox, in seconds.
const KEPT: i64 = 7 * 24 * 3600;

/// The names of events, as webhooks see them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventType {
    /// Somebody said something in a conversation.
    NewMessage,
    /// A conversation began.
    NewSession,
    /// A document was added, changed or deleted.
    KbUpdated,
    /// A conversation was archived.
    SessionArchived,
    /// Insights were extracted from an archived conversation.
    InsightsReady,
    /// A run of a routine ended.
    RoutineFinished,
    /// Somebody wants a person.
    HandoffRequested,
    /// Somebody said how good an answer or a conversation was.
    FeedbackReceived,
    /// A code is to be sent to somebody; no webhook hears of it.
    CodeRequested,
    /// A routine is to be run; no webhook hears of it.
    RunRequested,
}

/// Something that happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// Whose event it is.
    pub tenant: TenantId,
    /// The bot that it is about; absent = all of the tenant's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot: Option<BotId>,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// When.
    pub timestamp: Time,
    /// The session, document or person, by id.
    pub data: Value,
    /// What an answer took, to be counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<Spent>,
    /// What is to be done about it, never shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<Job>,
}

/// Work that follows from an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Job {
    /// `relay`: write a title for the conversation. Its first question is read then, so that no event outlives it with it.
    Title {
        /// The conversation.
        conversation: ConversationId,
    },
    /// `relay`: when somebody signs in with this address, send them a code. The code is made then, so that no event holds
    /// one, and asking for one costs the same whoever asks.
    Code {
        /// The address.
        email: Email,
        /// What it is for.
        purpose: Purpose,
    },
    /// `ingest`: read and index this version.
    Ingest {
        /// Whose document.
        tenant: TenantId,
        /// The document.
        document: DocumentId,
        /// The number of the version.
        version: u32,
    },
    /// `ingest`: remove a version from the index and from S3.
    Drop {
        /// Whose document.
        tenant: TenantId,
        /// The document.
        document: DocumentId,
        /// The version.
        version: Version,
    },
    /// `ingest`: write the folder's audience into the chunks of its documents.
    Audience {
        /// Whose folder.
        tenant: TenantId,
        /// The folder.
        folder: FolderId,
    },
    /// `ingest`: copy a bot's documents and folders to another bot.
    Copy {
        /// Whose bots.
        tenant: TenantId,
        /// The bot that has them.
        from: BotId,
        /// The bot that gets them.
        to: BotId,
    },
    /// `insights`: extract what an archived conversation says.
    Insights {
        /// Whose conversation.
        tenant: TenantId,
        /// The conversation.
        conversation: ConversationId,
        /// The insights, which are pending.
        insight: InsightId,
    },
    /// `run-routine`: run it.
    Run {
        /// Whose routine.
        tenant: TenantId,
        /// The routine.
        routine: RoutineId,
        /// The run, which is queued.
        run: RunId,
    },
    /// `run-routine`: mail what a run said to those whom the routine names.
    MailRun {
        /// Whose routine.
        tenant: TenantId,
        /// The routine.
        routine: RoutineId,
        /// The run, which has succeeded.
        run: RunId,
    },
    /// `erase`: remove everything that an erasure is about.
    Erase {
        /// Whose erasure.
        tenant: TenantId,
        /// The erasure.
        erasure: ErasureId,
    },
}

impl Job {
    /// The queue of the worker that does it; `None` = `relay` does it itself.
    #[must_use]
    pub fn destination(&self) -> Option<Destination> {
        match self {
            Self::Title { .. } | Self::Code { .. } => None,
            Self::Ingest { .. } | Self::Drop { .. } | Self::Audience { .. } | Self::Copy { .. } => {
                Some(Destination::Ingest)
            }
            Self::Erase { .. } => Some(Destination::Erase),
            Self::Insights { .. } => Some(Destination::Insights),
            Self::Run { .. } | Self::MailRun { .. } => Some(Destination::Routines),
        }
    }
}

impl Event {
    /// An event of now, without jobs.
    #[must_use]
    pub fn new(tenant: &TenantId, bot: Option<&BotId>, kind: EventType, now: Time, data: Value) -> Self {
        Self {
            id: EventId::new(),
            tenant: tenant.clone(),
            bot: bot.cloned(),
            kind,
            timestamp: now,
            data,
            spent: None,
            jobs: Vec::new(),
        }
    }

    /// Somebody wants a code; `tenant` where it is known whose.
    #[must_use]
    pub fn code_requested(tenant: Option<&TenantId>, email: Email, purpose: Purpose, now: Time) -> Self {
        let nobody = TenantId::nobody();
        let data = serde_json::json!({"purpose": purpose});
        Self::new(tenant.unwrap_or(&nobody), None, EventType::CodeRequested, now, data)
            .with([Job::Code { email, purpose }])
    }

    /// With work that follows.
    #[must_use]
    pub fn with(mut self, jobs: impl IntoIterator<Item = Job>) -> Self {
        self.jobs.extend(jobs);
        self
    }
}

impl Event {
    /// Where an event lives.
    #[must_use]
    pub fn key(tenant: &TenantId, id: &EventId) -> Key {
        Partition::tenant(tenant, &["E", id.as_str()]).at("EVENT".to_owned())
    }
}

impl Row for Event {
    fn key(&self) -> Key {
        Self::key(&self.tenant, &self.id)
    }

    fn expires_at(&self) -> Option<i64> {
        Some(self.timestamp.second() + KEPT)
    }
}

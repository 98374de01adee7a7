//! What the channels dialect's functions share on the wire.

use serde::Serialize;
use utoipa::ToSchema;

use super::ai::CitationOut;
use crate::{
    clock::Time,
    ids::MessageId,
    messages::{Message, Role},
};

/// A message in the channels dialect.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ThreadMessage)]
#[serde(rename_all = "camelCase")]
pub struct MessageOut {
    /// Its id.
    pub id: MessageId,
    /// Who said it.
    pub role: Role,
    /// What was said; an answer has markers `[n]` that count `citations` from 1.
    pub content: String,
    /// What an answer rests on.
    pub citations: Vec<CitationOut>,
    /// When it was said.
    pub created_at: Time,
}

impl From<Message> for MessageOut {
    fn from(message: Message) -> Self {
        Self {
            id: message.id,
            role: message.role,
            content: message.content,
            citations: message.citations.into_iter().flatten().map(CitationOut::from).collect(),
            created_at: message.created_at,
        }
    }
}

/// Whether insights will be extracted from what was archived.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InsightsOut {
    /// They will.
    Queued,
    /// The bot does not extract any.
    Off,
}

impl InsightsOut {
    /// Whether they will be extracted, or were.
    #[must_use]
    pub fn new(extracts: bool) -> Self {
        if extracts { Self::Queued } else { Self::Off }
    }
}

/// An archived thread.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ArchivedThread)]
#[serde(rename_all = "camelCase")]
pub struct ArchivedOut {
    /// The thread.
    pub thread_id: crate::ids::ConversationId,
    /// Always `archived`.
    pub status: crate::conversations::Status,
    /// Whether insights will be extracted, or were.
    pub insights: InsightsOut,
}

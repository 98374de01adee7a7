//! Messages of a conversation and the citations that their answers rest on.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    clock::Time,
    conversations,
    ids::{ConversationId, DocumentId, EventId, FolderId, MessageId, TenantId},
    store::{Key, Row, sort},
};

/// Who said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MessageRole)]
pub enum Role {
    /// The end user.
    User,
    /// The bot.
    Assistant,
}

/// How well the cited passages cover an answer; the rule is in [`crate::answer::confidence`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub enum Confidence {
    /// Little of it, or nothing is cited.
    Low,
    /// Part of it.
    Medium,
    /// Nearly all of it.
    High,
}

/// The passage that a part of an answer rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Citation {
    /// The document.
    pub document: DocumentId,
    /// The document's version that was quoted; a later one invalidates the quotation.
    pub version: u32,
    /// The document's folder at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<FolderId>,
    /// The document's title.
    pub title: String,
    /// Page, from 1, where the document has pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Heading above the passage, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// The passage, at most 300 characters.
    pub excerpt: String,
}

/// Tokens as the model counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// Tokens of the prompt.
    pub input_tokens: u32,
    /// Tokens of the answer.
    pub output_tokens: u32,
}

/// One message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message {
    /// Its id; ids of one conversation sort by time.
    pub id: MessageId,
    /// Whose message it is.
    pub tenant: TenantId,
    /// The conversation.
    pub conversation: ConversationId,
    /// Who said it.
    pub role: Role,
    /// What was said; an answer has markers `[n]` that count `citations` from 1.
    pub content: String,
    /// What it rests on; `None` for users' messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub citations: Option<Vec<Citation>>,
    /// How well it is covered; `None` for users' messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// The model that wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// The row with the stored answer for repetitions of the request that asked, where it stated an `Idempotency-Key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repetition: Option<Key>,
    /// Whether the answer broke off (a model error, or the deadline).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub incomplete: bool,
    /// When it was said.
    pub created_at: Time,
}

impl Message {
    /// The sort key's kind, for lists.
    pub const KIND: &'static str = "MSG";

    /// Where a message lives.
    #[must_use]
    pub fn place(tenant: &TenantId, conversation: &ConversationId, id: &MessageId) -> Key {
        conversations::partition(tenant, conversation).at(sort(Self::KIND, &[id.as_str()]))
    }

    /// Tokens that it took, those of its prompt included.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        let usage = self.usage.unwrap_or_default();
        u64::from(usage.input_tokens) + u64::from(usage.output_tokens)
    }

    /// The event that tells of this message.
    #[must_use]
    pub fn told_by(&self) -> EventId {
        EventId::of_message(&self.id)
    }
}

impl Row for Message {
    fn key(&self) -> Key {
        Self::place(&self.tenant, &self.conversation, &self.id)
    }
}

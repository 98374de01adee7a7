//! That an answer is under way, for clients that lose its stream and come back before it is stored.

use serde::{Deserialize, Serialize};

use crate::{
    clock::Time,
    conversations::Owner,
    ids::{ConversationId, MessageId, TenantId},
    store::{Key, Partition, Row},
};

/// Longest time from a question to its stored answer, in milliseconds: search, model, and some for clocks that differ.
const LONGEST: i64 = 170_000;

/// An answer that is under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Begun {
    /// Whose answer.
    pub tenant: TenantId,
    /// The answer's message.
    pub message: MessageId,
    /// The conversation, perhaps not stored yet.
    pub conversation: ConversationId,
    /// Whose conversation it is.
    pub owner: Owner,
    /// When it was asked for.
    pub asked_at: Time,
}

impl Begun {
    /// Where it is noted.
    #[must_use]
    pub fn key(tenant: &TenantId, message: &MessageId) -> Key {
        Partition::tenant(tenant, &["A", message.as_str()]).at("BEGUN".to_owned())
    }

    /// When it is stored at the latest.
    #[must_use]
    pub fn until(&self) -> Time {
        self.asked_at.plus(LONGEST)
    }
}

impl Row for Begun {
    fn key(&self) -> Key {
        Self::key(&self.tenant, &self.message)
    }

    fn expires_at(&self) -> Option<i64> {
        Some(self.until().second())
    }
}

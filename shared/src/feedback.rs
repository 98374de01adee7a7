//! Feedback: what end users say about an answer or a whole conversation. One piece for each; the last one counts.

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    clock::Time,
    conversations::{self, Conversation},
    error::Error,
    events::{Event, EventType},
    ids::{BotId, ConversationId, MessageId, TenantId},
    store::{Condition, Key, Row, Table, Transaction, TransactionError, sort},
};

/// Thumbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rating {
    /// Up.
    Up,
    /// Down.
    Down,
}

/// What somebody says about an answer or a conversation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Feedback {
    /// Whose conversation.
    pub tenant: TenantId,
    /// The conversation.
    pub conversation: ConversationId,
    /// The answer; absent = the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
    /// Thumbs up or down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<Rating>,
    /// Customer satisfaction, from 1 to 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csat: Option<u8>,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The row with the stored answer for repetitions of the request that said it, where it stated an `Idempotency-Key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repetition: Option<Key>,
    /// The credential with which it was said.
    pub credential: String,
    /// When.
    pub created_at: Time,
}

impl Feedback {
    /// Stores it, with the event that tells of it.
    ///
    /// # Errors
    /// `Conversation not found` when it went meanwhile, or the table does not answer.
    pub async fn store(&self, table: &Table, bot: &BotId) -> Result<(), Error> {
        let data = json!({
            "session_id": self.conversation,
            "message_id": self.message,
            "rating": self.rating,
            "csat": self.csat,
        });
        let event = Event::new(
            &self.tenant,
            Some(bot),
            EventType::FeedbackReceived,
            self.created_at,
            data,
        );
        let mut transaction = Transaction::default();
        transaction
            .put(self, Vec::new())?
            .create(&event)?
            .check(Conversation::key(&self.tenant, &self.conversation), Condition::Exists);
        table.transact(transaction).await.map_err(|error| match error {
            TransactionError::Condition(_) => Error::NotFound("Conversation"),
            TransactionError::Other(error) => error,
        })
    }
}

impl Row for Feedback {
    fn key(&self) -> Key {
        let about = self.message.as_ref().map_or("SESSION", MessageId::as_str);
        conversations::partition(&self.tenant, &self.conversation).at(sort("FEEDBACK", &[about]))
    }
}

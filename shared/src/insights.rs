//! Insights: what is extracted from a conversation when it is archived.

mod form;
mod prompt;
mod spoken;

pub use form::{TOOL, tool};
pub use prompt::prompt;
pub use spoken::Spoken;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    clock::Time,
    conversations,
    error::Error,
    events::{Event, EventType},
    ids::{BotId, ConversationId, InsightId, TenantId},
    store::{Condition, Key, Query, Row, Table, Update, sort},
};

/// How far an extraction has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = InsightStatus)]
pub enum Status {
    /// It waits, or is under way.
    Pending,
    /// It is there.
    Ready,
    /// It was given up.
    Failed,
}

/// How the end user felt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sentiment {
    /// Content.
    Positive,
    /// Neither.
    Neutral,
    /// Unhappy.
    Negative,
    /// Both.
    Mixed,
}

/// What a conversation says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Findings {
    /// What it was about and how it ended, in a few sentences.
    pub summary: String,
    /// Its topics, a word or a few each.
    pub topics: Vec<String>,
    /// How the end user felt.
    pub sentiment: Sentiment,
    /// Whether the end user got what they came for.
    pub resolved: bool,
    /// Questions that were not answered.
    pub unanswered_questions: Vec<String>,
    /// What somebody is to do now.
    pub action_items: Vec<String>,
    /// What the bot's makers ask for besides, by name; `null` where the conversation does not say it.
    #[serde(default)]
    pub custom: BTreeMap<String, Option<String>>,
}

/// The insights of one archiving.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Insight {
    /// Its id; ids of one conversation sort by time.
    pub id: InsightId,
    /// Whose conversation.
    pub tenant: TenantId,
    /// The conversation.
    pub conversation: ConversationId,
    /// Its bot.
    pub bot: BotId,
    /// How far it has come.
    pub status: Status,
    /// When the conversation was archived.
    pub requested_at: Time,
    /// When they were extracted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extracted_at: Option<Time>,
    /// What was found, once it is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<Findings>,
}

impl Insight {
    /// The sort key's kind, for lists.
    pub const KIND: &'static str = "INSIGHT";

    /// Insights that are to be extracted.
    #[must_use]
    pub fn pending(tenant: &TenantId, conversation: &ConversationId, bot: &BotId, now: Time) -> Self {
        Self {
            id: InsightId::new(),
            tenant: tenant.clone(),
            conversation: conversation.clone(),
            bot: bot.clone(),
            status: Status::Pending,
            requested_at: now,
            extracted_at: None,
            findings: None,
        }
    }

    /// The update that makes them ready. It happens once, also when they had been given up, and only while they are there.
    ///
    /// # Errors
    /// When a value cannot be stored.
    pub fn ready(&self, findings: &Findings, now: Time) -> Result<Update, Error> {
        Update::at(Row::key(self))
            .when(Condition::Exists)
            .when(Condition::Lacks("extracted_at"))
            .set("status", &Status::Ready)?
            .set("extracted_at", &now)?
            .set("findings", findings)
    }

    /// The update that gives them up, unless they are ready or gone.
    ///
    /// # Errors
    /// When a value cannot be stored.
    pub fn failed(&self) -> Result<Update, Error> {
        Update::at(Row::key(self))
            .when(Condition::Exists)
            .when(Condition::Lacks("extracted_at"))
            .set("status", &Status::Failed)
    }

    /// The event that tells that they are ready.
    #[must_use]
    pub fn ready_event(&self, now: Time) -> Event {
        let data = json!({"session_id": self.conversation, "insight_id": self.id});
        Event::new(&self.tenant, Some(&self.bot), EventType::InsightsReady, now, data)
    }

    /// Where they live.
    #[must_use]
    pub fn key(tenant: &TenantId, conversation: &ConversationId, id: &InsightId) -> Key {
        conversations::partition(tenant, conversation).at(sort(Self::KIND, &[id.as_str()]))
    }
}

/// The insights of the last archiving of a conversation.
///
/// # Errors
/// When the table does not answer.
pub async fn newest(table: &Table, tenant: &TenantId, id: &ConversationId) -> Result<Option<Insight>, Error> {
    let mut query = Query::newest(conversations::partition(tenant, id), Insight::KIND);
    query.limit = Some(1);
    Ok(table.query::<Insight>(query).await?.items.into_iter().next())
}

impl Row for Insight {
    fn key(&self) -> Key {
        Self::key(&self.tenant, &self.conversation, &self.id)
    }
}

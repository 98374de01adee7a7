//! The names of events.

use serde::{Deserialize, Serialize};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, schema::Type};

/// What happened. The first fourteen are what webhooks may listen to; the first eleven of those have the names that the
/// platform's page gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventType {
    /// Somebody said something in a conversation: an end user, the bot, or a person.
    NewMessage,
    /// A conversation began.
    NewSession,
    /// Somebody wants a person.
    HandoffRequested,
    /// Somebody said how good an answer or a conversation was.
    FeedbackReceived,
    /// A document was added, changed or deleted.
    KbUpdated,
    /// An automation did something.
    AutomationTriggered,
    /// A ticket was opened.
    TicketCreated,
    /// A task was assigned.
    TaskCreated,
    /// A contact was made or changed.
    ContactUpdated,
    /// Somebody was named in a note.
    Mention,
    /// A conversation was assigned to somebody.
    SessionAssigned,
    /// A conversation was archived.
    SessionArchived,
    /// Insights were extracted from an archived conversation.
    InsightsReady,
    /// A run of a routine ended.
    RoutineFinished,
    /// A code is to be sent to somebody.
    CodeRequested,
    /// A routine is to be run.
    RunRequested,
    /// A delivery is to be made again.
    RedeliveryRequested,
    /// A webhook was disabled, and its owners are to be told.
    WebhookDisabled,
    /// Documents are to be written into the index once more.
    ReindexRequested,
}

impl EventType {
    /// Those that webhooks may listen to.
    pub const PUBLIC: [Self; 14] = [
        Self::NewMessage,
        Self::NewSession,
        Self::HandoffRequested,
        Self::FeedbackReceived,
        Self::KbUpdated,
        Self::AutomationTriggered,
        Self::TicketCreated,
        Self::TaskCreated,
        Self::ContactUpdated,
        Self::Mention,
        Self::SessionAssigned,
        Self::SessionArchived,
        Self::InsightsReady,
        Self::RoutineFinished,
    ];

    /// Whether webhooks may listen to it.
    #[must_use]
    pub fn is_public(self) -> bool {
        Self::PUBLIC.contains(&self)
    }

    /// Its name, as bodies and subscriptions have it.
    #[must_use]
    pub fn name(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => name,
            // A unit variant is always a string.
            _ => String::new(),
        }
    }

    /// The event of that name, if webhooks may listen to it.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::PUBLIC.into_iter().find(|kind| kind.name() == name)
    }
}

impl utoipa::PartialSchema for EventType {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("What happened"))
            .enum_values(Some(Self::PUBLIC.map(Self::name)))
            .into()
    }
}

impl utoipa::ToSchema for EventType {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_events_have_a_name_outside() {
        assert_eq!(EventType::of_name("kb_updated"), Some(EventType::KbUpdated));
        assert_eq!(EventType::of_name("code_requested"), None);
        assert_eq!(EventType::of_name(""), None);
        assert!(
            EventType::PUBLIC
                .iter()
                .all(|kind| EventType::of_name(&kind.name()) == Some(*kind))
        );
    }
}

//! Ids: opaque to callers, 1–128 characters; those that we issue are UUIDv7, so that they sort by time.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock::Time;

/// The longest id that a caller may state, in characters.
pub const MAX_ID_CHARS: usize = 128;

/// Makes a fresh UUIDv7. Two made one after the other in one process sort in that order.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that makes ids")]
pub fn fresh() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// An id that the same `parent` and `name` always give, so that work that is done twice makes one thing. It sorts with the
/// ids of the parent's time.
#[must_use]
pub fn derived(parent: &str, name: &str) -> String {
    let hash = hex::encode(Sha256::digest(format!("{}:{parent}{name}", parent.len())));
    let time = parent.get(..13).unwrap_or(&hash[32..45]);
    format!("{time}-7{}-8{}-{}", &hash[..3], &hash[3..6], &hash[6..18])
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String, min_length = 1, max_length = 128)]
        pub struct $name(String);

        impl $name {
            /// A fresh id.
            #[must_use]
            #[expect(clippy::new_without_default, reason = "a fresh id is not a default one")]
            pub fn new() -> Self {
                Self(fresh())
            }

            /// An id that a caller states, when it has a length that an id can have.
            pub fn parse(text: impl Into<String>) -> Option<Self> {
                let text = text.into();
                (1..=MAX_ID_CHARS).contains(&text.chars().count()).then_some(Self(text))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// The isolation boundary: a tenant owns everything else.
    TenantId
);
id!(
    /// An assistant with its instructions, model, knowledge and settings.
    BotId
);
id!(
    /// Somebody who signs in.
    MemberId
);
id!(
    /// A sign-in of a member, with the refresh tokens that follow from it.
    SessionId
);
id!(
    /// An erasure that goes on in the background.
    ErasureId
);
id!(
    /// An API key (its id, not its secret).
    KeyId
);
impl TenantId {
    /// Nobody's: for events that begin outside of all tenants. No id that we issue is this one.
    #[must_use]
    pub fn nobody() -> Self {
        Self("-".to_owned())
    }
}
id!(
    /// The messages of one end user with one bot.
    ConversationId
);
id!(
    /// One message of a conversation.
    MessageId
);
id!(
    /// A document that answers are drawn from.
    DocumentId
);
id!(
    /// A folder of documents.
    FolderId
);
id!(
    /// Something that happened.
    EventId
);
id!(
    /// What was extracted from a conversation when it was archived.
    InsightId
);
id!(
    /// A saved prompt of a bot, run on demand or on a schedule.
    RoutineId
);
id!(
    /// One run of a routine.
    RunId
);

id!(
    /// Who wants to know what happens.
    WebhookId
);
id!(
    /// One event that one webhook is told of.
    DeliveryId
);
id!(
    /// A person whom the team knows.
    ContactId
);

impl ConversationId {
    /// The session that an app knows under `session`: private to its credential.
    #[must_use]
    pub fn of_app(credential: &str, session: &str) -> Self {
        Self(format!("{credential}~{session}"))
    }

    /// The id by which an app knows a session.
    #[must_use]
    pub fn app_session(&self) -> &str {
        self.0.rsplit_once('~').map_or(&self.0, |(_, session)| session)
    }
}

impl RunId {
    /// The run of an occurrence of a schedule: always the same, and it sorts with ids of that time.
    #[must_use]
    pub fn of_occurrence(routine: &RoutineId, at: Time) -> Self {
        let millisecond = at.millisecond();
        let time = format!("{:08x}-{:04x}", millisecond >> 16, millisecond & 0xffff);
        Self(derived(&time, routine.as_str()))
    }
}

impl DeliveryId {
    /// The delivery of an event to a webhook: always the same, so that what is told twice is one delivery.
    #[must_use]
    pub fn of(event: &EventId, webhook: &WebhookId) -> Self {
        Self(derived(event.as_str(), webhook.as_str()))
    }
}

impl EventId {
    /// The event that tells of a message.
    #[must_use]
    pub fn of_message(message: &MessageId) -> Self {
        Self(derived(message.as_str(), "new_message"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_id_is_always_the_same_and_sorts_with_its_parent() {
        let (parent, other) = (fresh(), fresh());
        let id = derived(&parent, "a");
        assert_eq!(id, derived(&parent, "a"));
        assert!(id != derived(&parent, "b") && id != derived(&other, "a"));
        assert_eq!((id.len(), &id[..13]), (36, &parent[..13]));
        assert_eq!(derived("short", "a").len(), 36);
    }

    #[test]
    fn the_run_of_an_occurrence_sorts_among_runs_of_that_time() {
        let now = crate::clock::Clock::default().now();
        let routine = RoutineId::new();
        let at = |minutes: i64| RunId::of_occurrence(&routine, now.plus(minutes * 60_000));
        assert_eq!(at(0), at(0));
        assert!(at(0) != RunId::of_occurrence(&RoutineId::new(), now));
        assert!(at(-1) < RunId::new() && RunId::new() < at(1));
        assert_eq!(at(0).as_str().len(), 36);
    }
}

//! What can happen. An event is written in the same transaction as the change that it tells of; `relay` picks it up from
//! the table's stream.

mod jobs;
mod kinds;
mod sender;
mod signature;

pub use jobs::{Deliver, Job, Label, Told};
pub use kinds::EventType;
pub use sender::Sender;
pub use signature::{BadSecret, SigningSecret};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    clock::Time,
    codes::Purpose,
    error::Error,
    ids::{BotId, EventId, MessageId, TenantId},
    logins::Email,
    store::{Key, Partition, Row},
    usage::Spent,
};

/// How long an event stays in the outbox, in seconds.
const KEPT: i64 = 7 * 24 * 3600;

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
    /// The question that an answer's event tells of, too: both are written together, and one item costs less than two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Question>,
    /// What an answer took, to be counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<Spent>,
    /// What is to be done about it, never shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<Job>,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Its message.
    pub message: MessageId,
    /// When it was asked.
    pub at: Time,
}

/// The body that receivers get: exactly this.
#[derive(Serialize)]
struct Body<'a> {
    id: &'a EventId,
    #[serde(rename = "type")]
    kind: EventType,
    timestamp: Time,
    bot_id: Option<&'a BotId>,
    data: &'a Value,
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
            asked: None,
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
    /// What webhooks are told of it, in the order in which it happened; nothing of what is nobody's business outside.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn told(&self) -> Result<Vec<Told>, Error> {
        if !self.kind.is_public() {
            return Ok(Vec::new());
        }
        let mut told = Vec::new();
        if let Some(asked) = &self.asked {
            let data = json!({
                "session_id": self.data["session_id"],
                "message_id": asked.message,
                "role": "user",
            });
            told.push(self.tell(&EventId::of_message(&asked.message), asked.at, &data)?);
        }
        told.push(self.tell(&self.id, self.timestamp, &self.data)?);
        Ok(told)
    }

    fn tell(&self, id: &EventId, timestamp: Time, data: &Value) -> Result<Told, Error> {
        let body = Body {
            id,
            kind: self.kind,
            timestamp,
            bot_id: self.bot.as_ref(),
            data,
        };
        Ok(Told {
            event: id.clone(),
            kind: self.kind,
            body: serde_json::to_string(&body).map_err(Error::internal)?,
        })
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn a_body_has_exactly_five_fields_and_an_answer_tells_of_its_question_first() {
        let now = Clock::default().now();
        let message = MessageId::new();
        let data = json!({"session_id": "s", "message_id": "a", "role": "assistant"});
        let mut event = Event::new(&TenantId::new(), None, EventType::NewMessage, now, data.clone());
        event.asked = Some(Question {
            message: message.clone(),
            at: now.plus(-5),
        });
        let told = event.told().unwrap();
        let bodies: Vec<Value> = told
            .iter()
            .map(|told| serde_json::from_str(&told.body).unwrap())
            .collect();
        assert_eq!(
            bodies[1],
            json!({"id": event.id, "type": "new_message", "timestamp": now, "bot_id": null, "data": data})
        );
        assert_eq!(bodies[0]["id"], json!(EventId::of_message(&message)));
        assert_eq!(
            bodies[0]["data"],
            json!({"session_id": "s", "message_id": message, "role": "user"})
        );
        assert_eq!(bodies[0]["timestamp"], json!(now.plus(-5)));
    }

    #[test]
    fn what_is_nobodys_business_is_told_to_nobody() {
        let now = Clock::default().now();
        let email = Email::parse("ann@example.com").unwrap();
        let event = Event::code_requested(None, email, Purpose::ResetPassword, now);
        assert!(event.told().unwrap().is_empty());
    }
}

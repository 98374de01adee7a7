//! Webhooks and deliveries on the wire.

use serde::Serialize;
use serde_json::Value;
use shared::{
    clock::Time,
    deliveries::{Attempt, Delivery, Problem, Status, Trigger},
    events::{EventType, SigningSecret},
    ids::{BotId, DeliveryId, EventId, WebhookId},
    webhooks::{DisabledBecause, Webhook},
};
use utoipa::ToSchema;

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Webhook)]
pub(crate) struct WebhookOut {
    /// Its id.
    id: WebhookId,
    /// The bot whose events it hears; it also hears what is about all bots.
    bot_id: BotId,
    /// Where they are sent.
    url: String,
    /// Those that it listens to.
    events: Vec<EventType>,
    /// What it is for.
    description: Option<String>,
    /// Whether anything is sent.
    enabled: bool,
    /// Why nothing is sent, when nobody asked for that: `gone` (it answered 410), or `failing` (nothing but failure for five
    /// days).
    disabled_reason: Option<DisabledBecause>,
    /// When that happened.
    disabled_at: Option<Time>,
    /// Since when every attempt has failed.
    failing_since: Option<Time>,
    /// Until when it counts as slow, because it took more than two seconds to answer: it gets 20 attempts at once, about.
    slow_until: Option<Time>,
    /// Until when the secret before the last rotation signs too.
    previous_secret_until: Option<Time>,
    /// The secret that signs. It is shown here, once, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// When it was made.
    created_at: Time,
    /// When it was last changed.
    updated_at: Time,
}

impl WebhookOut {
    /// A webhook as it is listed.
    pub(crate) fn new(webhook: Webhook, now: Time) -> Self {
        let (disabled_reason, disabled_at) = webhook
            .disabled
            .filter(|_| !webhook.enabled)
            .map(|disabled| (disabled.reason, disabled.at))
            .unzip();
        Self {
            id: webhook.id,
            bot_id: webhook.bot,
            url: webhook.url,
            events: webhook.events,
            description: webhook.description,
            enabled: webhook.enabled,
            disabled_reason,
            disabled_at,
            failing_since: webhook.failing_since,
            slow_until: webhook.slow.map(|slow| slow.until).filter(|until| now < *until),
            previous_secret_until: webhook
                .previous
                .map(|previous| previous.until)
                .filter(|until| now < *until),
            secret: None,
            created_at: webhook.created_at,
            updated_at: webhook.updated_at,
        }
    }

    /// A webhook with its fresh secret.
    pub(crate) fn with_secret(webhook: Webhook, secret: &SigningSecret, now: Time) -> Self {
        Self {
            secret: Some(secret.reveal()),
            ..Self::new(webhook, now)
        }
    }
}

/// One event that one webhook is told of.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(crate) struct DeliveryOut {
    /// Its id.
    id: DeliveryId,
    /// The webhook.
    webhook_id: WebhookId,
    /// What happened.
    event: EventType,
    /// The event's id: `webhook-id` of every attempt, and `id` of the body.
    event_id: EventId,
    /// Why it is delivered: something happened, or somebody tried the webhook out.
    trigger: Trigger,
    /// How far it has come.
    status: Status,
    /// The attempts, oldest first; of more than 20 the last 20.
    attempts: Vec<AttemptOut>,
    /// The HTTP status of the last answer, also of one that broke off; `null` = none came.
    response_status: Option<u16>,
    /// The beginning of the last answer's body, at most 500 characters.
    response_excerpt: Option<String>,
    /// How long the last attempt took, in milliseconds.
    duration_ms: Option<u32>,
    /// Why there is no other attempt, when that is not because the last one failed.
    problem: Option<Problem>,
    /// When the next attempt is due; `null` = there is none.
    next_attempt_at: Option<Time>,
    /// When it began.
    created_at: Time,
    /// What is sent; only when one delivery is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    body: Option<Value>,
}

/// One attempt.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeliveryAttempt)]
struct AttemptOut {
    /// Which one, from 1. A number may come twice when a worker died before it could note its attempt.
    number: u32,
    /// When it began.
    at: Time,
    /// How long it took, in milliseconds.
    duration_ms: u32,
    /// The HTTP status of the answer; `null` = none came.
    response_status: Option<u16>,
    /// The beginning of the answer's body, at most 500 characters.
    response_excerpt: Option<String>,
    /// Why it failed; `null` = the receiver took it.
    error: Option<Problem>,
}

impl DeliveryOut {
    /// A delivery with what is sent.
    pub(crate) fn whole(delivery: Delivery) -> Self {
        let body = serde_json::from_str(&delivery.body).ok();
        Self {
            body,
            ..Self::from(delivery)
        }
    }
}

impl From<Delivery> for DeliveryOut {
    fn from(delivery: Delivery) -> Self {
        let last = delivery.attempts.last();
        Self {
            response_status: last.and_then(|last| last.response_status),
            response_excerpt: last.and_then(|last| last.response_excerpt.clone()),
            duration_ms: last.map(|last| last.duration_ms),
            id: delivery.id,
            webhook_id: delivery.webhook,
            event: delivery.kind,
            event_id: delivery.event,
            trigger: delivery.trigger,
            status: delivery.status,
            attempts: delivery.attempts.into_iter().map(AttemptOut::from).collect(),
            problem: delivery.problem,
            next_attempt_at: delivery.next_attempt_at,
            created_at: delivery.created_at,
            body: None,
        }
    }
}

impl From<Attempt> for AttemptOut {
    fn from(attempt: Attempt) -> Self {
        Self {
            number: attempt.number,
            at: attempt.at,
            duration_ms: attempt.duration_ms,
            response_status: attempt.response_status,
            response_excerpt: attempt.response_excerpt,
            error: attempt.problem,
        }
    }
}

//! A webhook as it is sent.

use serde::Deserialize;
use shared::{error::Error, events::EventType, events::SigningSecret, webhooks::Webhook};
use utoipa::ToSchema;

/// Most characters of a description.
const MAX_DESCRIPTION: usize = 500;
/// Longest time for which a replaced secret may still sign, in seconds: a week.
const MAX_GRACE: u32 = 604_800;
/// The same, when nothing is said: a day.
const GRACE: u32 = 86_400;

/// A new webhook.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct WebhookIn {
    /// The bot whose events it hears; absent = the tenant's default bot.
    #[schema(min_length = 1, max_length = 128)]
    pub(crate) bot_id: Option<String>,
    /// Where they are sent: `https`, and no private address.
    #[schema(value_type = String, required, min_length = 1, max_length = 2048)]
    url: Option<String>,
    /// Those that it listens to.
    #[schema(value_type = Vec<EventType>, required, min_items = 1)]
    events: Option<Vec<String>>,
    /// What it is for.
    #[schema(max_length = 500)]
    description: Option<String>,
    /// The secret that signs, as `whsec_` and the base64 of 24 to 64 bytes; absent = a fresh one.
    #[schema(max_length = 100)]
    secret: Option<String>,
}

/// Changes of a webhook: absent (or `null`) means unchanged.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct WebhookPatch {
    /// Where events are sent.
    #[schema(min_length = 1, max_length = 2048)]
    pub(crate) url: Option<String>,
    /// Those that it listens to.
    #[schema(value_type = Option<Vec<EventType>>, min_items = 1)]
    events: Option<Vec<String>>,
    /// What it is for; empty = nothing said.
    #[schema(max_length = 500)]
    description: Option<String>,
    /// Whether anything is sent. `true` also enables one that was disabled because it failed.
    enabled: Option<bool>,
}

/// How a secret is rotated.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = WebhookRotateIn)]
pub(crate) struct RotateIn {
    /// Seconds for which the secret that is replaced signs too.
    #[schema(maximum = 604_800, default = 86_400)]
    grace_seconds: Option<u32>,
}

/// What a test sends.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = WebhookTestIn)]
pub(crate) struct TestIn {
    /// The event; absent = the first that the webhook listens to.
    #[schema(value_type = Option<EventType>)]
    event: Option<String>,
}

impl WebhookIn {
    /// URL and secret, and everything else as changes of a webhook with defaults.
    pub(crate) fn parts(self) -> Result<(String, SigningSecret, WebhookPatch), Error> {
        let url = self.url.filter(|url| !url.is_empty());
        let url = url.ok_or_else(|| Error::field("url", "is required"))?;
        let secret = match self.secret.as_deref().filter(|secret| !secret.is_empty()) {
            Some(stated) => SigningSecret::parse(stated).map_err(|why| Error::field("secret", why.to_string()))?,
            None => SigningSecret::generate(),
        };
        let patch = WebhookPatch {
            url: None,
            events: Some(self.events.unwrap_or_default()),
            description: self.description,
            enabled: None,
        };
        Ok((url, secret, patch))
    }
}

impl WebhookPatch {
    /// Checks what is stated and changes it, apart from the URL.
    pub(crate) fn apply(&self, webhook: &mut Webhook) -> Result<(), Error> {
        if let Some(stated) = &self.events {
            webhook.events = events(stated)?;
        }
        if let Some(description) = self.description.as_deref().map(str::trim) {
            if description.chars().count() > MAX_DESCRIPTION {
                let reason = format!("must have at most {MAX_DESCRIPTION} characters");
                return Err(Error::field("description", reason));
            }
            webhook.description = (!description.is_empty()).then(|| description.to_owned());
        }
        if let Some(enabled) = self.enabled {
            webhook.enabled = enabled;
            webhook.disabled = None;
        }
        Ok(())
    }
}

impl RotateIn {
    /// Milliseconds for which the secret that is replaced signs too.
    pub(crate) fn grace(&self) -> Result<i64, Error> {
        match self.grace_seconds.unwrap_or(GRACE) {
            seconds if seconds > MAX_GRACE => {
                Err(Error::field("grace_seconds", format!("must be from 0 to {MAX_GRACE}")))
            }
            seconds => Ok(i64::from(seconds) * 1000),
        }
    }
}

impl TestIn {
    /// The event that a test of this webhook sends.
    pub(crate) fn event(&self, webhook: &Webhook) -> Result<EventType, Error> {
        match self.event.as_deref().filter(|name| !name.is_empty()) {
            Some(name) => event("event", name),
            None => Ok(webhook.events.first().copied().unwrap_or(EventType::NewMessage)),
        }
    }
}

fn events(stated: &[String]) -> Result<Vec<EventType>, Error> {
    if stated.is_empty() {
        return Err(Error::field("events", format!("must name at least one of {}", all())));
    }
    let mut events = Vec::new();
    for (n, name) in stated.iter().enumerate() {
        let event = event(&format!("events[{n}]"), name)?;
        if !events.contains(&event) {
            events.push(event);
        }
    }
    Ok(events)
}

fn event(field: &str, name: &str) -> Result<EventType, Error> {
    EventType::of_name(name).ok_or_else(|| Error::field(field, format!("{name:?} is no event; there are {}", all())))
}

fn all() -> String {
    EventType::PUBLIC.map(EventType::name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use shared::{clock::Clock, ids::BotId, ids::TenantId, sealing::SealingKey};

    fn webhook() -> Webhook {
        let key = SealingKey::parse(&SealingKey::generate()).unwrap();
        let bot = (&TenantId::new(), &BotId::new());
        let now = Clock::default().now();
        let secret = SigningSecret::generate();
        Webhook::new(
            bot,
            "https://example.com/".to_owned(),
            vec![EventType::KbUpdated],
            &secret,
            &key,
            now,
        )
        .unwrap()
    }

    fn refused(outcome: Result<impl Sized, Error>) -> String {
        let Err(Error::Invalid { fields, .. }) = outcome else {
            panic!("it is accepted")
        };
        fields.into_keys().next().unwrap()
    }

    fn patch(body: Value) -> Result<Webhook, Error> {
        let patch: WebhookPatch = serde_json::from_value(body).unwrap();
        let mut webhook = webhook();
        patch.apply(&mut webhook).map(|()| webhook)
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        assert_eq!(refused(patch(json!({"events": []}))), "events");
        assert_eq!(
            refused(patch(json!({"events": ["kb_updated", "nonsense"]}))),
            "events[1]"
        );
        assert_eq!(refused(patch(json!({"events": ["code_requested"]}))), "events[0]");
        assert_eq!(refused(patch(json!({"description": "x".repeat(501)}))), "description");
        let made = |body: Value| serde_json::from_value::<WebhookIn>(body).unwrap().parts();
        assert_eq!(refused(made(json!({}))), "url");
        assert_eq!(refused(made(json!({"url": "x", "secret": "whsec_c2hvcnQ="}))), "secret");
        let long = RotateIn {
            grace_seconds: Some(MAX_GRACE + 1),
        };
        assert_eq!(refused(long.grace()), "grace_seconds");
        assert_eq!(RotateIn::default().grace().unwrap(), 86_400_000);
    }

    #[test]
    fn only_what_is_stated_changes() {
        let changed = patch(json!({"events": ["new_message", "new_message"], "enabled": null})).unwrap();
        assert_eq!((changed.events, changed.enabled), (vec![EventType::NewMessage], true));
        let changed = patch(json!({"description": " Orders ", "enabled": false})).unwrap();
        assert_eq!(changed.description.as_deref(), Some("Orders"));
        assert_eq!((changed.events, changed.enabled), (vec![EventType::KbUpdated], false));
    }
}

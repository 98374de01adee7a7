//! Webhooks: who wants to know what happens to a bot, and where.

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    clock::Time,
    error::{Error, chain},
    events::{Event, EventType, Job, SigningSecret},
    ids::{BotId, TenantId, WebhookId},
    sealing::SealingKey,
    store::{Condition, Key, Partition, Query, Row, Table, Transaction, Update, sort},
};

/// Where a bot's events are sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose webhook it is.
    pub tenant: TenantId,
    /// The bot whose events it hears. It also hears what is about all bots of the tenant.
    pub bot: BotId,
    /// Where they are sent.
    pub url: String,
    /// Those that it listens to.
    pub events: Vec<EventType>,
    /// What its maker says about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The secret that signs, sealed for this webhook: see [`crate::sealing`].
    pub secret: String,
    /// The secret before the last rotation, which signs too for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
    /// Whether anything is sent.
    pub enabled: bool,
    /// Why nothing is sent, when it was not its owner who said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<Disabled>,
    /// Since when every attempt has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Time>,
    /// That it took long to answer a moment ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow: Option<Slow>,
    /// Counts its changes, so that of two at once none is lost.
    #[serde(default)]
    pub revision: u32,
    /// When it was made.
    pub created_at: Time,
    /// When its owner last changed it.
    pub updated_at: Time,
}

/// That a receiver takes long to answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slow {
    /// Until when it counts as slow.
    pub until: Time,
    /// How long its last slow answer took, in milliseconds.
    pub took_ms: u32,
}

/// A secret that was replaced.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Previous {
    /// The secret, sealed.
    pub secret: String,
    /// Until when it signs.
    pub until: Time,
}

/// Why a webhook was disabled without its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisabledBecause {
    /// It answered 410 Gone.
    Gone,
    /// Nothing but failure for days.
    Failing,
}

/// That a webhook was disabled without its owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disabled {
    /// Why.
    pub reason: DisabledBecause,
    /// When.
    pub at: Time,
    /// Whether its owners have been told.
    #[serde(default)]
    pub told: bool,
}

impl Webhook {
    /// The sort key's kind, for lists.
    pub const KIND: &'static str = "WEBHOOK";
    /// Most webhooks of a bot.
    pub const MOST: usize = 20;
    /// Milliseconds of nothing but failure after which a webhook is disabled, when a delivery is given up: 5 days.
    pub const PATIENCE: i64 = 5 * 24 * 3_600_000;

    /// A new webhook, its secret sealed for it.
    ///
    /// # Errors
    /// When the secret cannot be sealed.
    pub fn new(
        bot: (&TenantId, &BotId),
        url: String,
        events: Vec<EventType>,
        secret: &SigningSecret,
        key: &SealingKey,
        now: Time,
    ) -> Result<Self, Error> {
        let id = WebhookId::new();
        Ok(Self {
            secret: key.seal(id.as_str(), secret.bytes())?,
            id,
            tenant: bot.0.clone(),
            bot: bot.1.clone(),
            url,
            events,
            description: None,
            previous: None,
            enabled: true,
            disabled: None,
            failing_since: None,
            slow: None,
            revision: 0,
            created_at: now,
            updated_at: now,
        })
    }

    /// Where a webhook lives: the webhooks of one bot lie together, and those of a tenant too.
    #[must_use]
    pub fn key(tenant: &TenantId, bot: &BotId, id: &WebhookId) -> Key {
        partition(tenant).at(sort(Self::KIND, &[bot.as_str(), id.as_str()]))
    }

    /// Whether events of this kind are for it. Those of one that was disabled without its owner are, too: the log notes what
    /// it misses, so that it can be sent again.
    #[must_use]
    pub fn listens_to(&self, kind: EventType) -> bool {
        (self.enabled || self.disabled.is_some()) && self.events.contains(&kind)
    }

    /// How slow it is, when it took long to answer a moment ago.
    #[must_use]
    pub fn slow_at(&self, now: Time) -> Option<&Slow> {
        self.slow.as_ref().filter(|slow| now < slow.until)
    }

    /// A note about it that holds for the address that it has now: for another one it says nothing.
    ///
    /// # Errors
    /// When the condition cannot be written.
    pub fn note(&self) -> Result<Update, Error> {
        Ok(Update::at(Row::key(self)).when(Condition::is("url", &self.url)?))
    }

    /// The secrets that sign now: the one that is in force first. One whose grace runs and that does not open any more, since
    /// the sealing key was replaced, is left out.
    ///
    /// # Errors
    /// When the one that is in force does not open.
    pub fn secrets(&self, key: &SealingKey, now: Time) -> Result<Vec<SigningSecret>, Error> {
        let opened = |sealed| SigningSecret::from_bytes(key.open(self.id.as_str(), sealed)?).map_err(Error::internal);
        let mut secrets = vec![opened(&self.secret)?];
        if let Some(previous) = self.previous.as_ref().filter(|previous| now < previous.until) {
            match opened(&previous.secret) {
                Ok(secret) => secrets.push(secret),
                Err(error) => {
                    tracing::warn!(webhook = %self.id, cause = %chain(&error), "a former secret does not open")
                }
            }
        }
        Ok(secrets)
    }

    /// That its owner did not change it since it was read, and nobody disabled it.
    ///
    /// # Errors
    /// When the condition cannot be written.
    pub fn unchanged(&self) -> Result<Condition, Error> {
        Condition::is("revision", &self.revision)
    }

    /// Its owner's changes. What deliveries note meanwhile stays, unless it is enabled anew.
    ///
    /// # Errors
    /// When a value cannot be stored.
    pub fn changed(&self, before: &Self) -> Result<Update, Error> {
        let update = Update::at(Row::key(self))
            .when(before.unchanged()?)
            .set("url", &self.url)?
            .set("events", &self.events)?
            .set_or_remove("description", self.description.as_ref())?
            .set("secret", &self.secret)?
            .set_or_remove("previous", self.previous.as_ref())?
            .set("enabled", &self.enabled)?
            .set_or_remove("disabled", self.disabled.as_ref())?
            .set("updated_at", &self.updated_at)?
            .add("revision", 1);
        match self.enabled && (!before.enabled || self.url != before.url) {
            true => update
                .set_or_remove::<Time>("failing_since", None)?
                .set_or_remove::<Slow>("slow", None),
            false => Ok(update),
        }
    }

    /// Disables it, with the event that has its owners told; the condition fails when it is disabled already, gone, or has
    /// another address.
    ///
    /// # Errors
    /// When a value cannot be stored.
    pub fn disabling(&self, reason: DisabledBecause, now: Time) -> Result<Transaction, Error> {
        let update = self
            .note()?
            .when(Condition::is("enabled", &true)?)
            .set("enabled", &false)?
            .set(
                "disabled",
                &Disabled {
                    reason,
                    at: now,
                    told: false,
                },
            )?
            .add("revision", 1);
        let data = json!({"webhook_id": self.id, "reason": reason});
        let told = Job::WebhookDisabled {
            bot: self.bot.clone(),
            webhook: self.id.clone(),
        };
        let event = Event::new(&self.tenant, Some(&self.bot), EventType::WebhookDisabled, now, data).with([told]);
        let mut transaction = Transaction::default();
        transaction.update(update).create(&event)?;
        Ok(transaction)
    }
}

impl Row for Webhook {
    fn key(&self) -> Key {
        Self::key(&self.tenant, &self.bot, &self.id)
    }
}

/// Whose a webhook is: its id alone does not say it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Place {
    /// The tenant.
    pub tenant: TenantId,
    /// The webhook.
    pub webhook: WebhookId,
    /// Its bot.
    pub bot: BotId,
}

impl Place {
    /// Where it is found out whose a webhook is.
    #[must_use]
    pub fn key(tenant: &TenantId, webhook: &WebhookId) -> Key {
        partition(tenant).at(sort("ID", &[webhook.as_str()]))
    }
}

impl From<&Webhook> for Place {
    fn from(webhook: &Webhook) -> Self {
        Self {
            tenant: webhook.tenant.clone(),
            webhook: webhook.id.clone(),
            bot: webhook.bot.clone(),
        }
    }
}

impl Row for Place {
    fn key(&self) -> Key {
        Self::key(&self.tenant, &self.webhook)
    }
}

/// That a bot's webhooks are made one after the other, so that there are never too many.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Making {
    /// How many were made so far.
    pub made: u32,
}

impl Making {
    /// Where that of a bot lives.
    #[must_use]
    pub fn key(tenant: &TenantId, bot: &BotId) -> Key {
        partition(tenant).at(sort("MAKING", &[bot.as_str()]))
    }
}

/// The partition of a tenant's webhooks.
#[must_use]
pub fn partition(tenant: &TenantId) -> Partition {
    Partition::tenant(tenant, &["W"])
}

/// The webhooks of a bot, newest first, or all of the tenant's.
///
/// # Errors
/// When the table does not answer.
pub async fn of_bot(table: &Table, tenant: &TenantId, bot: Option<&BotId>) -> Result<Vec<Webhook>, Error> {
    let kind = match bot {
        Some(bot) => sort(Webhook::KIND, &[bot.as_str()]),
        None => Webhook::KIND.to_owned(),
    };
    let mut found = Vec::new();
    let mut pages = table.pages(Query::newest(partition(tenant), &kind));
    while let Some(page) = pages.next::<Webhook>().await? {
        found.extend(page);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    fn webhook(secret: &SigningSecret, key: &SealingKey) -> Webhook {
        let now = Clock::default().now();
        let bot = (&TenantId::new(), &BotId::new());
        let events = vec![EventType::KbUpdated];
        Webhook::new(bot, "https://example.com/".to_owned(), events, secret, key, now).unwrap()
    }

    #[test]
    fn the_secret_before_signs_until_its_grace_ends() {
        let key = SealingKey::parse(&SealingKey::generate()).unwrap();
        let (old, new) = (SigningSecret::generate(), SigningSecret::generate());
        let mut webhook = webhook(&old, &key);
        let now = webhook.created_at;
        assert_eq!(webhook.secrets(&key, now).unwrap(), std::slice::from_ref(&old));
        let until = now.plus(1000);
        webhook.previous = Some(Previous {
            secret: std::mem::replace(&mut webhook.secret, key.seal(webhook.id.as_str(), new.bytes()).unwrap()),
            until,
        });
        assert_eq!(webhook.secrets(&key, until.plus(-1)).unwrap(), [new.clone(), old]);
        assert_eq!(webhook.secrets(&key, until).unwrap(), [new]);
        assert!(!serde_json::to_string(&webhook).unwrap().contains("whsec_"));
    }

    #[test]
    fn a_former_secret_that_no_longer_opens_is_left_out_and_the_present_one_must_open() {
        let [lost, key] = [(); 2].map(|()| SealingKey::parse(&SealingKey::generate()).unwrap());
        let (old, new) = (SigningSecret::generate(), SigningSecret::generate());
        let mut webhook = webhook(&old, &lost);
        let now = webhook.created_at;
        assert!(webhook.secrets(&key, now).is_err());
        webhook.previous = Some(Previous {
            secret: std::mem::replace(&mut webhook.secret, key.seal(webhook.id.as_str(), new.bytes()).unwrap()),
            until: now.plus(1000),
        });
        assert_eq!(webhook.secrets(&key, now).unwrap(), [new]);
    }

    #[test]
    fn a_webhook_that_its_owner_disabled_listens_to_nothing() {
        let key = SealingKey::parse(&SealingKey::generate()).unwrap();
        let mut webhook = webhook(&SigningSecret::generate(), &key);
        assert!(webhook.listens_to(EventType::KbUpdated) && !webhook.listens_to(EventType::NewMessage));
        webhook.enabled = false;
        assert!(!webhook.listens_to(EventType::KbUpdated));
        webhook.disabled = Some(Disabled {
            reason: DisabledBecause::Gone,
            at: webhook.created_at,
            told: false,
        });
        assert!(webhook.listens_to(EventType::KbUpdated), "its log notes what it misses");
    }
}

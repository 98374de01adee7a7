//! Bots: assistants with their instructions, model, knowledge and settings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    clock::Time,
    error::Error,
    ids::{BotId, TenantId},
    keys::{Secret, random_text},
    limits::RateLimits,
    store::{Condition, Key, Partition, Row, Transaction, sort},
};

/// An assistant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bot {
    /// Its id.
    pub id: BotId,
    /// Whose bot it is.
    pub tenant: TenantId,
    /// What it is called.
    pub name: String,
    /// What it is about, in a word or two (`support`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// What its makers tell the model about it.
    #[serde(default)]
    pub instructions: String,
    /// The model of its answers; absent = the deployment's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The language of its answers, as a BCP 47 tag; absent = the question's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// What a widget says first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub welcome_message: Option<String>,
    /// When it hands over to people.
    #[serde(default)]
    pub handoff: Handoff,
    /// What is extracted from its conversations.
    #[serde(default)]
    pub insights: Insights,
    /// Days after which a conversation without a new message is erased; absent = never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// The origins of pages that may use its public token, widget keys and app keys; empty = any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_origins: Vec<String>,
    /// The look of its widget, as its makers wrote it.
    #[serde(default, skip_serializing_if = "Map::is_empty", with = "crate::store::json_text")]
    pub widget: Map<String, Value>,
    /// The most that it may cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Other rate limits than the usual ones for its visitors, by public token or widget key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limits: Option<RateLimits>,
    /// Its publishable token, harmless in a web page.
    pub public_token: String,
    /// Shared with the team's own back end, which proves visitors' ids with it.
    pub identity_secret: String,
    /// Signs visitor tokens; never shown.
    pub visitor_secret: String,
    /// Whether it answers.
    pub active: bool,
    /// Counts its changes, so that of two at once none is lost.
    #[serde(default)]
    pub revision: u32,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// When a bot hands over to people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Handoff {
    /// Whether it offers a person at all.
    #[serde(default)]
    pub enabled: bool,
}

/// What is extracted from a bot's conversations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Insights {
    /// When.
    #[serde(default)]
    pub mode: InsightsMode,
    /// What else is to be extracted: by name, what it is. At most 10.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub custom: BTreeMap<String, String>,
}

/// When insights are extracted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InsightsMode {
    /// Never.
    #[default]
    Off,
    /// When a conversation is archived.
    Archive,
}

/// The most that a bot may cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Budget {
    /// In a calendar month (UTC), in USD. Counted when an answer is stored, so that answers under way at that moment may
    /// exceed it by what they cost. Models without a price (see the deployment's `ModelPrices`) count as nothing.
    pub monthly_usd: f64,
}

impl Bot {
    /// The sort key's kind, for lists.
    pub const KIND: &'static str = "BOT";
    /// Most characters of its name.
    pub const MAX_NAME: usize = 100;

    /// A new bot that answers, with defaults for everything but its name.
    #[must_use]
    pub fn new(tenant: &TenantId, name: &str, now: Time) -> Self {
        Self {
            id: BotId::new(),
            tenant: tenant.clone(),
            name: name.to_owned(),
            domain: None,
            instructions: String::new(),
            model: None,
            language: None,
            welcome_message: None,
            handoff: Handoff::default(),
            insights: Insights::default(),
            retention_days: None,
            allowed_origins: Vec::new(),
            widget: Map::new(),
            budget: None,
            rate_limits: None,
            public_token: Secret::publishable().reveal().to_owned(),
            identity_secret: random_text(),
            visitor_secret: random_text(),
            active: true,
            revision: 0,
            created_at: now,
            updated_at: now,
        }
    }

    /// A new bot with the settings of this one, under ids, tokens and secrets of its own.
    #[must_use]
    pub fn duplicate(&self, now: Time) -> Self {
        const SUFFIX: &str = " (copy)";
        let kept = Self::MAX_NAME - SUFFIX.len();
        let name: String = self.name.chars().take(kept).chain(SUFFIX.chars()).collect();
        let fresh = Self::new(&self.tenant, &name, now);
        Self {
            id: fresh.id,
            name: fresh.name,
            public_token: fresh.public_token,
            identity_secret: fresh.identity_secret,
            visitor_secret: fresh.visitor_secret,
            active: fresh.active,
            revision: fresh.revision,
            created_at: fresh.created_at,
            updated_at: fresh.updated_at,
            ..self.clone()
        }
    }

    /// Where a bot lives.
    #[must_use]
    pub fn key(tenant: &TenantId, bot: &BotId) -> Key {
        Partition::tenant(tenant, &[]).at(sort(Self::KIND, &[bot.as_str()]))
    }

    /// Adds a new bot, and how its public token leads to it, to a transaction.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn create_in(&self, transaction: &mut Transaction) -> Result<(), Error> {
        transaction.create(self)?;
        if let Some(row) = self.public_row() {
            transaction.create(&row)?;
        }
        Ok(())
    }

    /// Adds this bot, changed, to a transaction in place of what it was. The transaction fails when somebody else changed or
    /// deleted it meanwhile.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn replace_in(&self, before: &Self, transaction: &mut Transaction) -> Result<(), Error> {
        let after = Self {
            revision: before.revision + 1,
            ..self.clone()
        };
        transaction.put(&after, vec![before.unchanged()?])?;
        Ok(())
    }

    /// That nobody changed or deleted it since it was read.
    ///
    /// # Errors
    /// When the condition cannot be written.
    pub fn unchanged(&self) -> Result<Condition, Error> {
        Condition::is("revision", &self.revision)
    }

    /// The row by which its public token is found.
    #[must_use]
    pub fn public_row(&self) -> Option<PublicToken> {
        let secret = Secret::parse(&self.public_token)?;
        Some(PublicToken {
            hash: secret.hash(),
            tenant: self.tenant.clone(),
            bot: self.id.clone(),
        })
    }
}

impl Row for Bot {
    fn key(&self) -> Key {
        Self::key(&self.tenant, &self.id)
    }
}

/// Says that documents of a bot are on their way to another: until they are, the first one cannot be deleted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Copying {
    /// Whose bots.
    pub tenant: TenantId,
    /// The bot whose documents they are.
    pub from: BotId,
    /// The bot that gets copies.
    pub to: BotId,
    /// When it was asked for.
    pub since: Time,
}

impl Copying {
    /// How long at most, in milliseconds: a copy that was given up holds nothing up.
    const LONGEST: i64 = 3_600_000;

    /// The sort key's kind, for the copies of one bot.
    #[must_use]
    pub fn kind(from: &BotId) -> String {
        sort("COPYING", &[from.as_str()])
    }

    /// Whether it may still go on.
    #[must_use]
    pub fn is_on(&self, now: Time) -> bool {
        now < self.since.plus(Self::LONGEST)
    }

    /// Where it lives.
    #[must_use]
    pub fn key(tenant: &TenantId, from: &BotId, to: &BotId) -> Key {
        Partition::tenant(tenant, &[]).at(sort("COPYING", &[from.as_str(), to.as_str()]))
    }
}

impl Row for Copying {
    fn key(&self) -> Key {
        Self::key(&self.tenant, &self.from, &self.to)
    }

    fn expires_at(&self) -> Option<i64> {
        Some(self.since.plus(Self::LONGEST).second())
    }
}

/// How a publishable token leads to its bot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PublicToken {
    /// SHA-256 of the token, in hex.
    pub hash: String,
    /// Whose bot.
    pub tenant: TenantId,
    /// The bot.
    pub bot: BotId,
}

impl PublicToken {
    /// Where the token with this hash lives. Global: the hash is how its tenant is found.
    #[must_use]
    pub fn key(hash: &str) -> Key {
        Partition::global("SECRET", &[hash]).at("PUBLIC".to_owned())
    }
}

impl Row for PublicToken {
    fn key(&self) -> Key {
        Self::key(&self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn a_duplicate_has_the_settings_and_nothing_secret_of_the_original() {
        let now = Clock::default().now();
        let bot = Bot {
            instructions: "Be brief.".to_owned(),
            active: false,
            revision: 7,
            ..Bot::new(&TenantId::new(), &"x".repeat(100), now)
        };
        let copy = bot.duplicate(now);
        assert_eq!(
            (copy.instructions.as_str(), copy.active, copy.revision),
            ("Be brief.", true, 0)
        );
        assert_eq!(copy.name, format!("{} (copy)", "x".repeat(93)));
        assert!(copy.id != bot.id && copy.public_token != bot.public_token);
        assert!(copy.identity_secret != bot.identity_secret && copy.visitor_secret != bot.visitor_secret);
    }
}

//! Bots: assistants with their instructions, model, knowledge and settings.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    clock::Time,
    ids::{BotId, TenantId},
    keys::Secret,
    limits::RateLimits,
    store::{Key, Partition, Row, sort},
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
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub widget: Map<String, Value>,
    /// The most that it may cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Other rate limits than the usual ones for visitors with its public token.
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
    /// exceed it by what they cost.
    pub monthly_usd: f64,
}

impl Bot {
    /// The sort key's kind, for lists.
    pub const KIND: &'static str = "BOT";

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
            identity_secret: Secret::generate().reveal().to_owned(),
            visitor_secret: Secret::generate().reveal().to_owned(),
            active: true,
            created_at: now,
            updated_at: now,
        }
    }

    /// Where a bot lives.
    #[must_use]
    pub fn key(tenant: &TenantId, bot: &BotId) -> Key {
        Partition::tenant(tenant, &[]).at(sort(Self::KIND, &[bot.as_str()]))
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

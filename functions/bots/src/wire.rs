//! Bots, keys and erasures on the wire.

use serde::Serialize;
use serde_json::{Map, Value};
use shared::{
    bots::{Bot, Budget, Handoff, Insights},
    clock::Time,
    erasures::{Erasure, Status, Subject},
    http::{Caller, Permission},
    ids::{BotId, ErasureId, KeyId},
    keys::{ApiKey, Scope, Secret},
    limits::RateLimits,
};
use utoipa::ToSchema;

/// A bot.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BotOut {
    /// Its id.
    id: BotId,
    /// What it is called.
    name: String,
    /// What it is about, in a word or two.
    domain: Option<String>,
    /// What the model is told about it.
    instructions: String,
    /// The model of its answers; `null` = the deployment's.
    model: Option<String>,
    /// The language of its answers, as a BCP 47 tag; `null` = the question's.
    language: Option<String>,
    /// What a widget says first.
    welcome_message: Option<String>,
    /// When it hands over to people.
    handoff: Handoff,
    /// What is extracted from its conversations.
    insights: Insights,
    /// Days after which a conversation without a new message is erased; `null` = never.
    retention_days: Option<u32>,
    /// The origins of pages that may use its public token, widget keys and app keys; empty = any.
    allowed_origins: Vec<String>,
    /// The look of its widget.
    #[schema(value_type = Object)]
    widget: Map<String, Value>,
    /// The most that it may cost; `null` = no bound.
    budget: Option<Budget>,
    /// Other rate limits than the usual ones for its visitors, by public token or widget key; `null` = the usual ones.
    rate_limits: Option<RateLimits>,
    /// Its publishable token (`pk_…`), which may stand in a web page.
    public_token: String,
    /// The secret with which a back end proves its visitors' ids; only for those who may change bots, and not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    identity_secret: Option<String>,
    /// Whether it answers.
    active: bool,
    /// Whether it answers when nothing names a bot. It cannot be deleted.
    default: bool,
    /// When it was made.
    created_at: Time,
    /// When it was last changed.
    updated_at: Time,
}

impl BotOut {
    /// What this caller may see of a bot in a list: no secret.
    pub(crate) fn listed(bot: Bot, caller: &Caller) -> Self {
        Self {
            identity_secret: None,
            ..Self::new(bot, caller)
        }
    }

    /// What this caller may see of a bot.
    pub(crate) fn new(bot: Bot, caller: &Caller) -> Self {
        let manages = Permission::Manage.is_held_by(&caller.who);
        Self {
            default: bot.id == caller.default_bot,
            id: bot.id,
            name: bot.name,
            domain: bot.domain,
            instructions: bot.instructions,
            model: bot.model,
            language: bot.language,
            welcome_message: bot.welcome_message,
            handoff: bot.handoff,
            insights: bot.insights,
            retention_days: bot.retention_days,
            allowed_origins: bot.allowed_origins,
            widget: bot.widget,
            budget: bot.budget,
            rate_limits: bot.rate_limits,
            public_token: bot.public_token,
            identity_secret: manages.then_some(bot.identity_secret),
            active: bot.active,
            created_at: bot.created_at,
            updated_at: bot.updated_at,
        }
    }
}

/// An API key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyOut {
    /// Its id.
    id: KeyId,
    /// What its maker called it.
    name: String,
    /// What it may do.
    scope: Scope,
    /// The only bot that it sees; `null` = all of the tenant.
    bot_id: Option<BotId>,
    /// The origins of pages that may use it; empty = those of its bot.
    allowed_origins: Vec<String>,
    /// Other rate limits than the usual ones; `null` = the usual ones.
    rate_limits: Option<RateLimits>,
    /// When it ends; `null` = never.
    expires_at: Option<Time>,
    /// The first characters of the secret, to recognise it by.
    prefix: String,
    /// Until when the secret before the last rotation still opens it; `null` = it does not.
    previous_until: Option<Time>,
    /// The secret itself (`sk_…`). It is shown here, once, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// When it was made.
    created_at: Time,
    /// When it was last changed.
    updated_at: Time,
}

impl KeyOut {
    /// A key as it is listed.
    pub(crate) fn new(key: ApiKey, now: Time) -> Self {
        Self {
            previous_until: key.previous_until(now),
            id: key.id,
            name: key.name,
            scope: key.scope,
            bot_id: key.bot,
            allowed_origins: key.allowed_origins,
            rate_limits: key.rate_limits,
            expires_at: key.expires,
            prefix: key.prefix,
            key: None,
            created_at: key.created_at,
            updated_at: key.updated_at,
        }
    }

    /// A key with its fresh secret.
    pub(crate) fn with_secret(key: ApiKey, secret: &Secret, now: Time) -> Self {
        Self {
            key: Some(secret.reveal().to_owned()),
            ..Self::new(key, now)
        }
    }
}

/// An erasure that goes on in the background.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErasureOut {
    /// Its id.
    id: ErasureId,
    /// What is erased.
    what: Subject,
    /// The bot.
    bot_id: BotId,
    /// How far it has come. `done`: nothing is left in any store.
    status: Status,
    /// How many things were removed so far.
    counts: CountsOut,
    /// When it was asked for.
    requested_at: Time,
    /// When it ended.
    finished_at: Option<Time>,
}

/// How many things an erasure has removed so far.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ErasureCounts)]
struct CountsOut {
    /// Documents, with their files and what the index held of them.
    documents: u64,
    /// Folders.
    folders: u64,
    /// Conversations, with their messages.
    conversations: u64,
    /// Routines.
    routines: u64,
    /// Runs of routines, with what they said.
    runs: u64,
    /// Webhooks.
    webhooks: u64,
    /// Deliveries to webhooks, with what was sent.
    deliveries: u64,
    /// API keys.
    keys: u64,
}

impl From<Erasure> for ErasureOut {
    fn from(erasure: Erasure) -> Self {
        Self {
            id: erasure.id,
            what: erasure.what,
            bot_id: erasure.bot,
            status: erasure.status,
            counts: CountsOut {
                documents: erasure.documents,
                folders: erasure.folders,
                conversations: erasure.conversations,
                routines: erasure.routines,
                runs: erasure.runs,
                webhooks: erasure.webhooks,
                deliveries: erasure.deliveries,
                keys: erasure.keys,
            },
            requested_at: erasure.requested_at,
            finished_at: erasure.finished_at,
        }
    }
}

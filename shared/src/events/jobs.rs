//! Work that follows from events, done by workers behind queues.

use serde::{Deserialize, Serialize};

use super::EventType;
use crate::{
    codes::Purpose,
    documents::Version,
    ids::{
        BotId, ConversationId, DeliveryId, DocumentId, ErasureId, EventId, FolderId, InsightId, RoutineId, RunId,
        TenantId, WebhookId,
    },
    logins::Email,
    queue::Destination,
    webhooks::Webhook,
};

/// Work that follows from an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Job {
    /// `relay`: write a title for the conversation. Its first question is read then, so that no event outlives it with it.
    Title {
        /// The conversation.
        conversation: ConversationId,
    },
    /// `relay`: when somebody signs in with this address, send them a code. The code is made then, so that no event holds
    /// one, and asking for one costs the same whoever asks.
    Code {
        /// The address.
        email: Email,
        /// What it is for.
        purpose: Purpose,
    },
    /// `ingest`: read and index this version.
    Ingest {
        /// Whose document.
        tenant: TenantId,
        /// The document.
        document: DocumentId,
        /// The number of the version.
        version: u32,
    },
    /// `ingest`: remove a version from the index and from S3.
    Drop {
        /// Whose document.
        tenant: TenantId,
        /// The document.
        document: DocumentId,
        /// The version.
        version: Version,
    },
    /// `ingest`: write the folder's audience into the chunks of its documents.
    Audience {
        /// Whose folder.
        tenant: TenantId,
        /// The folder.
        folder: FolderId,
    },
    /// `ingest`: copy a bot's documents and folders to another bot.
    Copy {
        /// Whose bots.
        tenant: TenantId,
        /// The bot that has them.
        from: BotId,
        /// The bot that gets them.
        to: BotId,
    },
    /// `insights`: extract what an archived conversation says.
    Insights {
        /// Whose conversation.
        tenant: TenantId,
        /// The conversation.
        conversation: ConversationId,
        /// The insights, which are pending.
        insight: InsightId,
    },
    /// `run-routine`: run it.
    Run {
        /// Whose routine.
        tenant: TenantId,
        /// The routine.
        routine: RoutineId,
        /// The run, which is queued.
        run: RunId,
    },
    /// `run-routine`: mail what a run said to those whom the routine names.
    MailRun {
        /// Whose routine.
        tenant: TenantId,
        /// The routine.
        routine: RoutineId,
        /// The run, which has succeeded.
        run: RunId,
    },
    /// `erase`: remove everything that an erasure is about.
    Erase {
        /// Whose erasure.
        tenant: TenantId,
        /// The erasure.
        erasure: ErasureId,
    },
    /// `deliver`: make an attempt to tell a webhook, unless the log says that it was made.
    Deliver(Box<Deliver>),
    /// `relay`: mail the owners that a webhook was disabled.
    WebhookDisabled {
        /// The webhook's bot.
        bot: BotId,
        /// The webhook.
        webhook: WebhookId,
    },
    /// `relay`: make a contact of the visitor who began this conversation. The address is read then, so that no event holds it.
    Contact {
        /// The conversation.
        conversation: ConversationId,
    },
}

/// One attempt of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deliver {
    /// Whose webhook.
    pub tenant: TenantId,
    /// The webhook's bot.
    pub bot: BotId,
    /// The webhook.
    pub webhook: WebhookId,
    /// The delivery.
    pub delivery: DeliveryId,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// How often this attempt was put off, because the receiver is slow.
    #[serde(default)]
    pub put_off: u32,
    /// What is told. Absent where the log has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Told>,
}

impl Deliver {
    /// The message that tells a webhook of an event for the first time.
    #[must_use]
    pub fn first(webhook: &Webhook, told: Told) -> Self {
        Self {
            tenant: webhook.tenant.clone(),
            bot: webhook.bot.clone(),
            webhook: webhook.id.clone(),
            delivery: DeliveryId::of(&told.event, &webhook.id),
            attempt: 1,
            put_off: 0,
            told: Some(told),
        }
    }
}

/// An event as webhooks are told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The event.
    pub event: EventId,
    /// What happened.
    pub kind: EventType,
    /// The body, byte for byte as it is sent.
    pub body: String,
}

/// What a job is, whose, and the id of what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label<'j> {
    /// Its kind.
    pub kind: &'static str,
    /// Whose it is, where the job itself says so.
    pub tenant: Option<&'j TenantId>,
    /// The id of what it is about; empty where that has none.
    pub about: &'j str,
}

impl Job {
    /// What the log says of it: never what it holds, nor an address.
    #[must_use]
    pub fn label(&self) -> Label<'_> {
        let label = |kind, tenant, about| Label { kind, tenant, about };
        match self {
            Self::Title { conversation } => label("title", None, conversation.as_str()),
            Self::Code { .. } => label("code", None, ""),
            Self::Ingest { tenant, document, .. } => label("ingest", Some(tenant), document.as_str()),
            Self::Drop { tenant, document, .. } => label("drop", Some(tenant), document.as_str()),
            Self::Audience { tenant, folder } => label("audience", Some(tenant), folder.as_str()),
            Self::Copy { tenant, to, .. } => label("copy", Some(tenant), to.as_str()),
            Self::Insights { tenant, insight, .. } => label("insights", Some(tenant), insight.as_str()),
            Self::Run { tenant, run, .. } => label("run", Some(tenant), run.as_str()),
            Self::MailRun { tenant, run, .. } => label("mail_run", Some(tenant), run.as_str()),
            Self::Erase { tenant, erasure } => label("erase", Some(tenant), erasure.as_str()),
            Self::Deliver(deliver) => label("deliver", Some(&deliver.tenant), deliver.delivery.as_str()),
            Self::WebhookDisabled { webhook, .. } => label("webhook_disabled", None, webhook.as_str()),
            Self::Contact { conversation } => label("contact", None, conversation.as_str()),
        }
    }

    /// The queue of the worker that does it; `None` = `relay` does it itself.
    #[must_use]
    pub fn destination(&self) -> Option<Destination> {
        match self {
            Self::Title { .. } | Self::Code { .. } | Self::WebhookDisabled { .. } | Self::Contact { .. } => None,
            Self::Ingest { .. } | Self::Drop { .. } | Self::Audience { .. } | Self::Copy { .. } => {
                Some(Destination::Ingest)
            }
            Self::Erase { .. } => Some(Destination::Erase),
            Self::Insights { .. } => Some(Destination::Insights),
            Self::Run { .. } | Self::MailRun { .. } => Some(Destination::Routines),
            Self::Deliver(_) => Some(Destination::Deliver),
        }
    }

    /// The message group, which SQS is fair to: whoever has much to do does not hold up the others. A webhook is one of its
    /// own, everything else is its tenant's.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        match self {
            Self::Deliver(deliver) => Some(deliver.webhook.as_str()),
            Self::Ingest { tenant, .. }
            | Self::Drop { tenant, .. }
            | Self::Audience { tenant, .. }
            | Self::Copy { tenant, .. }
            | Self::Insights { tenant, .. }
            | Self::Run { tenant, .. }
            | Self::MailRun { tenant, .. }
            | Self::Erase { tenant, .. } => Some(tenant.as_str()),
            Self::Title { .. } | Self::Code { .. } | Self::WebhookDisabled { .. } | Self::Contact { .. } => None,
        }
    }
}

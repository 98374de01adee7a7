//! Members: people who sign in, and what their role lets them do.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    clock::Time,
    ids::{BotId, MemberId, TenantId},
    store::{Key, Partition, Row, sort},
};

/// What a member may do; each includes what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads, but never keys.
    Viewer,
    /// Also answers people: inbox, tickets, tasks, contacts, notes, chat.
    Agent,
    /// Also changes bots, documents, keys, webhooks, teams, automations and routines.
    Admin,
    /// Also the account itself.
    Owner,
}

/// Somebody who signs in. What they sign in with is a [`crate::logins::Login`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Member {
    /// Their id.
    pub id: MemberId,
    /// Whose member.
    pub tenant: TenantId,
    /// The bot that answers when nothing names one: the tenant's default, copied here to save a read.
    pub default_bot: BotId,
    /// Where they get mail, in lower case.
    pub email: String,
    /// What they are called.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The bots that their teams share. Admins and owners see all bots without being listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bots: Vec<BotId>,
    /// Whether they proved that the address is theirs.
    #[serde(default)]
    pub email_verified: bool,
    /// Whether a second factor is asked for; the secret is part of the login.
    #[serde(default)]
    pub totp_enabled: bool,
    /// Sessions that began before this are over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions_since: Option<Time>,
    /// When they joined.
    pub created_at: Time,
}

impl Member {
    /// The sort key's kind, for lists.
    pub const KIND: &'static str = "MEMBER";

    /// Where a member lives.
    #[must_use]
    pub fn key(tenant: &TenantId, member: &MemberId) -> Key {
        Partition::tenant(tenant, &[]).at(sort(Self::KIND, &[member.as_str()]))
    }

    /// Whether something of that bot (`None` = of all bots) may be seen.
    #[must_use]
    pub fn sees(&self, bot: Option<&BotId>) -> bool {
        self.role >= Role::Admin || bot.is_some_and(|bot| self.bots.contains(bot))
    }
}

impl Row for Member {
    fn key(&self) -> Key {
        Self::key(&self.tenant, &self.id)
    }
}

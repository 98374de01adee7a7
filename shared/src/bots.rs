//! Bots: assistants with their instructions, model, knowledge and settings.

use serde::{Deserialize, Serialize};

use crate::{
    clock::Time,
    ids::{BotId, TenantId},
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
    /// What its makers tell the model about it.
    #[serde(default)]
    pub instructions: String,
    /// The Bedrock model of its answers; absent = the deployment's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Whether it answers.
    pub active: bool,
    /// When it was made.
    pub created_at: Time,
}

impl Bot {
    /// Where a bot lives.
    #[must_use]
    pub fn key(tenant: &TenantId, bot: &BotId) -> Key {
        Partition::tenant(tenant, &[]).at(sort("BOT", &[bot.as_str()]))
    }
}

impl Row for Bot {
    fn key(&self) -> Key {
        Self::key(&self.tenant, &self.id)
    }
}

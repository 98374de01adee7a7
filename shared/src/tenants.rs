//! Tenants: the isolation boundary. Each has a default bot, made with it.

use serde::{Deserialize, Serialize};

use crate::{
    app::App,
    bots::Bot,
    clock::Time,
    error::Error,
    ids::{BotId, KeyId, TenantId},
    keys::{ApiKey, Scope, Secret},
    store::{Key, Partition, Row},
};

/// An organisation that uses docent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// What it is called.
    pub name: String,
    /// The bot that answers when nothing names one.
    pub default_bot: BotId,
    /// When it was made.
    pub created_at: Time,
}

impl Tenant {
    /// Where a tenant lives.
    #[must_use]
    pub fn key(id: &TenantId) -> Key {
        Partition::tenant(id, &[]).at("TENANT".to_owned())
    }
}

impl Row for Tenant {
    fn key(&self) -> Key {
        Self::key(&self.id)
    }
}

/// Makes a tenant with its default bot, unless it is there, and lets `secret` open everything of it.
///
/// # Errors
/// When the table does not answer.
pub async fn seed(app: &App, id: &TenantId, name: &str, secret: &Secret) -> Result<Tenant, Error> {
    let now = app.clock.now();
    let tenant = match app.table.get::<Tenant>(&Tenant::key(id)).await? {
        Some(tenant) => tenant,
        None => Tenant {
            id: id.clone(),
            name: name.to_owned(),
            default_bot: BotId::new(),
            created_at: now,
        },
    };
    let bot = Bot {
        id: tenant.default_bot.clone(),
        tenant: id.clone(),
        name: format!("{name} assistant"),
        instructions: String::new(),
        model: None,
        active: true,
        created_at: now,
    };
    let key = ApiKey {
        hash: secret.hash(),
        id: KeyId::new(),
        tenant: id.clone(),
        name: "first key".to_owned(),
        scope: Scope::Full,
        bot: None,
        default_bot: tenant.default_bot.clone(),
        expires: None,
        created_at: now,
    };
    app.table.put(&bot).await?;
    app.table.put(&tenant).await?;
    app.table.put(&key).await?;
    Ok(tenant)
}

//! Tenants: the isolation boundary. Each has a default bot, made with it.

use serde::{Deserialize, Serialize};

use crate::{
    app::App,
    bots::Bot,
    clock::Time,
    error::Error,
    ids::{BotId, TenantId},
    keys::{ApiKey, Opened, Scope, Secret},
    limits::RateLimits,
    store::{Key, Partition, Row, Transaction},
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

/// A tenant with its default bot, which are made together.
#[derive(Clone, Debug)]
pub struct Founded {
    /// The tenant.
    pub tenant: Tenant,
    /// Its default bot.
    pub bot: Bot,
}

impl Founded {
    /// A new tenant and its bot, not yet written.
    #[must_use]
    pub fn new(id: TenantId, name: &str, now: Time) -> Self {
        let bot = Bot::new(&id, &format!("{name} assistant"), now);
        let tenant = Tenant {
            id,
            name: name.to_owned(),
            default_bot: bot.id.clone(),
            created_at: now,
        };
        Self { tenant, bot }
    }

    /// Adds them to a transaction.
    ///
    /// # Errors
    /// When they cannot be stored.
    pub fn create_in(&self, transaction: &mut Transaction) -> Result<(), Error> {
        transaction.create(&self.tenant)?;
        self.bot.create_in(transaction)
    }
}

/// Makes a tenant with its default bot, unless it is there, and lets `secret` open everything of it, with these rate limits
/// where the usual ones are not meant.
///
/// # Errors
/// When the table does not answer.
pub async fn seed(
    app: &App,
    id: &TenantId,
    name: &str,
    secret: &Secret,
    rate_limits: Option<RateLimits>,
) -> Result<Tenant, Error> {
    let now = app.clock.now();
    let mut transaction = Transaction::default();
    let known = app.table.get::<Tenant>(&Tenant::key(id)).await?;
    let tenant = match known {
        Some(tenant) => tenant,
        None => {
            let founded = Founded::new(id.clone(), name, now);
            founded.create_in(&mut transaction)?;
            founded.tenant
        }
    };
    let key = ApiKey {
        rate_limits,
        ..ApiKey::new(id, &tenant.default_bot, "first key", Scope::Full, secret, now)
    };
    if app.table.get::<Opened>(&Opened::key(&key.hash)).await?.is_none() {
        key.create_in(&mut transaction)?;
        app.table.transact(transaction).await?;
    }
    Ok(tenant)
}

//! Accounts as they begin: a tenant with its default bot, and the owner who signs in to it.

use crate::{
    clock::Time,
    error::Error,
    ids::{MemberId, TenantId},
    logins::{Email, Login},
    members::{Member, Role},
    store::{Transaction, TransactionError},
    tenants::Founded,
};

/// Most characters of a name.
const MAX_NAME: usize = 200;

/// A tenant, its bot and its owner, who are made together.
#[derive(Clone, Debug)]
pub struct Account {
    /// The tenant and its bot.
    pub founded: Founded,
    /// The owner.
    pub owner: Member,
    /// What the owner signs in with.
    pub login: Login,
}

impl Account {
    /// A new account, not yet written.
    #[must_use]
    pub fn new(email: Email, hash: String, name: String, organization: &str, now: Time) -> Self {
        let founded = Founded::new(TenantId::new(), organization, now);
        let owner = Member {
            id: MemberId::new(),
            tenant: founded.tenant.id.clone(),
            default_bot: founded.tenant.default_bot.clone(),
            email: email.as_str().to_owned(),
            name,
            role: Role::Owner,
            bots: Vec::new(),
            email_verified: false,
            totp_enabled: false,
            sessions_since: None,
            created_at: now,
        };
        let login = Login {
            email,
            tenant: owner.tenant.clone(),
            member: owner.id.clone(),
            hash,
            totp: None,
            recovery: Vec::new(),
        };
        Self { founded, owner, login }
    }

    /// The transaction that writes it, to which more can be added. See [`taken`].
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn create(&self) -> Result<Transaction, Error> {
        let mut transaction = Transaction::default();
        transaction.create(&self.login)?.create(&self.owner)?;
        self.founded.create_in(&mut transaction)?;
        Ok(transaction)
    }
}

/// What the failure of [`Account::create`]'s transaction means: its first write is the e-mail address.
#[must_use]
pub fn taken(error: TransactionError) -> Error {
    match error {
        TransactionError::Condition(0) => Error::conflict(
            "email_exists",
            "This e-mail address has an account; sign in, or reset its password",
        ),
        other => other.into(),
    }
}

/// Checks a person's or an organisation's name.
///
/// # Errors
/// 400 naming `field`.
pub fn name(text: &str, field: &str) -> Result<String, Error> {
    let name = text.trim();
    let fits = !name.is_empty() && name.chars().count() <= MAX_NAME && !name.chars().any(char::is_control);
    if fits {
        Ok(name.to_owned())
    } else {
        Err(Error::field(
            field,
            format!("must have 1 to {MAX_NAME} characters in one line"),
        ))
    }
}

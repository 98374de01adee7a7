//! Contacts: people whom the team knows. A visitor who states an e-mail address becomes one by itself.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    clock::Time,
    conversations::Conversation,
    error::Error,
    events::{Event, EventType},
    ids::{BotId, ContactId, ConversationId, EventId, TenantId, derived},
    logins::Email,
    store::{Condition, Key, Partition, Row, Table, Transaction, TransactionError, Update, sort},
};

/// A person.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Contact {
    /// Their id.
    pub id: ContactId,
    /// Whose contact.
    pub tenant: TenantId,
    /// Their address; no two contacts have the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// What they are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether somebody who is trusted says that the address is theirs, not a page.
    #[serde(default)]
    pub verified: bool,
    /// The conversation in which they first stated the address, if that is where it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationId>,
    /// Counts its changes, so that of two at once none is lost.
    #[serde(default)]
    pub revision: u32,
    /// When they became a contact.
    pub created_at: Time,
    /// When anything last changed.
    pub updated_at: Time,
}

/// Whose address it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Address {
    /// The contact.
    pub contact: ContactId,
    /// Whose contact.
    pub tenant: TenantId,
    /// The address.
    pub email: Email,
}

impl Contact {
    /// The sort key's kind, for lists.
    pub const KIND: &'static str = "CONTACT";

    /// The people of a tenant.
    #[must_use]
    pub fn partition(tenant: &TenantId) -> Partition {
        Partition::tenant(tenant, &["P"])
    }

    /// Where a contact lives.
    #[must_use]
    pub fn key(tenant: &TenantId, id: &ContactId) -> Key {
        Self::partition(tenant).at(sort(Self::KIND, &[id.as_str()]))
    }

    /// The event that tells that they were made or changed; `bot` where it was in talking to one.
    #[must_use]
    pub fn told(&self, bot: Option<&BotId>, action: &str, now: Time) -> Event {
        let data = json!({"contact_id": self.id, "action": action});
        Event::new(&self.tenant, bot, EventType::ContactUpdated, now, data)
    }
}

impl Address {
    /// Where it is found out whose address it is.
    #[must_use]
    pub fn key(tenant: &TenantId, email: &Email) -> Key {
        Contact::partition(tenant).at(sort("EMAIL", &[email.as_str()]))
    }
}

impl Row for Contact {
    fn key(&self) -> Key {
        Self::key(&self.tenant, &self.id)
    }
}

impl Row for Address {
    fn key(&self) -> Key {
        Self::key(&self.tenant, &self.email)
    }
}

/// Makes a contact of the visitor who began a conversation, unless somebody has the address already. What a page states
/// without proof changes nothing about a contact that is there; what is proved makes it a verified one. Doing it twice does
/// nothing more.
///
/// # Errors
/// When the table does not answer.
pub async fn of_visitor(table: &Table, conversation: &Conversation, now: Time) -> Result<(), Error> {
    let Some(person) = &conversation.person else {
        return Ok(());
    };
    let Some(email) = person.email.as_deref().and_then(|text| Email::parse(text).ok()) else {
        return Ok(());
    };
    let tenant = &conversation.tenant;
    let address: Option<Address> = table.get(&Address::key(tenant, &email)).await?;
    if let Some(address) = address {
        return match person.verified {
            true => verify(table, &address.contact, conversation, now).await,
            false => Ok(()),
        };
    }
    let id = derived(conversation.id.as_str(), "contact");
    let contact = Contact {
        id: ContactId::parse(id).ok_or_else(|| Error::internal("a derived id is one"))?,
        tenant: tenant.clone(),
        email: Some(email.clone()),
        name: person.name.clone(),
        verified: person.verified,
        conversation: Some(conversation.id.clone()),
        revision: 0,
        created_at: now,
        updated_at: now,
    };
    let address = Address {
        contact: contact.id.clone(),
        tenant: tenant.clone(),
        email,
    };
    let mut transaction = Transaction::default();
    transaction.create(&contact)?.create(&address)?.create(&contact.told(
        Some(&conversation.owner.bot),
        "created",
        now,
    ))?;
    unless_done(table.transact(transaction).await)
}

/// Notes that the address is certainly theirs, and the name where none is known.
async fn verify(table: &Table, id: &ContactId, conversation: &Conversation, now: Time) -> Result<(), Error> {
    let key = Contact::key(&conversation.tenant, id);
    let known: Option<Contact> = table.get(&key).await?;
    let stated = conversation.person.as_ref().and_then(|person| person.name.clone());
    let Some(known) = known.filter(|known| !known.verified || (known.name.is_none() && stated.is_some())) else {
        return Ok(());
    };
    let name = known.name.clone().or(stated);
    let update = Update::at(key)
        .when(Condition::is("revision", &known.revision)?)
        .set("verified", &true)?
        .set_or_remove("name", name.as_ref())?
        .set("updated_at", &now)?
        .add("revision", 1);
    let mut event = known.told(Some(&conversation.owner.bot), "updated", now);
    if let Some(id) = EventId::parse(derived(conversation.id.as_str(), "contact-verified")) {
        event.id = id;
    }
    let mut transaction = Transaction::default();
    transaction.update(update).create(&event)?;
    unless_done(table.transact(transaction).await)
}

fn unless_done(written: Result<(), TransactionError>) -> Result<(), Error> {
    match written {
        Err(TransactionError::Condition(_)) => {
            tracing::debug!("somebody else made or changed the contact at the same time");
            Ok(())
        }
        written => written.map_err(Error::from),
    }
}

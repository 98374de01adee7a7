//! Conversations: one partition each, so that one descending query reads the summary and the last messages.

mod archive;
mod erase;
mod handoff;

pub use archive::archive;
pub use erase::erase;
pub use handoff::{give_back, hand_over};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    clock::Time,
    error::Error,
    ids::{BotId, ConversationId, MessageId, TenantId},
    messages::Message,
    store::{Condition, Key, Partition, Query, Row, Table, Update, sort},
    text,
};

/// Characters of a title; a longer question is shortened at a word.
pub const MAX_TITLE_CHARS: usize = 60;
/// Most pages (of 1 MB) of a whole conversation: an answer of a function has at most 6 MB. Beyond that the oldest messages
/// are left out.
const MAX_PAGES: usize = 4;
/// Sorts behind every `MSG#…`.
const SUMMARY: &str = "MSG~";

/// Whose a conversation is: somebody who chats with one bot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The bot that answers: a key bound to another one does not see the conversation.
    pub bot: BotId,
    /// Who chats with it.
    pub party: Party,
}

/// Who chats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "party", rename_all = "snake_case")]
pub enum Party {
    /// An end user of a partner.
    EndUser {
        /// The partner's organisation.
        org: String,
        /// The user in that organisation.
        user: String,
    },
    /// A visitor of a page.
    Visitor {
        /// The id that the page gave.
        visitor: String,
    },
    /// Whoever holds a credential, for itself.
    Credential {
        /// Its name ([`crate::http::Caller::id`]).
        credential: String,
    },
}

/// Which conversations a caller may go on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Exactly those of the owner that the turn names.
    Own,
    /// All of the bot, except those of partners' end users, who are known to the partner only.
    Bot,
    /// The visitor's whose token this is.
    Token(String),
}

impl Owner {
    /// The partition of the first index that lists this owner's conversations.
    #[must_use]
    pub fn partition(&self, tenant: &TenantId) -> Partition {
        let bot = self.bot.as_str();
        match &self.party {
            Party::EndUser { org, user } => Partition::tenant(tenant, &["B", bot, "O", org, "U", user]),
            Party::Visitor { visitor } => Partition::tenant(tenant, &["B", bot, "V", visitor]),
            Party::Credential { credential } => Partition::tenant(tenant, &["B", bot, "K", credential]),
        }
    }

    /// Where the number of this owner's conversations is kept, so that a list need not count.
    #[must_use]
    pub fn total_key(&self, tenant: &TenantId) -> Key {
        self.partition(tenant).at("TOTAL".to_owned())
    }
}

/// How many conversations an owner has.
#[derive(Debug, Default, Deserialize)]
pub struct Total {
    /// The number.
    pub total: u64,
}

/// The conversation that an owner who is known for certain opened last; kept beside [`Total`].
#[derive(Debug, Default, Deserialize)]
pub struct Newest {
    newest: Option<ConversationId>,
}

impl Newest {
    /// The attribute.
    pub const FIELD: &'static str = "newest";
}

/// What is known of a visitor besides the id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// An e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// A name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether somebody who is trusted says so, not a page.
    #[serde(default)]
    pub verified: bool,
}

/// Where a conversation stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ConversationStatus)]
pub enum Status {
    /// The bot answers.
    #[default]
    Open,
    /// It waits for a person.
    Pending,
    /// What was asked is settled.
    Resolved,
    /// It is over.
    Archived,
}

/// That a person answers from here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handoff {
    /// Since when.
    pub since: Time,
    /// Why, in the words of who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The row with the stored answer for repetitions of the request that asked, where it stated an `Idempotency-Key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repetition: Option<Key>,
}

/// What is known of a conversation without its messages.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The end user that it belongs to, and the bot that answers.
    pub owner: Owner,
    /// What is known of the visitor, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Person>,
    /// A few words that say what it is about.
    pub title: String,
    /// The beginning of its last answer.
    #[serde(default)]
    pub preview: String,
    /// Where it stands.
    #[serde(default)]
    pub status: Status,
    /// When it was archived, while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Time>,
    /// Whether a person answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handoff: Option<Handoff>,
    /// When it began.
    pub created_at: Time,
    /// When its last message was written.
    pub updated_at: Time,
    /// How many messages it has.
    pub message_count: u32,
    /// Tokens that its answers took, those of their prompts included.
    #[serde(default)]
    pub tokens: u64,
}

impl Conversation {
    /// Where a conversation's summary lives.
    #[must_use]
    pub fn key(tenant: &TenantId, id: &ConversationId) -> Key {
        partition(tenant, id).at(SUMMARY.to_owned())
    }

    /// Its place in its owner's list.
    #[must_use]
    pub fn index_key(tenant: &TenantId, owner: &Owner, id: &ConversationId, updated_at: Time) -> Key {
        owner
            .partition(tenant)
            .at(sort(&updated_at.to_string(), &[id.as_str()]))
    }

    /// Its place in its bot's list.
    #[must_use]
    pub fn bot_index_key(tenant: &TenantId, bot: &BotId, id: &ConversationId, updated_at: Time) -> Key {
        of_bot(tenant, bot).at(sort(&updated_at.to_string(), &[id.as_str()]))
    }

    /// Whether it is over, until somebody says more.
    #[must_use]
    pub fn is_archived(&self) -> bool {
        self.status == Status::Archived
    }

    /// The update that so many more messages make. Turns at the same time all count. What was archived is open again.
    ///
    /// # Errors
    /// When a value cannot be stored.
    pub fn appended(&self, messages: i64, now: Time) -> Result<Update, Error> {
        let update = Update::at(Row::key(self))
            .when(Condition::Exists)
            .add("message_count", messages)
            .set("updated_at", &now)?
            .index1(&Self::index_key(&self.tenant, &self.owner, &self.id, now))
            .index2(&Self::bot_index_key(&self.tenant, &self.owner.bot, &self.id, now));
        match self.is_archived() {
            true => update
                .set("status", &Status::Open)?
                .set_or_remove::<Time>("archived_at", None),
            false => Ok(update),
        }
    }
}

impl Row for Conversation {
    fn key(&self) -> Key {
        Self::key(&self.tenant, &self.id)
    }

    fn gsi1(&self) -> Option<Key> {
        Some(Self::index_key(&self.tenant, &self.owner, &self.id, self.updated_at))
    }

    fn gsi2(&self) -> Option<Key> {
        Some(Self::bot_index_key(
            &self.tenant,
            &self.owner.bot,
            &self.id,
            self.updated_at,
        ))
    }
}

/// The partition of a conversation.
#[must_use]
pub fn partition(tenant: &TenantId, id: &ConversationId) -> Partition {
    Partition::tenant(tenant, &["C", id.as_str()])
}

/// The partition of the second index that lists a bot's conversations by last activity.
#[must_use]
pub fn of_bot(tenant: &TenantId, bot: &BotId) -> Partition {
    Partition::tenant(tenant, &["B", bot.as_str()])
}

/// A conversation and its last messages, oldest first.
#[derive(Debug)]
pub struct Recent {
    /// The summary.
    pub conversation: Conversation,
    /// The messages.
    pub messages: Vec<Message>,
}

/// Reads a conversation and its last `most` messages in one request; whether the caller may see it is the caller's to check.
///
/// # Errors
/// `Conversation not found`, or the table does not answer.
pub async fn recent(table: &Table, tenant: &TenantId, id: &ConversationId, most: usize) -> Result<Recent, Error> {
    let page = table.query_items(whole(tenant, id, Some(most + 1))).await?;
    let mut items = page.items.into_iter();
    let summary = items
        .next()
        .filter(|first| first.sk() == SUMMARY)
        .ok_or(Error::NotFound("Conversation"))?;
    let conversation: Conversation = summary.into()?;
    let mut messages = items
        .map(crate::store::Found::into)
        .collect::<Result<Vec<Message>, _>>()?;
    messages.reverse();
    Ok(Recent { conversation, messages })
}

/// The conversation that `owner` opened last, if it was certain who that is.
///
/// # Errors
/// When the table does not answer.
pub async fn newest(table: &Table, tenant: &TenantId, owner: &Owner) -> Result<Option<ConversationId>, Error> {
    let newest: Option<Newest> = table.get(&owner.total_key(tenant)).await?;
    Ok(newest.and_then(|newest| newest.newest))
}

/// The first message of a conversation.
///
/// # Errors
/// When the table does not answer.
pub async fn first_message(table: &Table, tenant: &TenantId, id: &ConversationId) -> Result<Option<Message>, Error> {
    let query = Query {
        newest_first: false,
        limit: Some(1),
        ..Query::newest(partition(tenant, id), "MSG")
    };
    Ok(table.query::<Message>(query).await?.items.into_iter().next())
}

/// Reads a conversation and its messages, oldest first; of a very long one (4 MB) the newest.
///
/// # Errors
/// `Conversation not found`, or the table does not answer.
pub async fn all(table: &Table, tenant: &TenantId, owner: &Owner, id: &ConversationId) -> Result<Recent, Error> {
    let conversation: Conversation = table
        .get(&Conversation::key(tenant, id))
        .await?
        .ok_or(Error::NotFound("Conversation"))?;
    if conversation.owner != *owner {
        return Err(Error::NotFound("Conversation"));
    }
    let messages = messages(table, tenant, id).await?;
    Ok(Recent { conversation, messages })
}

/// The messages of a conversation, oldest first; of a very long one (4 MB) the newest.
///
/// # Errors
/// When the table does not answer.
pub async fn messages(table: &Table, tenant: &TenantId, id: &ConversationId) -> Result<Vec<Message>, Error> {
    let mut messages = Vec::new();
    let mut pages = table.pages(Query::newest(partition(tenant, id), "MSG"));
    for _ in 0..MAX_PAGES {
        let Some(page) = pages.next::<Message>().await? else {
            break;
        };
        messages.extend(page);
    }
    messages.reverse();
    Ok(messages)
}

/// The first `most` messages that were said after another one, oldest first.
///
/// # Errors
/// When the table does not answer.
pub async fn after(
    table: &Table,
    tenant: &TenantId,
    id: &ConversationId,
    message: &MessageId,
    most: usize,
) -> Result<Vec<Message>, Error> {
    let mut query = Query::newest(partition(tenant, id), Message::KIND);
    query.newest_first = false;
    query.limit = Some(most);
    // `!` sorts behind the end of the id and before anything that could follow it.
    query.between.0 = format!("{}!", Message::place(tenant, id, message).sk());
    if query.between.0 > query.between.1 {
        // No message has such an id, and nothing is behind it.
        return Ok(Vec::new());
    }
    Ok(table.query::<Message>(query).await?.items)
}

/// The first `most` conversations of an owner, the last active first; archived ones only when `all` of them are wanted.
///
/// # Errors
/// When the table does not answer.
pub async fn of_owner(
    table: &Table,
    tenant: &TenantId,
    owner: &Owner,
    most: usize,
    all: bool,
) -> Result<Vec<Conversation>, Error> {
    let partition = owner.partition(tenant);
    let mut found = Vec::new();
    let mut pages = table.index1_pages(&partition, most);
    while found.len() < most
        && let Some(page) = pages.next::<Conversation>().await?
    {
        let wanted = page
            .into_iter()
            .filter(|conversation| all || !conversation.is_archived());
        found.extend(wanted.take(most - found.len()));
    }
    Ok(found)
}

fn whole(tenant: &TenantId, id: &ConversationId, limit: Option<usize>) -> Query {
    let mut query = Query::newest(partition(tenant, id), "MSG");
    query.between = ("MSG#".to_owned(), SUMMARY.to_owned());
    query.limit = limit;
    query
}

/// A title until the model has written one.
#[must_use]
pub fn shortened(question: &str) -> String {
    text::shortened(question, MAX_TITLE_CHARS)
}

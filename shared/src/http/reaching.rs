//! Which conversations a caller may read and act on, besides chatting.

use http::HeaderMap;

use super::Caller;
use crate::{
    app::App,
    conversations::{Conversation, Owner, Party},
    error::Error,
    ids::{ConversationId, TenantId},
    visitors,
};

/// A caller, and what it states to prove which visitor it acts for.
#[derive(Clone, Debug)]
pub struct Reaching {
    /// The caller.
    pub caller: Caller,
    token: Option<String>,
    proved: Option<String>,
}

impl Reaching {
    /// A caller with the visitor token of its headers, if they hold one.
    #[must_use]
    pub fn new(caller: Caller, headers: &HeaderMap) -> Self {
        let token = headers.get("x-visitor-token").and_then(|token| token.to_str().ok());
        Self {
            token: token.filter(|token| !token.is_empty()).map(str::to_owned),
            caller,
            proved: None,
        }
    }

    /// With a token that stands elsewhere, where no header has one.
    #[must_use]
    pub fn or_token(mut self, token: Option<String>) -> Self {
        self.token = self.token.or(token.filter(|token| !token.is_empty()));
        self
    }

    /// As this visitor, when the hash proves that it is.
    #[must_use]
    pub fn as_visitor(mut self, visitor: &str, hash: Option<&str>) -> Self {
        let proved = match (&self.caller.bot, hash) {
            _ if self.caller.is_trusted() => true,
            (Some(bot), Some(hash)) => visitors::is_identified(bot, visitor, hash),
            _ => false,
        };
        self.proved = proved.then(|| visitor.to_owned());
        self
    }

    /// The visitor that the caller acts for, where that is certain.
    #[must_use]
    pub fn proved(&self) -> Option<&str> {
        self.proved.as_deref()
    }

    /// The thread of the token that the caller holds.
    #[must_use]
    pub fn holds(&self) -> Option<ConversationId> {
        self.token.as_deref().and_then(visitors::thread_of)
    }

    /// The caller's tenant.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        self.caller.tenant()
    }

    /// Reads a conversation that the caller reaches, by its id or by the one that an app chose for its own session.
    ///
    /// # Errors
    /// `Conversation not found`, or the table does not answer.
    pub async fn open(&self, app: &App, stated: &str) -> Result<Conversation, Error> {
        let unknown = || Error::NotFound("Conversation");
        let id = ConversationId::parse(stated).ok_or_else(unknown)?;
        let own = ConversationId::of_app(&self.caller.id(), stated);
        let [known, own] = app
            .table
            .get_each([&id, &own].map(|id| Conversation::key(self.tenant(), id)))
            .await?;
        for found in [own, known].into_iter().flatten() {
            let conversation: Conversation = found.into()?;
            if self.reaches(&conversation) {
                return Ok(conversation);
            }
        }
        Err(unknown())
    }

    /// Reads a conversation that the caller reaches.
    ///
    /// # Errors
    /// `Conversation not found`, or the table does not answer.
    pub async fn open_known(&self, app: &App, id: &ConversationId) -> Result<Conversation, Error> {
        let found: Option<Conversation> = app.table.get(&Conversation::key(self.tenant(), id)).await?;
        found
            .filter(|conversation| self.reaches(conversation))
            .ok_or(Error::NotFound("Conversation"))
    }

    /// Whether the caller reaches it: who is trusted all of the bots that they see, except what belongs to a partner's end
    /// users; an app what its key began; a page what its visitor proves to own.
    #[must_use]
    pub fn reaches(&self, conversation: &Conversation) -> bool {
        self.reaches_of(&conversation.owner, &conversation.id)
    }

    /// [`Reaching::reaches`] for one that is perhaps not stored yet.
    #[must_use]
    pub fn reaches_of(&self, owner: &Owner, id: &ConversationId) -> bool {
        if !self.caller.sees(Some(&owner.bot)) {
            return false;
        }
        match &owner.party {
            Party::EndUser { .. } => false,
            _ if self.caller.is_trusted() => true,
            Party::Credential { credential } => !self.caller.is_page() && *credential == self.caller.id(),
            Party::Visitor { visitor } => self.proved.as_ref() == Some(visitor) || self.is_token_of(visitor, id),
        }
    }

    fn is_token_of(&self, visitor: &str, thread: &ConversationId) -> bool {
        match (&self.caller.bot, &self.token) {
            (Some(bot), Some(token)) => visitors::is_token(bot, visitor, thread, token),
            _ => false,
        }
    }
}

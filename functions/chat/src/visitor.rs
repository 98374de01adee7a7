//! Who asks, when it is a visitor of a page: who they say they are, whether that is proved, and which conversations that
//! opens to them.

use http::{HeaderMap, HeaderName};
use serde::Deserialize;
use shared::{
    conversations::{Party, Person, Reach},
    error::Error,
    http::Caller,
    ids::{self, ConversationId, MAX_ID_CHARS},
    logins::Email,
    visitors,
};

/// The header with the token that the first answer gave.
pub(crate) const VISITOR_TOKEN: HeaderName = HeaderName::from_static("x-visitor-token");
/// Most characters of a visitor's name.
const MAX_NAME_CHARS: usize = 200;

/// A visitor of a page.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
pub(crate) struct VisitorIn {
    /// The id that the page gives its visitor; absent = a fresh one.
    #[schema(max_length = 128)]
    id: Option<String>,
    /// The visitor's e-mail address; one that is none is left out.
    email: Option<String>,
    /// The visitor's name, of which 200 characters are kept.
    name: Option<String>,
    /// Proof of the id: its HMAC-SHA256 with the bot's identity secret, in hex.
    #[schema(max_length = 128)]
    hash: Option<String>,
}

/// A visitor, or whoever else asks.
pub(crate) struct Asking {
    /// Who it is.
    pub(crate) party: Party,
    /// Whether that is certain.
    pub(crate) proved: bool,
    /// What else is known.
    pub(crate) person: Option<Person>,
    /// Which conversations they may go on with.
    pub(crate) reach: Reach,
    /// The conversation of the token that they hold.
    pub(crate) holds: Option<ConversationId>,
}

/// The visitor token of a request's header.
pub(crate) fn token(headers: &HeaderMap) -> Option<&str> {
    let token = headers.get(VISITOR_TOKEN)?.to_str().ok()?;
    (!token.is_empty()).then_some(token)
}

impl VisitorIn {
    /// Who asks with this credential and token; `always` a visitor, also without an id.
    pub(crate) fn asking(self, caller: &Caller, token: Option<&str>, always: bool) -> Result<Asking, Error> {
        let email = self.email.as_deref().and_then(|email| Email::parse(email).ok());
        let stated = self.id.filter(|id| !id.is_empty());
        if stated.as_ref().is_some_and(|id| id.chars().count() > MAX_ID_CHARS) {
            let reason = format!("must have at most {MAX_ID_CHARS} characters");
            return Err(Error::field("visitor.id", reason));
        }
        let hashed = match (&caller.bot, &stated, &self.hash) {
            (Some(bot), Some(id), Some(hash)) => visitors::is_identified(bot, id, hash),
            _ => false,
        };
        // Who is trusted may know a visitor by the address alone.
        let by_email = || {
            email
                .as_ref()
                .filter(|_| caller.is_trusted())
                .map(|email| email.as_str().to_owned())
        };
        let id = stated.or_else(by_email);
        let proved = hashed || (caller.is_trusted() && id.is_some());
        let party = match id {
            Some(visitor) => Party::Visitor { visitor },
            None if always || caller.is_page() => Party::Visitor { visitor: ids::fresh() },
            None => Party::Credential {
                credential: caller.id(),
            },
        };
        let reach = match token {
            _ if caller.is_trusted() => Reach::Bot,
            _ if hashed || matches!(party, Party::Credential { .. }) => Reach::Own,
            token => Reach::Token(token.unwrap_or_default().to_owned()),
        };
        let name = self
            .name
            .map(|name| name.trim().chars().take(MAX_NAME_CHARS).collect::<String>());
        let person = Person {
            email: email.map(|email| email.as_str().to_owned()),
            name: name.filter(|name| !name.is_empty()),
            verified: caller.is_trusted(),
        };
        Ok(Asking {
            holds: token.and_then(visitors::thread_of),
            person: (person.email.is_some() || person.name.is_some()).then_some(person),
            party,
            proved,
            reach,
        })
    }
}

//! What the dialects do alike: a question becomes a turn, and a stream of pieces a whole answer.

use futures::{StreamExt, stream::BoxStream};
use shared::{
    answer::{Answer, Began, MAX_MESSAGE_CHARS, Piece, Scope, Thread, Turn},
    conversations::{Owner, Reach},
    error::Error,
    http::Caller,
    ids::ConversationId,
};

/// A question to the owner's bot in a new conversation of the owner's, about whatever is open to everybody.
pub(crate) fn asked(caller: &Caller, owner: Owner, message: Option<String>) -> Result<Turn, Error> {
    let message = message.unwrap_or_default();
    if message.trim().is_empty() {
        return Err(Error::sentence("Message is required", "message", "must not be blank"));
    }
    if message.chars().count() > MAX_MESSAGE_CHARS {
        return Err(Error::field(
            "message",
            format!("must have at most {MAX_MESSAGE_CHARS} characters"),
        ));
    }
    Ok(Turn {
        scope: Scope::open(caller.tenant(), &owner.bot),
        loaded: caller.bot.clone().filter(|bot| bot.id == owner.bot),
        owner,
        person: None,
        reach: Reach::Own,
        credential: caller.id(),
        message,
        thread: Thread::New,
        proved: false,
        resumable: false,
    })
}

/// The conversation that a body names; absent = a new one.
pub(crate) fn known(conversation: Option<String>) -> Result<Thread, Error> {
    match conversation {
        None => Ok(Thread::New),
        Some(id) => ConversationId::parse(id)
            .map(Thread::Known)
            .ok_or(Error::NotFound("Conversation")),
    }
}

/// How an answer ended.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// With an answer.
    Answered(Box<Answer>),
    /// With the question stored for a person.
    HandedOver(Began),
}

impl End {
    /// The token with which the visitor goes on, when a visitor asked.
    pub(crate) fn visitor_token(&self) -> Option<&str> {
        match self {
            Self::Answered(answer) => answer.visitor_token.as_deref(),
            Self::HandedOver(began) => began.visitor_token.as_deref(),
        }
    }
}

/// The beginning of an answer, and what follows.
pub(crate) async fn begun(mut pieces: BoxStream<'static, Piece>) -> Result<(Began, BoxStream<'static, Piece>), Error> {
    match pieces.next().await {
        Some(Piece::Began(began)) => Ok((began, pieces)),
        _ => Err(Error::internal("the answer ended without a beginning")),
    }
}

/// Waits for the end of an answer.
pub(crate) async fn whole(began: Began, mut pieces: BoxStream<'static, Piece>) -> Result<End, Error> {
    while let Some(piece) = pieces.next().await {
        match piece {
            Piece::Began(_) | Piece::Text(_) | Piece::Cite(_) => {}
            Piece::Done(answer) => return Ok(End::Answered(answer)),
            Piece::HandedOver => return Ok(End::HandedOver(began)),
            Piece::Failed(error) => return Err(error),
        }
    }
    Err(Error::internal("the answer ended without an end"))
}

/// Waits for the end of an answer that nobody takes over.
pub(crate) async fn answered(pieces: BoxStream<'static, Piece>) -> Result<Answer, Error> {
    let (began, pieces) = begun(pieces).await?;
    match whole(began, pieces).await? {
        End::Answered(answer) => Ok(*answer),
        End::HandedOver(_) => Err(Error::internal("a person answers where none can")),
    }
}

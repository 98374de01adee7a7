//! What the dialects do alike: a question becomes a turn, and a stream of pieces a whole answer.

use futures::{Stream, StreamExt};
use shared::{
    access::Access,
    answer::{Answer, MAX_MESSAGE_CHARS, Piece, Turn},
    conversations::{Owner, Reach},
    error::Error,
    http::Caller,
    ids::ConversationId,
};

/// A question to the owner's bot in a conversation of the owner's, about whatever is open to everybody.
pub(crate) fn asked(
    caller: &Caller,
    owner: Owner,
    message: Option<String>,
    conversation: Option<String>,
) -> Result<Turn, Error> {
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
    let conversation = conversation.map(|id| ConversationId::parse(id).ok_or(Error::NotFound("Conversation")));
    Ok(Turn {
        tenant: caller.tenant().clone(),
        bot: owner.bot.clone(),
        loaded: caller.bot.clone().filter(|bot| bot.id == owner.bot),
        access: Access::default(),
        owner,
        reach: Reach::Own,
        credential: caller.id(),
        message,
        conversation: conversation.transpose()?,
        opens: false,
        documents: Vec::new(),
        folders: Vec::new(),
    })
}

/// Waits for the end of an answer.
pub(crate) async fn whole(pieces: impl Stream<Item = Piece>) -> Result<Answer, Error> {
    let mut pieces = std::pin::pin!(pieces);
    while let Some(piece) = pieces.next().await {
        match piece {
            Piece::Began { .. } | Piece::Text(_) | Piece::Cite(_) => {}
            Piece::Done(answer) => return Ok(*answer),
            Piece::Failed(error) => return Err(error),
        }
    }
    Err(Error::internal("the answer ended without an end"))
}

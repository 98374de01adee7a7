//! The answer to a question: retrieve → prompt → stream → citations → confidence. It knows no HTTP: a dialect frames the
//! [`Piece`]s. An answer that began is always finished and stored, whether or not anybody still listens.

mod claims;
pub mod confidence;
mod generate;
mod history;
pub mod markers;
pub mod prompt;
mod retrieve;

use futures::Stream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::{
    access::Access,
    app::App,
    bots::Bot,
    conversations::{self, Owner, Recent},
    error::Error,
    ids::{BotId, ConversationId, DocumentId, FolderId, MessageId, TenantId},
    messages::{Citation, Confidence, Usage},
};

/// Most characters of a question.
pub const MAX_MESSAGE_CHARS: usize = 16_000;
/// Earlier messages that the model sees.
const HISTORY: usize = 10;

/// A question, in a conversation of somebody.
#[derive(Clone, Debug)]
pub struct Turn {
    /// The tenant.
    pub tenant: TenantId,
    /// The bot that is asked.
    pub bot: BotId,
    /// Who asks.
    pub owner: Owner,
    /// What they may see.
    pub access: Access,
    /// The question.
    pub message: String,
    /// The conversation to go on with; `None` = a new one.
    pub conversation: Option<ConversationId>,
    /// Only these documents, or those in `folders`; both empty = no limit.
    pub documents: Vec<DocumentId>,
    /// Only documents in these folders, or those in `documents`.
    pub folders: Vec<FolderId>,
}

/// A part of an answer, in the order in which they come: any number of `Text` and `Cite`, then `Done` or `Failed`.
#[derive(Debug)]
pub enum Piece {
    /// More text. What has gone out is never taken back.
    Text(String),
    /// The text before rests on citation number `n`, from 1, in the order of first use.
    Cite(usize),
    /// The whole answer, stored.
    Done(Box<Answer>),
    /// The answer broke off; what had come is stored as incomplete.
    Failed(Error),
}

/// A finished answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The conversation, perhaps new.
    pub conversation: ConversationId,
    /// The answer's message.
    pub message: MessageId,
    /// The text, with markers `[n]`, where `n` counts `citations` from 1.
    pub content: String,
    /// What it rests on.
    pub citations: Vec<Citation>,
    /// How well they cover it.
    pub confidence: Confidence,
    /// What it took.
    pub usage: Usage,
}

/// Answers a question. Everything that is the caller's mistake is found before this returns; the answer itself goes on by
/// itself from here.
///
/// # Errors
/// `Conversation not found`, an inactive bot, or the table does not answer.
pub async fn answer(app: &App, turn: Turn) -> Result<impl Stream<Item = Piece> + Send + use<>, Error> {
    let bot = async { app.table.get::<Bot>(&Bot::key(&turn.tenant, &turn.bot)).await };
    // A new conversation needs nothing from the table before it searches.
    let (bot, recent, search) = match &turn.conversation {
        None => {
            let search = tokio::spawn(retrieve::search(app.clone(), turn.clone(), None));
            (bot.await?, None, search)
        }
        Some(id) => {
            let recent = conversations::recent(&app.table, &turn.tenant, &turn.owner, id, HISTORY);
            let (bot, recent) = futures::try_join!(bot, recent)?;
            let previous = previous_question(&recent);
            (
                bot,
                Some(recent),
                tokio::spawn(retrieve::search(app.clone(), turn.clone(), previous)),
            )
        }
    };
    let bot = bot.ok_or(Error::NotFound("Bot"))?;
    if !bot.active {
        return Err(Error::Conflict {
            code: "bot_inactive",
            message: "This bot is not active".to_owned(),
        });
    }
    let (pieces, listener) = unbounded_channel();
    let asked = generate::Asked {
        app: app.clone(),
        turn,
        bot,
        recent,
        asked_at: app.clock.now(),
    };
    tokio::spawn(asked.run(search, pieces));
    Ok(stream(listener))
}

fn previous_question(recent: &Recent) -> Option<String> {
    let last = recent
        .messages
        .iter()
        .rev()
        .find(|message| message.role == crate::messages::Role::User)?;
    Some(last.content.clone())
}

fn stream(mut listener: UnboundedReceiver<Piece>) -> impl Stream<Item = Piece> + Send {
    async_stream::stream! {
        while let Some(piece) = listener.recv().await {
            yield piece;
        }
    }
}

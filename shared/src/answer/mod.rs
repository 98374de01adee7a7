//! The answer to a question: retrieve → prompt → stream → citations → confidence. It knows no HTTP: a dialect frames the
//! [`Piece`]s. An answer that began is always finished and stored, whether or not anybody still listens.

mod claims;
pub mod confidence;
mod generate;
mod history;
pub mod markers;
pub mod prompt;
mod retrieve;

use std::future::Future;

use futures::{Stream, StreamExt, stream::BoxStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::{
    access::Access,
    app::App,
    bots::Bot,
    conversations::{self, Owner, Party, Reach, Recent},
    error::Error,
    ids::{BotId, ConversationId, DocumentId, FolderId, MessageId, TenantId},
    messages::{Citation, Confidence, Usage},
    store, usage, visitors,
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
    /// The same, when it was read already.
    pub loaded: Option<Box<Bot>>,
    /// Who asks.
    pub owner: Owner,
    /// What they may see.
    pub access: Access,
    /// Which conversations the caller may go on with.
    pub reach: Reach,
    /// The credential that asks ([`crate::http::Caller::id`]).
    pub credential: String,
    /// The question.
    pub message: String,
    /// The conversation to go on with; `None` = a new one.
    pub conversation: Option<ConversationId>,
    /// Whether a conversation that is not there yet is opened under that id.
    pub opens: bool,
    /// Only these documents, or those in `folders`; both empty = no limit.
    pub documents: Vec<DocumentId>,
    /// Only documents in these folders, or those in `documents`.
    pub folders: Vec<FolderId>,
}

/// A part of an answer, in the order in which they come: `Began`, any number of `Text` and `Cite`, then `Done` or `Failed`.
#[derive(Debug)]
pub enum Piece {
    /// The answer is under way; these will be its ids.
    Began {
        /// The conversation, perhaps new.
        conversation: ConversationId,
        /// The answer's message.
        message: MessageId,
    },
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
    /// The token with which the visitor goes on, when a visitor asked.
    pub visitor_token: Option<String>,
}

/// Answers a question. Everything that is the caller's mistake, and what `gate` (the rate limit) refuses, is found before
/// this returns and before a model is asked; the answer itself goes on by itself from here.
///
/// # Errors
/// `Conversation not found`, an inactive bot, a budget that is used up, what `gate` refuses, or the table does not answer.
pub async fn answer(
    app: &App,
    turn: Turn,
    gate: impl Future<Output = Result<(), Error>>,
) -> Result<BoxStream<'static, Piece>, Error> {
    let (open, bot, recent) = futures::join!(gate, bot(app, &turn), recent(app, &turn));
    open?;
    let bot = bot?;
    let recent = recent?;
    if !may_go_on(&bot, &turn, recent.as_ref()) {
        return Err(Error::NotFound("Conversation"));
    }
    check_budget(app, &bot).await?;
    let previous = recent.as_ref().and_then(previous_question);
    let search = tokio::spawn(retrieve::search(app.clone(), turn.clone(), previous));
    let (pieces, listener) = unbounded_channel();
    let asked = generate::Asked {
        app: app.clone(),
        conversation: turn.conversation.clone().unwrap_or_else(ConversationId::new),
        // Made in this order, so that the answer sorts behind its question.
        question: MessageId::new(),
        message: MessageId::new(),
        turn,
        bot,
        recent,
        asked_at: app.clock.now(),
    };
    tokio::spawn(store::carried(asked.run(search, pieces)));
    Ok(stream(listener).boxed())
}

async fn bot(app: &App, turn: &Turn) -> Result<Bot, Error> {
    let bot = match &turn.loaded {
        Some(bot) => Some(Bot::clone(bot)),
        None => app.table.get(&Bot::key(&turn.tenant, &turn.bot)).await?,
    };
    let bot = bot.ok_or(Error::NotFound("Bot"))?;
    match bot.active {
        true => Ok(bot),
        false => Err(Error::conflict("bot_inactive", "This bot is not active")),
    }
}

async fn recent(app: &App, turn: &Turn) -> Result<Option<Recent>, Error> {
    let Some(id) = &turn.conversation else { return Ok(None) };
    match conversations::recent(&app.table, &turn.tenant, id, HISTORY).await {
        Ok(recent) => Ok(Some(recent)),
        Err(Error::NotFound(_)) if turn.opens => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the caller may go on with a conversation.
fn may_go_on(bot: &Bot, turn: &Turn, recent: Option<&Recent>) -> bool {
    let Some(Recent { conversation, .. }) = recent else {
        return true;
    };
    if conversation.owner.bot != turn.bot {
        return false;
    }
    match (&turn.reach, &conversation.owner.party) {
        (Reach::Own, _) => conversation.owner == turn.owner,
        (Reach::Bot, party) => !matches!(party, Party::EndUser { .. }),
        (Reach::Token(token), Party::Visitor { visitor }) => visitors::is_token(bot, visitor, &conversation.id, token),
        (Reach::Token(_), _) => false,
    }
}

async fn check_budget(app: &App, bot: &Bot) -> Result<(), Error> {
    let Some(budget) = bot.budget else { return Ok(()) };
    let cost = usage::cost_this_month(&app.table, &bot.tenant, &bot.id, app.clock.now()).await?;
    if usage::usd(cost) < budget.monthly_usd {
        return Ok(());
    }
    Err(Error::Forbidden {
        code: "budget_exceeded",
        message: format!(
            "This bot's budget of {} USD for this month is used up; raise budget.monthly_usd or wait for the next month",
            budget.monthly_usd
        ),
    })
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

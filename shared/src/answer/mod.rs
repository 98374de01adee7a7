//! The answer to a question: retrieve → prompt → stream → citations → confidence. It knows no HTTP: a dialect frames the
//! [`Piece`]s. An answer that began is always finished and stored, whether or not anybody still listens.

mod claims;
pub mod confidence;
mod draft;
mod generate;
mod history;
pub mod markers;
mod once;
pub mod prompt;
mod retrieve;

pub use claims::excerpt;
pub use draft::Written;
pub use once::once;
pub use retrieve::{Scope, Source, search};

use std::{future::Future, time::Instant};

use futures::{Stream, StreamExt, stream::BoxStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tracing::Instrument;

use crate::{
    app::App,
    bots::Bot,
    conversations::{self, Owner, Party, Person, Reach, Recent},
    error::Error,
    ids::{ConversationId, MessageId},
    messages::{Citation, Confidence, Usage},
    store, telemetry, usage, visitors,
};

/// Most characters of a question.
pub const MAX_MESSAGE_CHARS: usize = 16_000;
/// Earlier messages that the model sees.
const HISTORY: usize = 10;

/// A question, in a conversation of somebody.
#[derive(Clone, Debug)]
pub struct Turn {
    /// Where the answer may look.
    pub scope: Scope,
    /// The bot that is asked, when it was read already.
    pub loaded: Option<Box<Bot>>,
    /// Who asks.
    pub owner: Owner,
    /// What is known of the visitor who asks.
    pub person: Option<Person>,
    /// Which conversations the caller may go on with.
    pub reach: Reach,
    /// The credential that asks ([`crate::http::Caller::id`]).
    pub credential: String,
    /// The question.
    pub message: String,
    /// The conversation that it belongs to.
    pub thread: Thread,
    /// Whether who asks is known for certain, so that a new conversation is the one that they come back to.
    pub proved: bool,
    /// Whether a client that loses the stream may come back for the rest while the answer is still under way.
    pub resumable: bool,
}

/// The conversation that a question belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thread {
    /// A new one.
    New,
    /// This one, which is there. One that was archived is open again.
    Known(ConversationId),
    /// This one; when it is not there yet it is opened under that id.
    Named(ConversationId),
    /// This one, unless it was archived: then a new one.
    Unarchived(ConversationId),
    /// This one, when it is there, the caller may go on with it and it was not archived; else a new one.
    Perhaps(ConversationId),
    /// The owner's newest, unless it was archived or there is none: then a new one.
    Newest,
}

impl Thread {
    /// Whether a new one begins where this one was archived.
    fn is_renewed(&self) -> bool {
        matches!(self, Self::Unarchived(_) | Self::Perhaps(_) | Self::Newest)
    }

    /// Whether a new one begins where this one is not there.
    fn may_be_new(&self) -> bool {
        matches!(self, Self::Named(_) | Self::Perhaps(_) | Self::Newest)
    }
}

/// A part of an answer, in the order in which they come: `Began`, any number of `Text` and `Cite`, then `Done`,
/// `HandedOver` or `Failed`.
#[derive(Debug)]
pub enum Piece {
    /// The answer is under way.
    Began(Began),
    /// More text. What has gone out is never taken back.
    Text(String),
    /// The text before rests on citation number `n`, from 1, in the order of first use.
    Cite(usize),
    /// The whole answer, stored.
    Done(Box<Answer>),
    /// A person answers from here: the question is stored, and there is no answer.
    HandedOver,
    /// The answer broke off; what had come is stored as incomplete.
    Failed(Error),
}

/// What is known of an answer from its beginning.
#[derive(Clone, Debug)]
pub struct Began {
    /// The conversation, perhaps new.
    pub conversation: ConversationId,
    /// The answer's message; the question's, when a person answers.
    pub message: MessageId,
    /// The token with which the visitor goes on, when a visitor asks.
    pub visitor_token: Option<String>,
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
    let began = Instant::now();
    let (open, bot, recent) = futures::join!(gate, bot(app, &turn), recent(app, &turn));
    open?;
    let bot = bot?;
    telemetry::bot(&bot.id);
    let mut recent = recent?;
    if !may_go_on(&bot, &turn, recent.as_ref()) {
        match turn.thread {
            Thread::Perhaps(_) => recent = None,
            _ => return Err(Error::NotFound("Conversation")),
        }
    }
    // Only after it is certain that the caller may know it.
    let recent = recent.filter(|recent| !(turn.thread.is_renewed() && recent.conversation.is_archived()));
    let previous = recent.as_ref().and_then(previous_question);
    let handed_over = recent
        .as_ref()
        .is_some_and(|recent| recent.conversation.handoff.is_some());
    if !handed_over {
        if !bot.active {
            return Err(Error::conflict("bot_inactive", "This bot is not active"));
        }
        check_budget(app, &bot).await?;
    }
    let (pieces, listener) = unbounded_channel();
    let asked = generate::Asked {
        app: app.clone(),
        conversation: conversation_id(&turn, recent.as_ref()),
        // Made in this order, so that the answer sorts behind its question.
        question: MessageId::new(),
        message: MessageId::new(),
        asked_at: app.clock.now(),
        bot,
        recent,
        turn,
    };
    if handed_over {
        asked.hand_on(&pieces).await?;
        return Ok(stream(listener, began).boxed());
    }
    let (scope, question) = (asked.turn.scope.clone(), asked.turn.message.clone());
    let search = retrieve::for_answer(app.clone(), scope, question, previous);
    let search = tokio::spawn(search.in_current_span());
    tokio::spawn(store::carried(asked.run(search, pieces)).in_current_span());
    Ok(stream(listener, began).boxed())
}

/// The conversation that was found, the one that is named, or a new one.
fn conversation_id(turn: &Turn, recent: Option<&Recent>) -> ConversationId {
    match (recent, &turn.thread) {
        (Some(recent), _) => recent.conversation.id.clone(),
        (None, Thread::Named(id)) => id.clone(),
        (None, _) => ConversationId::new(),
    }
}

async fn bot(app: &App, turn: &Turn) -> Result<Bot, Error> {
    let bot = match &turn.loaded {
        Some(bot) => Some(Bot::clone(bot)),
        None => app.table.get(&Bot::key(&turn.scope.tenant, &turn.scope.bot)).await?,
    };
    bot.ok_or(Error::NotFound("Bot"))
}

async fn recent(app: &App, turn: &Turn) -> Result<Option<Recent>, Error> {
    let tenant = &turn.scope.tenant;
    let newest;
    let id = match &turn.thread {
        Thread::New => return Ok(None),
        Thread::Known(id) | Thread::Named(id) | Thread::Unarchived(id) | Thread::Perhaps(id) => id,
        Thread::Newest => match conversations::newest(&app.table, tenant, &turn.owner).await? {
            None => return Ok(None),
            Some(id) => {
                newest = id;
                &newest
            }
        },
    };
    match conversations::recent(&app.table, tenant, id, HISTORY).await {
        Ok(recent) => Ok(Some(recent)),
        Err(Error::NotFound(_)) if turn.thread.may_be_new() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the caller may go on with a conversation.
fn may_go_on(bot: &Bot, turn: &Turn, recent: Option<&Recent>) -> bool {
    let Some(Recent { conversation, .. }) = recent else {
        return true;
    };
    if conversation.owner.bot != turn.scope.bot {
        return false;
    }
    match (&turn.reach, &conversation.owner.party) {
        (Reach::Own, _) => conversation.owner == turn.owner,
        (Reach::Bot, party) => !matches!(party, Party::EndUser { .. }),
        (Reach::Token(token), Party::Visitor { visitor }) => visitors::is_token(bot, visitor, &conversation.id, token),
        (Reach::Token(_), _) => false,
    }
}

/// Refuses when the bot has cost this month what it may.
///
/// # Errors
/// 403 `budget_exceeded`, or the table does not answer.
pub async fn check_budget(app: &App, bot: &Bot) -> Result<(), Error> {
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

/// The pieces as they come, for whoever waits for them since `began`.
fn stream(mut listener: UnboundedReceiver<Piece>, began: Instant) -> impl Stream<Item = Piece> + Send {
    async_stream::stream! {
        let mut silent = true;
        while let Some(piece) = listener.recv().await {
            if silent && matches!(piece, Piece::Text(_)) {
                silent = false;
                telemetry::first_piece(began.elapsed());
            }
            yield piece;
        }
    }
}

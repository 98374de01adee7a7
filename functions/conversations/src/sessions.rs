//! The platform dialect: a bot's sessions, what was said in them, and erasing them.

use axum::{Json, extract::State};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use shared::{
    app::App,
    clock::Time,
    conversations::{self, Conversation, Party, Person, Status},
    error::Error,
    http::{
        AppReader, PageOut, PageParams, Path, Query, Reaching, Reader, SessionKeeper, parameters::PageQuery,
        platform::CitationOut,
    },
    ids::{BotId, ConversationId, MessageId},
    messages::{Confidence, Message, Role, Usage},
};

/// A session without its messages.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionOut {
    /// Its id.
    session_id: ConversationId,
    /// The bot that answers.
    bot_id: BotId,
    /// What it is about.
    title: String,
    /// The beginning of its last answer.
    preview: String,
    /// Where it stands.
    status: Status,
    /// Whether a person answers.
    handoff: bool,
    /// The visitor, where it is one.
    visitor: Option<VisitorOut>,
    /// How many messages it has.
    message_count: u32,
    /// Tokens that its answers took.
    total_tokens: u64,
    /// When it began.
    created_at: Time,
    /// When its last message was written.
    updated_at: Time,
}

/// A visitor of a page.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = SessionVisitor)]
struct VisitorOut {
    /// The id that the page gave.
    id: String,
    /// An e-mail address.
    email: Option<String>,
    /// A name.
    name: Option<String>,
    /// Whether address and name come from somebody who is trusted, not from the page.
    verified: bool,
}

/// A session with its messages.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = SessionHistory)]
pub(crate) struct HistoryOut {
    #[serde(flatten)]
    session: SessionOut,
    /// The messages, oldest first; of a very long session (4 MB) the newest.
    messages: Vec<MessageOut>,
}

/// A message.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = SessionMessage)]
pub(crate) struct MessageOut {
    /// Its id.
    id: MessageId,
    /// Who said it.
    role: Role,
    /// What was said; an answer has markers `[n]` that count `citations` from 1.
    content: String,
    /// What an answer rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    citations: Option<Vec<CitationOut>>,
    /// How well an answer is covered.
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<Confidence>,
    /// What an answer took.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
    /// Whether an answer broke off.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    incomplete: bool,
    /// When it was said.
    created_at: Time,
}

/// Read what was said in a session.
#[utoipa::path(
    get, path = "/api/v1/chat/history/{session_id}", tag = "chat",
    params(("session_id" = String, Path, description = "The session")),
    responses((status = 200, description = "The session with its messages", body = HistoryOut))
)]
pub(crate) async fn get_chat_history(
    State(app): State<App>,
    AppReader(caller): AppReader,
    headers: HeaderMap,
    Path(id): Path,
) -> Result<Json<HistoryOut>, Error> {
    let known = Reaching::new(caller, &headers).open(&app, &id).await?;
    let messages = conversations::messages(&app.table, &known.tenant, &known.id).await?;
    Ok(Json(HistoryOut {
        session: known.into(),
        messages: messages.into_iter().map(MessageOut::from).collect(),
    }))
}

/// List a bot's sessions, the last active first.
///
/// Those of a partner's end users are not among them: only the partner knows them.
#[utoipa::path(
    get, path = "/api/v1/chat/sessions/{id}", tag = "chat",
    params(("id" = String, Path, description = "The bot"), PageQuery),
    responses((status = 200, description = "A page of sessions", body = PageOut<SessionOut>))
)]
pub(crate) async fn list_chat_sessions(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(id): Path,
    Query(page): Query<PageParams>,
) -> Result<Json<PageOut<SessionOut>>, Error> {
    let bot = BotId::parse(id).filter(|bot| caller.sees(Some(bot)));
    let bot = bot.ok_or(Error::NotFound("Bot"))?;
    let known: Option<shared::bots::Bot> = app.table.get(&shared::bots::Bot::key(caller.tenant(), &bot)).await?;
    known.ok_or(Error::NotFound("Bot"))?;
    let partition = conversations::of_bot(caller.tenant(), &bot);
    let (limit, after) = (page.limit()?, page.index_cursor(&partition)?);
    let found = app.table.index2_page::<Conversation>(&partition, limit, after).await?;
    let shown = found
        .items
        .into_iter()
        .filter(|conversation| !matches!(conversation.owner.party, Party::EndUser { .. }));
    Ok(Json(PageOut {
        data: shown.map(SessionOut::from).collect(),
        next_cursor: found.next.map(|cursor| cursor.encode(&partition)),
    }))
}

/// Erase a session for good.
///
/// Its messages, insights, feedback and the stored answers of repeated requests are gone from every store.
#[utoipa::path(
    delete, path = "/api/v1/chat/sessions/{id}", tag = "chat",
    params(("id" = String, Path, description = "The session")),
    responses((status = 204, description = "It is gone"))
)]
pub(crate) async fn delete_chat_session(
    State(app): State<App>,
    SessionKeeper(caller): SessionKeeper,
    headers: HeaderMap,
    Path(id): Path,
) -> Result<StatusCode, Error> {
    let known = Reaching::new(caller, &headers).open(&app, &id).await?;
    conversations::erase(&app.table, &known.tenant, &known.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<Conversation> for SessionOut {
    fn from(conversation: Conversation) -> Self {
        let Conversation { owner, person, .. } = conversation;
        let Person { email, name, verified } = person.unwrap_or_default();
        let visitor = match owner.party {
            Party::Visitor { visitor: id } => Some(VisitorOut {
                id,
                email,
                name,
                verified,
            }),
            Party::EndUser { .. } | Party::Credential { .. } => None,
        };
        Self {
            session_id: conversation.id,
            bot_id: owner.bot,
            title: conversation.title,
            preview: conversation.preview,
            status: conversation.status,
            handoff: conversation.handoff.is_some(),
            visitor,
            message_count: conversation.message_count,
            total_tokens: conversation.tokens,
            created_at: conversation.created_at,
            updated_at: conversation.updated_at,
        }
    }
}

impl From<Message> for MessageOut {
    fn from(message: Message) -> Self {
        Self {
            id: message.id,
            role: message.role,
            content: message.content,
            citations: message
                .citations
                .map(|citations| citations.into_iter().map(CitationOut::from).collect()),
            confidence: message.confidence,
            usage: message.usage,
            incomplete: message.incomplete,
            created_at: message.created_at,
        }
    }
}

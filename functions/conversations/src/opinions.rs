//! The platform dialect: what end users say about a session, and asking for a person.

use axum::{Json, extract::State};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use shared::{
    app::App,
    bots::Bot,
    clock::Time,
    conversations::{self, Conversation, Status},
    error::Error,
    feedback::{Feedback, Rating},
    http::{self as extract, Agent, Caller, Chatter, Path, Reaching},
    ids::{ConversationId, MessageId},
    messages::{Message, Role},
};

/// Most characters of a comment or a reason.
const MAX_CHARS: usize = 2_000;

/// What somebody says about an answer, or about the whole session.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub(crate) struct FeedbackIn {
    /// The answer; absent = the session.
    #[schema(max_length = 128)]
    message_id: Option<String>,
    /// Thumbs up or down.
    rating: Option<Rating>,
    /// Customer satisfaction, from 1 to 5.
    #[schema(minimum = 1, maximum = 5)]
    csat: Option<u8>,
    /// In words, at most 2,000 characters.
    #[schema(max_length = 2000)]
    comment: Option<String>,
}

/// What somebody said.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Feedback)]
pub(crate) struct FeedbackOut {
    /// The session.
    session_id: ConversationId,
    /// The answer; `null` = the session.
    message_id: Option<MessageId>,
    /// Thumbs up or down.
    rating: Option<Rating>,
    /// Customer satisfaction, from 1 to 5.
    csat: Option<u8>,
    /// In words.
    comment: Option<String>,
    /// When it was said last.
    created_at: Time,
}

/// Why a person is wanted.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = SessionHandoffIn)]
pub(crate) struct HandoffIn {
    /// In words, at most 2,000 characters.
    #[schema(max_length = 2000)]
    reason: Option<String>,
}

/// Who answers in a session.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = SessionHandoff)]
pub(crate) struct HandoffOut {
    /// The session.
    session_id: ConversationId,
    /// Whether a person answers.
    handoff: bool,
    /// Where the session stands.
    status: Status,
    /// Why, when a person does.
    reason: Option<String>,
    /// Since when, when a person does.
    since: Option<Time>,
}

/// Say how good an answer or a session was.
///
/// Said again about the same answer or session, it takes the place of what was said before.
#[utoipa::path(
    post, path = "/api/v1/chat/sessions/{id}/feedback", tag = "chat", request_body = FeedbackIn,
    params(
        ("id" = String, Path, description = "The session"),
        ("X-Visitor-Token" = Option<String>, Header, description = "For pages: the token of the session"),
    ),
    responses((status = 201, description = "It is noted", body = FeedbackOut))
)]
pub(crate) async fn create_feedback(
    State(app): State<App>,
    Chatter(caller): Chatter,
    headers: HeaderMap,
    Path(id): Path,
    extract::Json(body): extract::Json<FeedbackIn>,
) -> Result<(StatusCode, Json<FeedbackOut>), Error> {
    let credential = caller.id();
    let conversation = Reaching::new(caller, &headers).open(&app, &id).await?;
    let feedback = Feedback {
        message: message(&app, &conversation, body.message_id).await?,
        tenant: conversation.tenant.clone(),
        conversation: conversation.id.clone(),
        rating: body.rating,
        csat: body.csat,
        comment: words("comment", body.comment)?,
        repetition: shared::store::repetition(),
        credential,
        created_at: app.clock.now(),
    };
    if feedback.rating.is_none() && feedback.csat.is_none() {
        return Err(Error::field("rating", "is required, unless csat is stated"));
    }
    if feedback.csat.is_some_and(|csat| !(1..=5).contains(&csat)) {
        return Err(Error::field("csat", "must be a number from 1 to 5"));
    }
    feedback.store(&app.table, &conversation.owner.bot).await?;
    Ok((StatusCode::CREATED, Json(feedback.into())))
}

/// The answer that feedback is about.
async fn message(app: &App, conversation: &Conversation, stated: Option<String>) -> Result<Option<MessageId>, Error> {
    let Some(stated) = stated else { return Ok(None) };
    let unknown = || Error::NotFound("Message");
    let id = MessageId::parse(stated).ok_or_else(unknown)?;
    let key = Message::place(&conversation.tenant, &conversation.id, &id);
    let message: Option<Message> = app.table.get(&key).await?;
    let message = message.filter(|message| message.role == Role::Assistant);
    message.map(|message| Some(message.id)).ok_or_else(unknown)
}

fn words(field: &str, stated: Option<String>) -> Result<Option<String>, Error> {
    let words = stated
        .map(|words| words.trim().to_owned())
        .filter(|words| !words.is_empty());
    match &words {
        Some(words) if words.chars().count() > MAX_CHARS => {
            Err(Error::field(field, format!("must have at most {MAX_CHARS} characters")))
        }
        _ => Ok(words),
    }
}

/// Ask for a person.
///
/// From here the bot is silent in this session, until it is given back or archived. Pages and apps may ask where the bot's
/// `handoff.enabled` says that it offers people.
#[utoipa::path(
    post, path = "/api/v1/chat/sessions/{id}/handoff", tag = "chat", request_body = HandoffIn,
    params(
        ("id" = String, Path, description = "The session"),
        ("X-Visitor-Token" = Option<String>, Header, description = "For pages: the token of the session"),
    ),
    responses((status = 200, description = "A person answers from here", body = HandoffOut))
)]
pub(crate) async fn request_handoff(
    State(app): State<App>,
    Chatter(caller): Chatter,
    headers: HeaderMap,
    Path(id): Path,
    extract::Json(body): extract::Json<HandoffIn>,
) -> Result<Json<HandoffOut>, Error> {
    let offered = offers_people(&caller);
    let conversation = Reaching::new(caller, &headers).open(&app, &id).await?;
    if !offered {
        return Err(Error::conflict(
            "handoff_off",
            "This bot offers no people; its handoff.enabled is false",
        ));
    }
    let reason = words("reason", body.reason)?;
    let handed = conversations::hand_over(&app, conversation, reason).await?;
    Ok(Json(handed.into()))
}

/// Who is trusted may hand over a session, whatever the bot offers.
fn offers_people(caller: &Caller) -> bool {
    let offers = |bot: &Bot| bot.handoff.enabled;
    caller.is_trusted() || caller.bot.as_deref().is_some_and(offers)
}

/// Give a session back to the bot.
#[utoipa::path(
    delete, path = "/api/v1/chat/sessions/{id}/handoff", tag = "chat",
    params(("id" = String, Path, description = "The session")),
    responses((status = 204, description = "The bot answers again"))
)]
pub(crate) async fn end_handoff(
    State(app): State<App>,
    Agent(caller): Agent,
    headers: HeaderMap,
    Path(id): Path,
) -> Result<StatusCode, Error> {
    let conversation = Reaching::new(caller, &headers).open(&app, &id).await?;
    conversations::give_back(&app, &conversation).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<Feedback> for FeedbackOut {
    fn from(feedback: Feedback) -> Self {
        Self {
            session_id: feedback.conversation,
            message_id: feedback.message,
            rating: feedback.rating,
            csat: feedback.csat,
            comment: feedback.comment,
            created_at: feedback.created_at,
        }
    }
}

impl From<Conversation> for HandoffOut {
    fn from(conversation: Conversation) -> Self {
        Self {
            session_id: conversation.id,
            handoff: conversation.handoff.is_some(),
            status: conversation.status,
            since: conversation.handoff.as_ref().map(|handoff| handoff.since),
            reason: conversation.handoff.and_then(|handoff| handoff.reason),
        }
    }
}

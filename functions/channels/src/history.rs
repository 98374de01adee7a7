//! What was said in a visitor's thread.

use axum::{Json, extract::State};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use shared::{
    app::App,
    conversations::{self, Status},
    error::Error,
    http::{Path, Query, Reaching, Visiting, channels::MessageOut},
    ids::{ConversationId, MAX_ID_CHARS, MessageId},
};

use crate::thread;

/// Messages of one answer, the newest or those after `after`.
const MESSAGES: usize = 100;

/// Whose thread.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub(crate) struct HistoryIn {
    /// The visitor, by the id that the page gave.
    #[param(max_length = 128)]
    visitor_id: Option<String>,
    /// Proof of the id: its HMAC-SHA256 with the bot's identity secret, in hex.
    visitor_hash: Option<String>,
    /// The thread; absent = the visitor's last one.
    #[param(max_length = 128)]
    thread_id: Option<String>,
    /// For pages: the token that the thread's first answer gave, where a header cannot carry it.
    visitor_token: Option<String>,
    /// Only what was said after this message: for asking again and again.
    #[param(max_length = 128)]
    after: Option<String>,
}

/// What was said in a thread.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WidgetHistory)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HistoryOut {
    /// The thread; `null` when the visitor has none.
    thread_id: Option<ConversationId>,
    /// Where it stands; `null` when there is none.
    status: Option<Status>,
    /// Whether a person answers.
    handoff: bool,
    /// The last 100 messages, oldest first; with `after` the next 100 behind it.
    messages: Vec<MessageOut>,
}

/// Read a visitor's thread.
///
/// Full keys and members say which visitor; pages prove it, by the thread's token or by the hash of the visitor's id.
#[utoipa::path(
    get, path = "/api/channels/widget/{applicationId}/history", tag = "channels",
    params(
        ("applicationId" = String, Path, description = "The bot"),
        HistoryIn,
        ("X-Visitor-Token" = Option<String>, Header, description = "For pages: the token that the thread's first answer gave"),
    ),
    responses((status = 200, description = "What was said", body = HistoryOut))
)]
pub(crate) async fn get_widget_history(
    State(app): State<App>,
    Visiting(caller): Visiting,
    headers: HeaderMap,
    Path(application): Path,
    Query(wanted): Query<HistoryIn>,
) -> Result<Json<HistoryOut>, Error> {
    let bot = thread::bot(&app, &caller, application).await?.id;
    let mut reaching = Reaching::new(caller, &headers).or_token(wanted.visitor_token);
    match wanted.visitor_id.filter(|id| !id.is_empty()) {
        Some(id) if id.chars().count() > MAX_ID_CHARS => {
            return Err(Error::field(
                "visitorId",
                format!("must have at most {MAX_ID_CHARS} characters"),
            ));
        }
        Some(id) => reaching = reaching.as_visitor(&id, wanted.visitor_hash.as_deref()),
        None if wanted.thread_id.is_none() && reaching.holds().is_none() => {
            return Err(Error::field("visitorId", "is required, unless threadId is stated"));
        }
        None => {}
    }
    let Some(found) = thread::find(&app, &reaching, &bot, wanted.thread_id.as_deref()).await? else {
        return Ok(Json(HistoryOut {
            thread_id: None,
            status: None,
            handoff: false,
            messages: Vec::new(),
        }));
    };
    let after = wanted.after.filter(|id| !id.is_empty());
    let messages = match after
        .map(|id| MessageId::parse(id).ok_or(Error::NotFound("Message")))
        .transpose()?
    {
        None => {
            conversations::recent(&app.table, &found.tenant, &found.id, MESSAGES)
                .await?
                .messages
        }
        Some(after) => conversations::after(&app.table, &found.tenant, &found.id, &after, MESSAGES).await?,
    };
    Ok(Json(HistoryOut {
        thread_id: Some(found.id),
        status: Some(found.status),
        handoff: found.handoff.is_some(),
        messages: messages.into_iter().map(MessageOut::from).collect(),
    }))
}

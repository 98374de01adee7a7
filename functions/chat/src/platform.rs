//! The platform dialect: members, servers and pages ask a bot by its id.

use axum::{
    Extension,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{
    answer::{Began, Piece, Turn, answer, markers},
    app::App,
    conversations::Owner,
    error::Error,
    http::{Asker, Caller, Exchange, Json, platform::CitationOut, sse},
    ids::{BotId, ConversationId, MessageId},
    limits::Class,
    messages::{Confidence, Usage},
};

use crate::{
    app_chat::{self, AppChatOut},
    turn::{End, asked, begun, known, whole},
    visitor::{self, VISITOR_TOKEN, VisitorIn},
};

/// The body of a question.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = PlatformChatIn)]
pub(crate) struct ChatIn {
    /// The bot; absent = the credential's own, or the tenant's default.
    #[schema(max_length = 128)]
    bot_id: Option<String>,
    /// The question, at most 16,000 characters.
    #[schema(required = true, value_type = String, min_length = 1, max_length = 16_000)]
    pub(crate) message: Option<String>,
    /// The session to go on with; absent = a new one.
    #[schema(max_length = 128)]
    pub(crate) session_id: Option<String>,
    /// Who asks, when it is a visitor of a page.
    visitor: Option<VisitorIn>,
    /// Without a `bot_id`: whether the answer comes as it is written.
    pub(crate) stream: Option<bool>,
    /// Without a `bot_id`: the key, where a header cannot carry it.
    #[serde(rename = "api_key")]
    #[expect(dead_code, reason = "read by the layer around the handlers")]
    api_key: Option<String>,
}

/// A whole answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PlatformChatOut)]
pub(crate) struct ChatOut {
    /// For follow-up questions.
    session_id: ConversationId,
    /// The answer's message.
    message_id: MessageId,
    /// The answer, with markers `[n]` that count `citations` from 1; `null` while a person answers.
    response: Option<String>,
    /// What it rests on.
    citations: Vec<CitationOut>,
    /// How well the citations cover it; `null` while a person answers.
    confidence: Option<Confidence>,
    /// Whether a person answers from here.
    handoff: bool,
    /// What it took.
    usage: Usage,
}

/// What the two dialects of one path answer.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the answers; each dialect writes its own")]
enum AnyChatOut {
    Platform(ChatOut),
    App(AppChatOut),
}

/// Ask a bot, and get the whole answer.
///
/// With a `bot_id` the answer is the platform's. Without one the credential's own bot answers an app: in a session that is
/// private to the key, which opens under the `session_id` that the app chooses, and with `stream: true` as server-sent events
/// (`message` with `{"content"}` for each piece, `end` with `{"session_id"}`, `error`).
#[utoipa::path(
    post, path = "/api/v1/chat", tag = "chat", request_body = ChatIn,
    params(("X-Visitor-Token" = Option<String>, Header, description = "For pages: the token that the thread's first answer gave")),
    responses((status = 200, description = "The answer",
        content((AnyChatOut = "application/json"), (String = "text/event-stream")),
        headers(("X-Visitor-Token" = Option<String>, description = "With which the visitor goes on with this session"))))
)]
pub(crate) async fn send_platform_message(
    State(app): State<App>,
    Extension(exchange): Extension<Exchange>,
    Asker(caller): Asker,
    headers: HeaderMap,
    Json(body): Json<ChatIn>,
) -> Result<Response, Error> {
    let app_asks = body.bot_id.is_none();
    let streams = app_asks && body.stream.unwrap_or_default();
    let turn = match app_asks && !caller.is_page() {
        true => app_chat::turn(&caller, body)?,
        false => body.turn(&caller, &headers)?,
    };
    let pieces = answer(&app, turn, caller.limit(&app, Class::Chat, None)).await?;
    let (began, pieces) = begun(pieces).await?;
    let response = match (streams, app_asks) {
        (true, _) => sse::response(app_chat::frames(began.clone(), pieces, exchange)),
        (_, true) => axum::Json(AppChatOut::from(whole(began.clone(), pieces).await?)).into_response(),
        (_, false) => axum::Json(ChatOut::from(whole(began.clone(), pieces).await?)).into_response(),
    };
    Ok(with_token(response, &began))
}

/// With the header by which a visitor goes on, also when the stream is lost.
pub(crate) fn with_token(mut response: Response, began: &Began) -> Response {
    if let Some(Ok(token)) = began.visitor_token.as_deref().map(HeaderValue::from_str) {
        response.headers_mut().insert(VISITOR_TOKEN, token);
    }
    response
}

/// Ask a bot, and get the answer as it is written.
#[utoipa::path(
    post, path = "/api/v1/chat/stream", tag = "chat", request_body = ChatIn,
    params(("X-Visitor-Token" = Option<String>, Header, description = "For pages: the token that the thread's first answer gave")),
    responses((status = 200, description = "Server-sent events: `token` with `{\"token\"}` for each piece of text, `citations`, \
        then `done` with the rest of the answer; `error` when it breaks off. Each has the id `<message id>:<characters so far>`.",
        body = String, content_type = "text/event-stream",
        headers(("X-Visitor-Token" = Option<String>, description = "With which the visitor goes on with this session"))))
)]
pub(crate) async fn stream_platform_message(
    State(app): State<App>,
    Extension(exchange): Extension<Exchange>,
    Asker(caller): Asker,
    headers: HeaderMap,
    Json(body): Json<ChatIn>,
) -> Result<Response, Error> {
    let turn = Turn {
        resumable: true,
        ..body.turn(&caller, &headers)?
    };
    let pieces = answer(&app, turn, caller.limit(&app, Class::Chat, None)).await?;
    let (began, pieces) = begun(pieces).await?;
    Ok(with_token(
        sse::response(frames(began.clone(), pieces, exchange)),
        &began,
    ))
}

fn frames(
    began: Began,
    pieces: impl Stream<Item = Piece> + Send + 'static,
    exchange: Exchange,
) -> impl Stream<Item = Bytes> + Send {
    let mut sent = Sent { began, chars: 0 };
    pieces.flat_map(move |piece| futures::stream::iter(sent.frames(piece, &exchange)))
}

/// How far a stream has come.
struct Sent {
    began: Began,
    chars: usize,
}

impl Sent {
    fn frames(&mut self, piece: Piece, exchange: &Exchange) -> Vec<Bytes> {
        match piece {
            Piece::Began(_) => Vec::new(),
            Piece::Text(text) => vec![self.token(&text)],
            Piece::Cite(n) => vec![self.token(&markers::marker(n))],
            Piece::Done(answer) => self.end(&End::Answered(answer)),
            Piece::HandedOver => self.end(&End::HandedOver(self.began.clone())),
            Piece::Failed(error) => vec![sse::event("error", &self.id(), &exchange.broke_off(&error))],
        }
    }

    /// `<message id>:<characters so far>`.
    fn id(&self) -> String {
        format!("{}:{}", self.began.message, self.chars)
    }

    fn token(&mut self, text: &str) -> Bytes {
        self.chars += text.chars().count();
        sse::event("token", &self.id(), &json!({"token": text}))
    }

    fn end(&self, end: &End) -> Vec<Bytes> {
        last_frames(&self.id(), end)
    }
}

/// What follows behind the text: the citations, or that a person answers, and the rest.
pub(crate) fn last_frames(id: &str, end: &End) -> Vec<Bytes> {
    let visitor_token = end.visitor_token();
    let ChatOut {
        session_id,
        message_id,
        citations,
        confidence,
        handoff,
        usage,
        ..
    } = end.clone().into();
    let first = match handoff {
        true => sse::event("handoff", id, &json!({"handoff": true})),
        false => sse::event("citations", id, &json!({"citations": citations})),
    };
    let mut rest = json!({
        "session_id": session_id,
        "message_id": message_id,
        "confidence": confidence,
        "handoff": handoff,
        "usage": usage,
    });
    if let Some(token) = visitor_token {
        rest["visitor_token"] = token.into();
    }
    vec![first, sse::event("done", id, &rest)]
}

impl ChatIn {
    fn turn(self, caller: &Caller, headers: &HeaderMap) -> Result<Turn, Error> {
        let bot = bot(caller, self.bot_id)?;
        let asking = self
            .visitor
            .unwrap_or_default()
            .asking(caller, visitor::token(headers), false)?;
        let owner = Owner {
            bot,
            party: asking.party,
        };
        Ok(Turn {
            thread: known(self.session_id)?,
            person: asking.person,
            reach: asking.reach,
            proved: asking.proved,
            ..asked(caller, owner, self.message)?
        })
    }
}

/// The bot that is asked: one that the caller sees.
pub(crate) fn bot(caller: &Caller, stated: Option<String>) -> Result<BotId, Error> {
    let bot = match stated {
        None => Some(caller.bot().clone()),
        Some(stated) => BotId::parse(stated),
    };
    bot.filter(|bot| caller.sees(Some(bot))).ok_or(Error::NotFound("Bot"))
}

impl From<End> for ChatOut {
    fn from(end: End) -> Self {
        match end {
            End::Answered(answer) => Self {
                session_id: answer.conversation,
                message_id: answer.message,
                response: Some(answer.content),
                citations: answer.citations.into_iter().map(CitationOut::from).collect(),
                confidence: Some(answer.confidence),
                handoff: false,
                usage: answer.usage,
            },
            End::HandedOver(began) => Self {
                session_id: began.conversation,
                message_id: began.message,
                response: None,
                citations: Vec::new(),
                confidence: None,
                handoff: true,
                usage: Usage::default(),
            },
        }
    }
}

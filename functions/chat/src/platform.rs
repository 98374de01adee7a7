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
    answer::{Answer, Piece, Turn, answer},
    app::App,
    conversations::{Owner, Party, Reach},
    error::Error,
    http::{Asker, Caller, Exchange, Json, platform::CitationOut, sse},
    ids::{self, BotId, ConversationId, MAX_ID_CHARS, MessageId},
    limits::Class,
    messages::{Confidence, Usage},
    visitors,
};

use crate::{
    app_chat::{self, AppChatOut},
    turn::{asked, whole},
};

const VISITOR_TOKEN: &str = "x-visitor-token";

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

/// A visitor of a page.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub(crate) struct VisitorIn {
    /// The id that the page gives its visitor; absent = a fresh one.
    #[schema(max_length = 128)]
    id: Option<String>,
    /// Proof of the id: its HMAC-SHA256 with the bot's identity secret, in hex.
    #[schema(max_length = 128)]
    hash: Option<String>,
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
    /// How well the citations cover it.
    confidence: Confidence,
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
    if streams {
        return Ok(sse::response(app_chat::frames(pieces, exchange)));
    }
    let answer = whole(pieces).await?;
    let token = answer.visitor_token.as_deref().map(HeaderValue::from_str);
    let mut response = match app_asks {
        true => axum::Json(AppChatOut::from(answer)).into_response(),
        false => axum::Json(ChatOut::from(answer)).into_response(),
    };
    if let Some(Ok(token)) = token {
        response.headers_mut().insert(VISITOR_TOKEN, token);
    }
    Ok(response)
}

/// Ask a bot, and get the answer as it is written.
#[utoipa::path(
    post, path = "/api/v1/chat/stream", tag = "chat", request_body = ChatIn,
    params(("X-Visitor-Token" = Option<String>, Header, description = "For pages: the token that the thread's first answer gave")),
    responses((status = 200, description = "Server-sent events: `token` with `{\"token\"}` for each piece of text, `citations`, \
        then `done` with the rest of the answer; `error` when it breaks off. Each has the id `<message id>:<characters so far>`.",
        body = String, content_type = "text/event-stream"))
)]
pub(crate) async fn stream_platform_message(
    State(app): State<App>,
    Extension(exchange): Extension<Exchange>,
    Asker(caller): Asker,
    headers: HeaderMap,
    Json(body): Json<ChatIn>,
) -> Result<Response, Error> {
    let turn = body.turn(&caller, &headers)?;
    let pieces = answer(&app, turn, caller.limit(&app, Class::Chat, None)).await?;
    Ok(sse::response(frames(pieces, exchange)))
}

fn frames(pieces: impl Stream<Item = Piece> + Send + 'static, exchange: Exchange) -> impl Stream<Item = Bytes> + Send {
    async_stream::stream! {
        let mut pieces = std::pin::pin!(pieces);
        let (mut message, mut sent) = (String::new(), 0);
        while let Some(piece) = pieces.next().await {
            match piece {
                Piece::Began { message: id, .. } => message = id.to_string(),
                Piece::Text(text) => {
                    sent += text.chars().count();
                    yield sse::event("token", &format!("{message}:{sent}"), &json!({"token": text}));
                }
                Piece::Cite(n) => {
                    let marker = format!(" [{n}]");
                    sent += marker.chars().count();
                    yield sse::event("token", &format!("{message}:{sent}"), &json!({"token": marker}));
                }
                Piece::Done(answer) => {
                    let id = format!("{message}:{sent}");
                    let visitor_token = answer.visitor_token.clone();
                    let ChatOut { session_id, message_id, citations, confidence, usage, .. } = (*answer).into();
                    yield sse::event("citations", &id, &json!({"citations": citations}));
                    let mut end = json!({
                        "session_id": session_id,
                        "message_id": message_id,
                        "confidence": confidence,
                        "handoff": false,
                        "usage": usage,
                    });
                    if let Some(token) = visitor_token {
                        end["visitor_token"] = token.into();
                    }
                    yield sse::event("done", &id, &end);
                }
                Piece::Failed(error) => {
                    yield sse::event("error", &format!("{message}:{sent}"), &exchange.broke_off(&error));
                }
            }
        }
    }
}

impl ChatIn {
    fn turn(self, caller: &Caller, headers: &HeaderMap) -> Result<Turn, Error> {
        let bot = bot(caller, self.bot_id)?;
        let token = headers.get(VISITOR_TOKEN).and_then(|token| token.to_str().ok());
        let visitor = self.visitor.unwrap_or(VisitorIn { id: None, hash: None });
        let id = visitor.id.filter(|id| !id.is_empty());
        if id.as_ref().is_some_and(|id| id.chars().count() > MAX_ID_CHARS) {
            return Err(Error::field(
                "visitor.id",
                format!("must have at most {MAX_ID_CHARS} characters"),
            ));
        }
        let proved = match (&caller.bot, &id, &visitor.hash) {
            (Some(bot), Some(id), Some(hash)) => visitors::is_identified(bot, id, hash),
            _ => false,
        };
        let party = match id {
            Some(visitor) => Party::Visitor { visitor },
            None if caller.is_page() => Party::Visitor { visitor: ids::fresh() },
            None => Party::Credential {
                credential: caller.id(),
            },
        };
        let reach = match token {
            _ if caller.is_trusted() => Reach::Bot,
            _ if proved || matches!(party, Party::Credential { .. }) => Reach::Own,
            token => Reach::Token(token.unwrap_or_default().to_owned()),
        };
        Ok(Turn {
            reach,
            ..asked(caller, Owner { bot, party }, self.message, self.session_id)?
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

impl From<Answer> for ChatOut {
    fn from(answer: Answer) -> Self {
        Self {
            session_id: answer.conversation,
            message_id: answer.message,
            response: Some(answer.content),
            citations: answer.citations.into_iter().map(CitationOut::from).collect(),
            confidence: answer.confidence,
            handoff: false,
            usage: answer.usage,
        }
    }
}

//! The app dialect: one app, one key, often in a browser. `POST /api/v1/chat` without a `bot_id` speaks it.

use bytes::Bytes;
use futures::{Stream, StreamExt};
use serde::Serialize;
use serde_json::{Value, json};
use shared::{
    answer::{Began, Piece, Thread, Turn, markers},
    conversations::{Owner, Party},
    error::Error,
    http::{Caller, Exchange, platform::CitationOut, sse},
    ids::ConversationId,
    messages::{Confidence, Usage},
};

use crate::{
    platform::{self, ChatIn},
    turn::{End, asked},
};

/// Most characters of a session's id that an app chooses.
const MAX_SESSION_CHARS: usize = 64;

/// A whole answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AppChatOut)]
pub(crate) struct AppChatOut {
    /// Always `true`.
    success: bool,
    /// The answer; `null` while a person answers.
    content: Option<String>,
    /// For follow-up questions.
    session_id: String,
    /// What it rests on.
    citations: Vec<CitationOut>,
    /// How well the citations cover it; `null` while a person answers.
    confidence: Option<Confidence>,
    /// Whether a person answers from here.
    handoff: bool,
    /// What it took.
    usage: Usage,
}

/// A question in a session that is private to the credential; one that is not there yet is opened under its id. Pages ask as
/// visitors instead: what they hold is no secret.
pub(crate) fn turn(caller: &Caller, body: ChatIn) -> Result<Turn, Error> {
    let credential = caller.id();
    let party = Party::Credential {
        credential: credential.clone(),
    };
    let owner = Owner {
        bot: platform::bot(caller, None)?,
        party,
    };
    let session = match body.session_id.filter(|id| !id.is_empty()) {
        Some(id) => named(id)?,
        None => shared::ids::fresh(),
    };
    Ok(Turn {
        thread: Thread::Named(ConversationId::of_app(&credential, &session)),
        ..asked(caller, owner, body.message)?
    })
}

/// A session's id as apps choose them.
fn named(id: String) -> Result<String, Error> {
    let fine = id.len() <= MAX_SESSION_CHARS
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    match fine {
        true => Ok(id),
        // No session has such an id.
        false => Err(Error::NotFound("Conversation")),
    }
}

pub(crate) fn frames(
    began: Began,
    pieces: impl Stream<Item = Piece> + Send + 'static,
    exchange: Exchange,
) -> impl Stream<Item = Bytes> + Send {
    pieces.filter_map(move |piece| {
        let frame = match piece {
            Piece::Began(_) | Piece::Cite(_) => None,
            Piece::Text(text) => Some(sse::named("message", &json!({"content": text}))),
            Piece::Done(_) => Some(sse::named("end", &end(&began))),
            Piece::HandedOver => {
                let mut end = end(&began);
                end["handoff"] = true.into();
                Some(sse::named("end", &end))
            }
            Piece::Failed(error) => {
                let body = exchange.broke_off(&error);
                Some(sse::named("error", &json!({"error": body.error})))
            }
        };
        std::future::ready(frame)
    })
}

fn end(began: &Began) -> Value {
    let mut end = json!({"session_id": began.conversation.app_session()});
    if let Some(token) = &began.visitor_token {
        end["visitor_token"] = token.as_str().into();
    }
    end
}

impl From<End> for AppChatOut {
    fn from(end: End) -> Self {
        match end {
            End::Answered(answer) => Self {
                success: true,
                content: Some(markers::strip(&answer.content)),
                session_id: answer.conversation.app_session().to_owned(),
                citations: answer.citations.into_iter().map(CitationOut::from).collect(),
                confidence: Some(answer.confidence),
                handoff: false,
                usage: answer.usage,
            },
            End::HandedOver(began) => Self {
                success: true,
                content: None,
                session_id: began.conversation.app_session().to_owned(),
                citations: Vec::new(),
                confidence: None,
                handoff: true,
                usage: Usage::default(),
            },
        }
    }
}

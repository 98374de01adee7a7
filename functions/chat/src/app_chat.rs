//! The app dialect: one app, one key, often in a browser. `POST /api/v1/chat` without a `bot_id` speaks it.

use bytes::Bytes;
use futures::{Stream, StreamExt};
use serde::Serialize;
use serde_json::json;
use shared::{
    answer::{Answer, Piece, Turn, markers},
    conversations::{Owner, Party, Reach},
    error::Error,
    http::{Caller, Exchange, platform::CitationOut, sse},
    ids::ConversationId,
    messages::{Confidence, Usage},
};

use crate::{
    platform::{self, ChatIn},
    turn::asked,
};

/// Most characters of a session's id that an app chooses.
const MAX_SESSION_CHARS: usize = 64;

/// A whole answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AppChatOut)]
pub(crate) struct AppChatOut {
    /// Always `true`.
    success: bool,
    /// The answer.
    content: String,
    /// For follow-up questions.
    session_id: String,
    /// What it rests on.
    citations: Vec<CitationOut>,
    /// How well the citations cover it.
    confidence: Confidence,
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
        reach: Reach::Own,
        opens: true,
        ..asked(caller, owner, body.message, Some(format!("{credential}~{session}")))?
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

/// The id by which the app knows a session.
fn session_id(conversation: &ConversationId) -> String {
    let id = conversation.as_str();
    id.rsplit_once('~').map_or(id, |(_, session)| session).to_owned()
}

pub(crate) fn frames(
    pieces: impl Stream<Item = Piece> + Send + 'static,
    exchange: Exchange,
) -> impl Stream<Item = Bytes> + Send {
    pieces.filter_map(move |piece| {
        let frame = match piece {
            Piece::Began { .. } | Piece::Cite(_) => None,
            Piece::Text(text) => Some(sse::named("message", &json!({"content": text}))),
            Piece::Done(answer) => {
                let mut end = json!({"session_id": session_id(&answer.conversation)});
                if let Some(token) = &answer.visitor_token {
                    end["visitor_token"] = token.as_str().into();
                }
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

impl From<Answer> for AppChatOut {
    fn from(answer: Answer) -> Self {
        Self {
            success: true,
            content: markers::strip(&answer.content),
            session_id: session_id(&answer.conversation),
            citations: answer.citations.into_iter().map(CitationOut::from).collect(),
            confidence: answer.confidence,
            usage: answer.usage,
        }
    }
}

//! The ai dialect: a partner's back end asks on behalf of its users.

use axum::{Extension, extract::State, response::Response};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{
    answer::{Answer, MAX_MESSAGE_CHARS, Piece, Turn, answer, markers},
    app::App,
    error::Error,
    http::{EndUser, Json, PartnerAsking, RequestId, ai::CitationOut, sse},
    ids::{ConversationId, DocumentId, FolderId},
    messages::Confidence,
};

/// Most ids in `documentIds` and in `folderIds`.
const MAX_IDS: usize = 1_000;

/// The body of a question.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChatIn {
    /// The question.
    message: Option<String>,
    /// The conversation to go on with.
    conversation_id: Option<String>,
    /// Only these documents.
    document_ids: Option<Vec<String>>,
    /// Only documents of these folders.
    folder_ids: Option<Vec<String>>,
}

/// A whole answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChatOut {
    /// For follow-up questions.
    conversation_id: ConversationId,
    /// The answer.
    content: String,
    /// What it rests on.
    citations: Vec<CitationOut>,
    /// How well the citations cover it.
    confidence: Confidence,
}

/// `POST /api/ai/chat`
pub(crate) async fn send_message(
    State(app): State<App>,
    PartnerAsking { caller, user }: PartnerAsking,
    Json(body): Json<ChatIn>,
) -> Result<axum::Json<ChatOut>, Error> {
    let turn = body.turn(&caller, user)?;
    let mut pieces = std::pin::pin!(answer(&app, turn).await?);
    while let Some(piece) = pieces.next().await {
        match piece {
            Piece::Text(_) | Piece::Cite(_) => {}
            Piece::Done(answer) => return Ok(axum::Json((*answer).into())),
            Piece::Failed(error) => return Err(error),
        }
    }
    Err(Error::internal("the answer ended without an end"))
}

/// `POST /api/ai/chat/stream`
pub(crate) async fn stream_message(
    State(app): State<App>,
    Extension(request): Extension<RequestId>,
    PartnerAsking { caller, user }: PartnerAsking,
    Json(body): Json<ChatIn>,
) -> Result<Response, Error> {
    let turn = body.turn(&caller, user)?;
    Ok(sse::response(frames(answer(&app, turn).await?, request)))
}

/// `{"token"}` per piece of text, then one event with the rest; markers are left out.
fn frames(pieces: impl Stream<Item = Piece> + Send + 'static, request: RequestId) -> impl Stream<Item = Bytes> + Send {
    pieces.filter_map(move |piece| {
        let frame = match piece {
            Piece::Text(text) => Some(sse::data(&json!({"token": text}))),
            Piece::Cite(_) => None,
            Piece::Done(answer) => {
                let ChatOut {
                    conversation_id,
                    citations,
                    confidence,
                    ..
                } = (*answer).into();
                let end = json!({"conversationId": conversation_id, "citations": citations, "confidence": confidence});
                Some(sse::data(&end))
            }
            Piece::Failed(error) => {
                error.log(&request.0);
                Some(sse::data(&json!({"error": error.to_string()})))
            }
        };
        std::future::ready(frame)
    })
}

impl ChatIn {
    fn turn(self, caller: &shared::http::Caller, user: EndUser) -> Result<Turn, Error> {
        let message = self.message.unwrap_or_default();
        if message.trim().is_empty() {
            return Err(Error::sentence("Message is required", "message", "must not be blank"));
        }
        if message.chars().count() > MAX_MESSAGE_CHARS {
            return Err(Error::field(
                "message",
                format!("must have at most {MAX_MESSAGE_CHARS} characters"),
            ));
        }
        let conversation = self
            .conversation_id
            .map(|id| ConversationId::parse(id).ok_or(Error::NotFound("Conversation")));
        Ok(Turn {
            tenant: caller.tenant().clone(),
            bot: caller.bot().clone(),
            access: user.access(),
            owner: user.owner(caller),
            message,
            conversation: conversation.transpose()?,
            documents: limit("documentIds", self.document_ids, DocumentId::parse, DocumentId::new)?,
            folders: limit("folderIds", self.folder_ids, FolderId::parse, FolderId::new)?,
        })
    }
}

/// A list of ids to search within. Malformed ids match nothing: a list of nothing else becomes one id that nothing has.
fn limit<I>(
    field: &str,
    ids: Option<Vec<String>>,
    parse: fn(String) -> Option<I>,
    unknown: fn() -> I,
) -> Result<Vec<I>, Error> {
    let stated = ids.unwrap_or_default();
    if stated.len() > MAX_IDS {
        return Err(Error::field(field, format!("must list at most {MAX_IDS} ids")));
    }
    let asked = !stated.is_empty();
    let mut ids: Vec<I> = stated.into_iter().filter_map(parse).collect();
    if asked && ids.is_empty() {
        ids.push(unknown());
    }
    Ok(ids)
}

impl From<Answer> for ChatOut {
    fn from(answer: Answer) -> Self {
        Self {
            conversation_id: answer.conversation,
            content: markers::strip(&answer.content),
            citations: answer.citations.into_iter().map(CitationOut::from).collect(),
            confidence: answer.confidence,
        }
    }
}

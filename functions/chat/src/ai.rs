//! The ai dialect: a partner's back end asks on behalf of its users.

use axum::{Extension, extract::State, response::Response};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{
    answer::{Answer, Piece, Turn, answer, markers},
    app::App,
    error::Error,
    http::{Caller, EndUser, Exchange, Json, PartnerAsking, ai::CitationOut, id_list, parameters::EndUserHeaders, sse},
    ids::{ConversationId, DocumentId, FolderId},
    limits::Class,
    messages::Confidence,
};

use crate::turn::{answered, asked, known};

/// The body of a question.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = AiChatIn)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChatIn {
    /// The question, at most 16,000 characters.
    #[schema(required = true, value_type = String, min_length = 1, max_length = 16_000)]
    message: Option<String>,
    /// The conversation to go on with; absent = a new one.
    #[schema(max_length = 128)]
    conversation_id: Option<String>,
    /// Only these documents; none = no limit.
    #[schema(max_items = 1000)]
    document_ids: Option<Vec<String>>,
    /// Only documents of these folders; none = no limit.
    #[schema(max_items = 1000)]
    folder_ids: Option<Vec<String>>,
}

/// A whole answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AiChatOut)]
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

/// Ask, and get the whole answer.
#[utoipa::path(
    post, path = "/api/ai/chat", tag = "ai", params(EndUserHeaders), request_body = ChatIn,
    responses((status = 200, description = "The answer", body = ChatOut))
)]
pub(crate) async fn send_message(
    State(app): State<App>,
    PartnerAsking { caller, user }: PartnerAsking,
    Json(body): Json<ChatIn>,
) -> Result<axum::Json<ChatOut>, Error> {
    let turn = body.turn(&caller, &user)?;
    let pieces = answer(&app, turn, caller.limit(&app, Class::Chat, Some(&user))).await?;
    Ok(axum::Json(answered(pieces).await?.into()))
}

/// Ask, and get the answer as it is written.
#[utoipa::path(
    post, path = "/api/ai/chat/stream", tag = "ai", params(EndUserHeaders), request_body = ChatIn,
    responses((status = 200, description = "Server-sent events: `{\"token\"}` for each piece of text, then one with \
        `conversationId`, `citations` and `confidence`; `{\"error\"}` when it breaks off.",
        body = String, content_type = "text/event-stream"))
)]
pub(crate) async fn stream_message(
    State(app): State<App>,
    Extension(exchange): Extension<Exchange>,
    PartnerAsking { caller, user }: PartnerAsking,
    Json(body): Json<ChatIn>,
) -> Result<Response, Error> {
    let turn = body.turn(&caller, &user)?;
    let pieces = answer(&app, turn, caller.limit(&app, Class::Chat, Some(&user))).await?;
    Ok(sse::response(frames(pieces, exchange)))
}

/// `{"token"}` per piece of text, then one event with the rest; markers are left out.
fn frames(pieces: impl Stream<Item = Piece> + Send + 'static, exchange: Exchange) -> impl Stream<Item = Bytes> + Send {
    pieces.filter_map(move |piece| {
        let frame = match piece {
            Piece::Text(text) => Some(sse::data(&json!({"token": text}))),
            // Nobody takes over a partner's conversations.
            Piece::Began(_) | Piece::Cite(_) | Piece::HandedOver => None,
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
                let body = exchange.broke_off(&error);
                Some(sse::data(&json!({"error": body.error})))
            }
        };
        std::future::ready(frame)
    })
}

impl ChatIn {
    fn turn(self, caller: &Caller, user: &EndUser) -> Result<Turn, Error> {
        let mut turn = asked(caller, user.owner(caller), self.message)?;
        turn.thread = known(self.conversation_id)?;
        turn.scope.access = user.access();
        turn.scope.documents = id_list("documentIds", self.document_ids, DocumentId::parse, DocumentId::new)?;
        turn.scope.folders = id_list("folderIds", self.folder_ids, FolderId::parse, FolderId::new)?;
        Ok(turn)
    }
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

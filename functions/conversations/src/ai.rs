//! The ai dialect: a user's own conversations, and nobody else's.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use shared::{
    answer::markers,
    app::App,
    clock::Time,
    conversations::{self, Conversation, Recent, Total},
    error::Error,
    http::{Partner, Path, Query, ai::CitationOut, parse_limit},
    ids::{ConversationId, MessageId},
    messages::{Confidence, Message, Role},
};

/// `?limit=` and `?offset=`.
#[derive(Debug, Deserialize)]
pub(crate) struct ListParams {
    limit: Option<String>,
    offset: Option<String>,
}

/// One page of a user's conversations, the last active first.
#[derive(Debug, Serialize)]
pub(crate) struct ListOut {
    conversations: Vec<SummaryOut>,
    total: u64,
    limit: usize,
    offset: usize,
}

/// A conversation without its messages.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SummaryOut {
    id: ConversationId,
    title: String,
    created_at: Time,
    updated_at: Time,
    message_count: u32,
}

/// A conversation with its messages, oldest first.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConversationOut {
    id: ConversationId,
    title: String,
    created_at: Time,
    updated_at: Time,
    messages: Vec<MessageOut>,
}

/// A message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageOut {
    id: MessageId,
    role: Role,
    content: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    citations: Option<Vec<CitationOut>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<Confidence>,
    created_at: Time,
}

/// `GET /api/ai/conversations`
pub(crate) async fn list_conversations(
    State(app): State<App>,
    Partner { caller, user }: Partner,
    Query(params): Query<ListParams>,
) -> Result<Json<ListOut>, Error> {
    let limit = parse_limit(params.limit.as_deref())?;
    let offset = match params.offset.as_deref() {
        None => 0,
        Some(offset) => offset
            .parse()
            .map_err(|_| Error::field("offset", "must be a number from 0"))?,
    };
    let (tenant, owner) = (caller.tenant(), user.owner(&caller));
    let (key, partition) = (owner.total_key(tenant), owner.partition(tenant));
    let total = async || Ok(app.table.get::<Total>(&key).await?.unwrap_or_default().total);
    let page = async |most| app.table.index1::<Conversation>(&partition, most).await;
    let (total, found) = match offset {
        0 => futures::try_join!(total(), page(limit))?,
        // Behind the end there is nothing to read.
        _ => match total().await? {
            total if usize::try_from(total).is_ok_and(|total| offset >= total) => (total, Vec::new()),
            total => (total, page(offset + limit).await?),
        },
    };
    let conversations = found.into_iter().skip(offset).map(SummaryOut::from).collect();
    Ok(Json(ListOut {
        conversations,
        total,
        limit,
        offset,
    }))
}

/// `GET /api/ai/conversations/{id}`
pub(crate) async fn get_conversation(
    State(app): State<App>,
    Partner { caller, user }: Partner,
    Path(id): Path,
) -> Result<Json<ConversationOut>, Error> {
    let id = ConversationId::parse(id).ok_or(Error::NotFound("Conversation"))?;
    let found = conversations::all(&app.table, caller.tenant(), &user.owner(&caller), &id).await?;
    Ok(Json(found.into()))
}

impl From<Conversation> for SummaryOut {
    fn from(conversation: Conversation) -> Self {
        let Conversation {
            id,
            title,
            created_at,
            updated_at,
            message_count,
            ..
        } = conversation;
        Self {
            id,
            title,
            created_at,
            updated_at,
            message_count,
        }
    }
}

impl From<Recent> for ConversationOut {
    fn from(found: Recent) -> Self {
        let Conversation {
            id,
            title,
            created_at,
            updated_at,
            ..
        } = found.conversation;
        Self {
            id,
            title,
            created_at,
            updated_at,
            messages: found.messages.into_iter().map(MessageOut::from).collect(),
        }
    }
}

impl From<Message> for MessageOut {
    fn from(message: Message) -> Self {
        let Message {
            id,
            role,
            content,
            citations,
            confidence,
            created_at,
            ..
        } = message;
        let content = match role {
            Role::User => content,
            Role::Assistant => markers::strip(&content),
        };
        let citations = citations.map(|citations| citations.into_iter().map(CitationOut::from).collect());
        Self {
            id,
            role,
            content,
            citations,
            confidence,
            created_at,
        }
    }
}

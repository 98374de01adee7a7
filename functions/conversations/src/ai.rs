//! The ai dialect: a user's own conversations, and nobody else's.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use shared::{
    answer::markers,
    app::App,
    clock::Time,
    conversations::{self, Conversation, Recent, Total},
    error::Error,
    http::{Partner, Path, Query, ai::CitationOut, parameters::EndUserHeaders, parse_limit},
    ids::{ConversationId, MessageId},
    messages::{Confidence, Message, Role},
};

/// `?limit=` and `?offset=`.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// Conversations of a page, 20 when not said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Conversations to leave out at the beginning.
    #[param(value_type = Option<u32>, minimum = 0)]
    offset: Option<String>,
}

/// One page of a user's conversations, the last active first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AiConversationList)]
pub(crate) struct ListOut {
    /// The page.
    conversations: Vec<SummaryOut>,
    /// How many there are.
    total: u64,
    /// Conversations of a page.
    limit: usize,
    /// Conversations left out at the beginning.
    offset: usize,
}

/// A conversation without its messages.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AiConversationSummary)]
#[serde(rename_all = "camelCase")]
struct SummaryOut {
    /// Its id.
    id: ConversationId,
    /// What it is about.
    title: String,
    /// When it began.
    created_at: Time,
    /// When its last message was written.
    updated_at: Time,
    /// How many messages it has.
    message_count: u32,
}

/// A conversation with its messages, oldest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AiConversation)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConversationOut {
    /// Its id.
    id: ConversationId,
    /// What it is about.
    title: String,
    /// When it began.
    created_at: Time,
    /// When its last message was written.
    updated_at: Time,
    /// The messages, oldest first.
    messages: Vec<MessageOut>,
}

/// A message.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AiMessage)]
#[serde(rename_all = "camelCase")]
struct MessageOut {
    /// Its id.
    id: MessageId,
    /// Who said it.
    role: Role,
    /// What was said.
    content: String,
    /// What an answer rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    citations: Option<Vec<CitationOut>>,
    /// How well an answer is covered.
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<Confidence>,
    /// When it was said.
    created_at: Time,
}

/// List the user's conversations, the last active first.
#[utoipa::path(
    get, path = "/api/ai/conversations", tag = "ai", params(EndUserHeaders, ListParams),
    responses((status = 200, description = "A page of the user's conversations", body = ListOut))
)]
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

/// Read a conversation.
#[utoipa::path(
    get, path = "/api/ai/conversations/{id}", tag = "ai",
    params(EndUserHeaders, ("id" = String, Path, description = "The conversation")),
    responses((status = 200, description = "The conversation with its messages", body = ConversationOut))
)]
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

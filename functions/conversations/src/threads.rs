//! The channels dialect: reading and archiving threads, and what was learnt from them.

use axum::{Json, extract::State};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use shared::{
    app::App,
    clock::Time,
    conversations::{self, Conversation, Status},
    error::Error,
    http::{
        Agent, PageParams, Path, Query, Reaching, Reader,
        channels::{ArchivedOut, InsightsOut, MessageOut},
    },
    ids::ConversationId,
    insights::{self, Findings},
    messages::Message,
    store,
};

/// A page of a thread.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ThreadMessages)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessagesOut {
    /// The thread.
    thread_id: ConversationId,
    /// Where it stands.
    status: Status,
    /// The messages, oldest first.
    messages: Vec<MessageOut>,
    /// For the next page's `?cursor=`; `null` at the end.
    next_cursor: Option<String>,
}

/// What was extracted from a thread when it was archived last.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ThreadInsights)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LatestOut {
    /// The thread.
    thread_id: ConversationId,
    /// How far the extraction has come.
    status: insights::Status,
    /// When it ended; `null` until then.
    extracted_at: Option<Time>,
    /// What was found; `null` until then.
    insights: Option<Findings>,
}

/// `?limit=` and `?cursor=`.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageIn {
    /// Messages of a page, 20 when not said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
}

/// Read the messages of a thread.
#[utoipa::path(
    get, path = "/api/threads/{threadId}/messages", tag = "channels",
    params(("threadId" = String, Path, description = "The thread"), PageIn),
    responses((status = 200, description = "A page of messages, oldest first", body = MessagesOut))
)]
pub(crate) async fn list_thread_messages(
    State(app): State<App>,
    Reader(caller): Reader,
    headers: HeaderMap,
    Path(id): Path,
    Query(page): Query<PageIn>,
) -> Result<Json<MessagesOut>, Error> {
    let page = PageParams::new(page.limit, page.cursor);
    let limit = page.limit()?;
    let Conversation { id, tenant, status, .. } = Reaching::new(caller, &headers).open(&app, &id).await?;
    let partition = conversations::partition(&tenant, &id);
    let query = store::Query {
        newest_first: false,
        limit: Some(limit),
        after: page.cursor(&partition, Message::KIND)?,
        ..store::Query::newest(partition.clone(), Message::KIND)
    };
    let found = app.table.query::<Message>(query).await?;
    Ok(Json(MessagesOut {
        thread_id: id,
        status,
        messages: found.items.into_iter().map(MessageOut::from).collect(),
        next_cursor: found.next.map(|cursor| cursor.encode(&partition)),
    }))
}

/// Archive a thread.
///
/// Ends it, and has insights extracted where the bot's `insights.mode` is `archive`: once, however often this is asked. A
/// message after that opens a new thread.
#[utoipa::path(
    post, path = "/api/threads/{threadId}/archive", tag = "channels",
    params(("threadId" = String, Path, description = "The thread")),
    responses((status = 200, description = "The thread is archived", body = ArchivedOut))
)]
pub(crate) async fn archive_thread(
    State(app): State<App>,
    Agent(caller): Agent,
    headers: HeaderMap,
    Path(id): Path,
) -> Result<Json<ArchivedOut>, Error> {
    let conversation = Reaching::new(caller, &headers).open(&app, &id).await?;
    let thread_id = conversation.id.clone();
    let extracts = conversations::archive(&app, conversation).await?;
    Ok(Json(ArchivedOut {
        thread_id,
        status: Status::Archived,
        insights: InsightsOut::new(extracts),
    }))
}

/// Read the insights of a thread.
///
/// Those of the last time that it was archived; 404 before any.
#[utoipa::path(
    get, path = "/api/threads/{threadId}/latest-insights", tag = "channels",
    params(("threadId" = String, Path, description = "The thread")),
    responses((status = 200, description = "The insights, or how far they have come", body = LatestOut))
)]
pub(crate) async fn get_latest_insights(
    State(app): State<App>,
    Reader(caller): Reader,
    headers: HeaderMap,
    Path(id): Path,
) -> Result<Json<LatestOut>, Error> {
    let Conversation { id, tenant, .. } = Reaching::new(caller, &headers).open(&app, &id).await?;
    let newest = insights::newest(&app.table, &tenant, &id).await?;
    let newest = newest.ok_or(Error::NotFound("Insights"))?;
    Ok(Json(LatestOut {
        thread_id: id,
        status: newest.status,
        extracted_at: newest.extracted_at,
        insights: newest.findings,
    }))
}

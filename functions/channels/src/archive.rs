//! Ending a visitor's thread.

use axum::{Json, extract::State};
use http::HeaderMap;
use serde::Deserialize;
use shared::{
    app::App,
    conversations::{self, Status},
    error::Error,
    http::{
        self as extract, Chatter, Path, Reaching,
        channels::{ArchivedOut, InsightsOut},
    },
    ids::MAX_ID_CHARS,
};

use crate::thread;

/// Whose thread, or which.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ArchiveIn {
    /// The visitor whose last thread it is.
    visitor: Option<VisitorIn>,
    /// The thread.
    #[schema(max_length = 128)]
    thread_id: Option<String>,
    /// For pages: the token that the thread's first answer gave, where a header cannot carry it.
    visitor_token: Option<String>,
}

/// A visitor of a page.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = ArchivingVisitor)]
struct VisitorIn {
    /// The id that the page gave.
    #[schema(max_length = 128)]
    id: String,
    /// Proof of the id: its HMAC-SHA256 with the bot's identity secret, in hex.
    hash: Option<String>,
}

/// Archive a visitor's thread.
///
/// Ends it, and has insights extracted where the bot's `insights.mode` is `archive`. The visitor's next message opens a new one.
#[utoipa::path(
    post, path = "/api/channels/widget/{applicationId}/archive", tag = "channels", request_body = ArchiveIn,
    params(
        ("applicationId" = String, Path, description = "The bot"),
        ("X-Visitor-Token" = Option<String>, Header, description = "For pages: the token that the thread's first answer gave"),
    ),
    responses((status = 200, description = "The thread is archived", body = ArchivedOut))
)]
pub(crate) async fn archive_widget_thread(
    State(app): State<App>,
    Chatter(caller): Chatter,
    headers: HeaderMap,
    Path(application): Path,
    extract::Json(body): extract::Json<ArchiveIn>,
) -> Result<Json<ArchivedOut>, Error> {
    let bot = thread::bot(&app, &caller, application).await?.id;
    let mut reaching = Reaching::new(caller, &headers).or_token(body.visitor_token);
    match &body.visitor {
        Some(visitor) if !(1..=MAX_ID_CHARS).contains(&visitor.id.chars().count()) => {
            let reason = format!("must have 1 to {MAX_ID_CHARS} characters");
            return Err(Error::field("visitor.id", reason));
        }
        Some(visitor) => reaching = reaching.as_visitor(&visitor.id, visitor.hash.as_deref()),
        None if body.thread_id.is_none() && reaching.holds().is_none() => {
            return Err(Error::field("visitor", "is required, unless threadId is stated"));
        }
        None => {}
    }
    let found = thread::find(&app, &reaching, &bot, body.thread_id.as_deref()).await?;
    let found = found.ok_or(Error::NotFound("Conversation"))?;
    let thread_id = found.id.clone();
    let extracts = conversations::archive(&app, found).await?;
    Ok(Json(ArchivedOut {
        thread_id,
        status: Status::Archived,
        insights: InsightsOut::new(extracts),
    }))
}

//! The app dialect: the sessions of one app.

use axum::{Json, extract::State};
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use shared::{
    answer::markers,
    app::App,
    clock::Time,
    conversations::{self, Conversation, Owner, Party},
    error::Error,
    http::{AppReader, Caller, Query, parse_limit},
    messages::{Message, Role},
};

/// Most sessions of a page with messages.
const SESSIONS: usize = 20;
/// Messages of a session that `include_all` adds, the newest.
const MESSAGES: usize = 20;
/// Sessions whose messages are read at the same time.
const AT_ONCE: usize = 8;
/// Furthest page: what lies before it is read, too.
const MAX_PAGE: usize = 200;

/// Which sessions.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SessionsIn {
    /// Adds archived sessions, and each session's last 20 messages.
    #[param(value_type = Option<bool>)]
    include_all: Option<String>,
    /// The page, from 1.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    page: Option<String>,
    /// Sessions of a page, 20 when not said; with `include_all` at most 20.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    per_page: Option<String>,
    /// The key, where a header cannot carry it.
    #[expect(dead_code, reason = "read by the layer around the handlers")]
    api_key: Option<String>,
}

/// A page of an app's sessions, the last active first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AppSessions)]
pub(crate) struct SessionsOut {
    /// Always `true`.
    success: bool,
    /// The page.
    sessions: Vec<SessionOut>,
    /// Where it stands in the whole.
    meta: MetaOut,
}

/// A session of an app.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AppSession)]
struct SessionOut {
    /// The id that the app chose, or that its first answer gave.
    session_id: String,
    /// When its last message was written.
    last_at: Time,
    /// Tokens that its answers took.
    total_tokens: u64,
    /// The beginning of its last answer.
    preview: String,
    /// With `include_all`: its last messages, oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<Vec<MessageOut>>,
}

/// A message.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AppMessage)]
struct MessageOut {
    /// Who said it.
    role: Role,
    /// What was said.
    content: String,
    /// When it was said.
    created_at: Time,
}

/// Where a page stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AppPage)]
struct MetaOut {
    /// This page, from 1.
    current_page: usize,
    /// Sessions of a page.
    per_page: usize,
    /// Whether there is another one.
    has_more: bool,
}

/// List the sessions of an app.
///
/// Those that the credential began, the last active first. Archived ones are left out unless `include_all` asks for them.
#[utoipa::path(
    get, path = "/api/v1/sessions", tag = "app", params(SessionsIn),
    responses((status = 200, description = "A page of sessions", body = SessionsOut))
)]
pub(crate) async fn list_app_sessions(
    State(app): State<App>,
    AppReader(caller): AppReader,
    Query(wanted): Query<SessionsIn>,
) -> Result<Json<SessionsOut>, Error> {
    let all = flag("include_all", wanted.include_all.as_deref())?;
    let per_page = parse_limit(wanted.per_page.as_deref()).map_err(|_| range("per_page", 100))?;
    // Their messages must go into one answer of 6 MB.
    let per_page = if all { per_page.min(SESSIONS) } else { per_page };
    let page = page(wanted.page.as_deref())?;
    let (before, wanted) = ((page - 1) * per_page, page * per_page + 1);
    let owner = Owner {
        bot: caller.bot().clone(),
        party: Party::Credential {
            credential: caller.id(),
        },
    };
    let found = conversations::of_owner(&app.table, caller.tenant(), &owner, wanted, all).await?;
    let has_more = found.len() == wanted;
    let shown = found.into_iter().skip(before).take(per_page);
    let sessions: Vec<SessionOut> = match all {
        false => shown.map(|session| SessionOut::new(session, None)).collect(),
        true => {
            let reading = shown.map(|session| with_messages(&app, &caller, session));
            stream::iter(reading).buffered(AT_ONCE).try_collect().await?
        }
    };
    Ok(Json(SessionsOut {
        success: true,
        sessions,
        meta: MetaOut {
            current_page: page,
            per_page,
            has_more,
        },
    }))
}

async fn with_messages(app: &App, caller: &Caller, session: Conversation) -> Result<SessionOut, Error> {
    match conversations::recent(&app.table, caller.tenant(), &session.id, MESSAGES).await {
        Ok(recent) => Ok(SessionOut::new(recent.conversation, Some(recent.messages))),
        // Erased a moment ago.
        Err(Error::NotFound(_)) => Ok(SessionOut::new(session, Some(Vec::new()))),
        Err(error) => Err(error),
    }
}

/// `true` or `false`, also as `1` and `0`.
fn flag(name: &str, stated: Option<&str>) -> Result<bool, Error> {
    match stated {
        None | Some("" | "false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(_) => Err(Error::field(name, "must be true or false")),
    }
}

fn page(stated: Option<&str>) -> Result<usize, Error> {
    let page = stated.map_or(Ok(1), str::parse);
    page.ok()
        .filter(|page| (1..=MAX_PAGE).contains(page))
        .ok_or_else(|| range("page", MAX_PAGE))
}

fn range(name: &str, most: usize) -> Error {
    Error::field(name, format!("must be a number from 1 to {most}"))
}

impl SessionOut {
    fn new(session: Conversation, messages: Option<Vec<Message>>) -> Self {
        Self {
            session_id: session.id.app_session().to_owned(),
            last_at: session.updated_at,
            total_tokens: session.tokens,
            preview: session.preview,
            messages: messages.map(|messages| messages.into_iter().map(MessageOut::from).collect()),
        }
    }
}

impl From<Message> for MessageOut {
    fn from(message: Message) -> Self {
        Self {
            role: message.role,
            content: match message.role {
                Role::User => message.content,
                Role::Assistant => markers::strip(&message.content),
            },
            created_at: message.created_at,
        }
    }
}

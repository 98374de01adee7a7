//! Searching a bot's documents without asking a model for an answer.

use std::time::Duration;

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use shared::{
    access::{Access, MAX_ROLES},
    answer::{self, MAX_MESSAGE_CHARS, Scope, Source, excerpt},
    app::App,
    bots::Bot,
    error::Error,
    http::{self as extract, Caller, Permission, Searcher, id_list},
    ids::{BotId, DocumentId, FolderId, MAX_ID_CHARS},
    limits::Class,
};

/// Results when nothing is said.
const USUAL: usize = 10;
/// Longest time that a search may take.
const DEADLINE: Duration = Duration::from_secs(25);
/// Most results.
const MOST: usize = 50;

/// The body of a search.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = SearchIn)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SearchIn {
    /// What to look for, at most 16,000 characters.
    #[schema(required = true, value_type = String, min_length = 1, max_length = 16_000)]
    query: Option<String>,
    /// The bot whose documents are searched; absent = the credential's own, or the tenant's default.
    #[schema(max_length = 128)]
    application_id: Option<String>,
    /// Most results, 10 when not said.
    #[schema(minimum = 1, maximum = 50)]
    limit: Option<u64>,
    /// Only these documents; none = no limit.
    #[schema(max_items = 1000)]
    document_ids: Option<Vec<String>>,
    /// Only documents of these folders; none = no limit.
    #[schema(max_items = 1000)]
    folder_ids: Option<Vec<String>>,
    /// The organisation on whose behalf is searched; only full keys may state one.
    #[schema(min_length = 1, max_length = 128)]
    org: Option<String>,
    /// The roles on whose behalf is searched; only full keys may state some.
    #[schema(max_items = 100)]
    roles: Option<Vec<String>>,
}

/// What was found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = SearchResults)]
pub(crate) struct SearchOut {
    /// The passages, the best first.
    results: Vec<ResultOut>,
}

/// A passage.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = SearchResult)]
#[serde(rename_all = "camelCase")]
struct ResultOut {
    /// The document.
    document_id: DocumentId,
    /// Its title.
    document_title: String,
    /// Page, from 1, where the document has pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
    /// Heading above the passage, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    section: Option<String>,
    /// The part of the passage that fits best, at most 300 characters.
    excerpt: String,
    /// How well the passage fits, 0–1, comparable within one answer only.
    score: f32,
}

/// Search documents.
///
/// By words and by meaning, as for an answer, and through the same filters. Without an organisation and roles only documents
/// that are open to everybody are found. It counts as a question; a bot that is not active can be searched all the same.
#[utoipa::path(post, path = "/api/search", tag = "search", request_body = SearchIn,
    responses((status = 200, description = "The best passages", body = SearchOut)))]
pub(crate) async fn search_documents(
    State(app): State<App>,
    Searcher(caller): Searcher,
    extract::Json(body): extract::Json<SearchIn>,
) -> Result<Json<SearchOut>, Error> {
    let access = access(&caller, body.org, body.roles)?;
    let query = query(body.query)?;
    let most = most(body.limit)?;
    let scope = Scope {
        access,
        documents: id_list("documentIds", body.document_ids, DocumentId::parse, DocumentId::new)?,
        folders: id_list("folderIds", body.folder_ids, FolderId::parse, FolderId::new)?,
        ..Scope::open(caller.tenant(), &bot(&caller, body.application_id)?)
    };
    let key = Bot::key(&scope.tenant, &scope.bot);
    let (counted, bot) = tokio::join!(caller.limit(&app, Class::Chat, None), app.table.get::<Bot>(&key));
    counted?;
    bot?.ok_or(Error::NotFound("Bot"))?;
    // The function ends at 29 s, and the index may take longer to wake.
    let searching = tokio::time::timeout(DEADLINE, answer::search(&app, &scope, &query, most));
    let sources = searching.await.map_err(Error::unavailable)??;
    let results = sources.into_iter().map(|source| ResultOut::new(source, &query));
    Ok(Json(SearchOut {
        results: results.collect(),
    }))
}

fn query(stated: Option<String>) -> Result<String, Error> {
    let query = stated.ok_or_else(|| Error::field("query", "is required"))?;
    if query.trim().is_empty() {
        return Err(Error::field("query", "must not be blank"));
    }
    if query.chars().count() > MAX_MESSAGE_CHARS {
        let most = format!("must have at most {MAX_MESSAGE_CHARS} characters");
        return Err(Error::field("query", most));
    }
    Ok(query)
}

fn most(limit: Option<u64>) -> Result<usize, Error> {
    let Some(limit) = limit else { return Ok(USUAL) };
    let limit = usize::try_from(limit).ok().filter(|limit| (1..=MOST).contains(limit));
    limit.ok_or_else(|| Error::field("limit", format!("must be a number from 1 to {MOST}")))
}

/// The bot that is searched, when the caller sees it.
fn bot(caller: &Caller, stated: Option<String>) -> Result<BotId, Error> {
    let bot = match stated {
        None => Some(caller.bot().clone()),
        Some(stated) => BotId::parse(stated),
    };
    bot.filter(|bot| caller.sees(Some(bot))).ok_or(Error::NotFound("Bot"))
}

/// On whose behalf is searched. Whoever acts for a partner's end users may say so, nobody else.
fn access(caller: &Caller, org: Option<String>, roles: Option<Vec<String>>) -> Result<Access, Error> {
    let roles = roles.unwrap_or_default();
    if org.is_none() && roles.is_empty() {
        return Ok(Access::default());
    }
    if !Permission::Partner.is_held_by(&caller.who) {
        return Err(Error::forbidden("Only a full key may state an org and roles"));
    }
    let org = org.map(|org| org.trim().to_owned());
    let has_length = |text: &str| (1..=MAX_ID_CHARS).contains(&text.chars().count());
    if org.as_deref().is_some_and(|org| !has_length(org)) {
        return Err(Error::field("org", format!("must have 1 to {MAX_ID_CHARS} characters")));
    }
    let roles: Vec<String> = roles.iter().map(|role| role.trim().to_owned()).collect();
    if roles.len() > MAX_ROLES || !roles.iter().all(|role| has_length(role)) {
        let reason = format!("must list at most {MAX_ROLES} roles of 1 to {MAX_ID_CHARS} characters");
        return Err(Error::field("roles", reason));
    }
    Ok(Access { org, roles })
}

impl ResultOut {
    fn new(source: Source, query: &str) -> Self {
        Self {
            excerpt: excerpt(&source.text, query),
            document_id: source.document,
            document_title: source.title,
            page: source.page,
            section: source.section,
            score: source.score,
        }
    }
}

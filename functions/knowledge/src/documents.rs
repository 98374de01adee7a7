//! Adding and reading documents.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use shared::{
    access::Audience,
    app::App,
    documents::{Document, Status, Version, partition},
    error::Error,
    events::{Event, EventType, Job},
    folders::Folder,
    http::{Admin, PageOut, PageParams, Path, Query, Reader},
    ids::DocumentId,
    store::{self, Condition, Row, Transaction, TransactionError, Update},
};

use crate::{
    body::{DocumentIn, FileIn, Sent},
    place,
    wire::DocumentOut,
};

/// `?bot_id=` and `?folder_id=` besides the page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// Only documents of this bot.
    bot_id: Option<String>,
    /// Only documents in this folder.
    folder_id: Option<String>,
    /// Documents of a page, 20 when not said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Add a document.
#[utoipa::path(
    post, path = "/api/v1/documents", tag = "documents",
    request_body(content((DocumentIn = "application/json"), (FileIn = "multipart/form-data"))),
    responses((status = 201, description = "The document, on its way", body = DocumentOut))
)]
pub(crate) async fn create_document(
    State(app): State<App>,
    Admin(caller): Admin,
    Sent { fields, file }: Sent,
) -> Result<Response, Error> {
    let file = file.ok_or_else(|| Error::field("file", "is required: a part `file`, or `text` in JSON"))?;
    let mut document = draft(&app, &caller, fields, file.filename.as_deref()).await?;
    document.latest = file.store(&app, &document.tenant, &document.id, 1).await?;
    let job = Job::Ingest {
        tenant: document.tenant.clone(),
        document: document.id.clone(),
        version: 1,
    };
    add(&app, &document, vec![job]).await?;
    Ok((StatusCode::CREATED, Json(DocumentOut::from(document))).into_response())
}

/// A new document as far as its fields tell; its file is still to be described.
pub(crate) async fn draft(
    app: &App,
    caller: &shared::http::Caller,
    fields: DocumentIn,
    filename: Option<&str>,
) -> Result<Document, Error> {
    let stem = filename
        .map(|name| name.rsplit_once('.').map_or(name, |(stem, _)| stem))
        .filter(|stem| !stem.is_empty());
    let title = fields
        .title
        .clone()
        .or_else(|| stem.map(str::to_owned))
        .ok_or_else(|| Error::field("title", "is required"))?;
    let bot = place::bot(app, caller, fields.bot_id.clone()).await?;
    let folder = match fields.folder_id.clone().filter(|id| !id.is_empty()) {
        Some(id) => Some(place::folder(app, caller, id).await?),
        None => None,
    };
    let now = app.clock.now();
    let (tenant, id) = (caller.tenant().clone(), DocumentId::new());
    Ok(Document {
        bot: place::bot_in(folder.as_ref(), bot)?,
        folder: folder.map(|folder| folder.id),
        title: title.trim().chars().take(300).collect(),
        audience: fields.audience(&Audience::default()),
        source_url: fields.source_url.filter(|url| !url.is_empty()),
        status: Status::Pending,
        error: None,
        current: None,
        latest: Version::uploaded(&tenant, &id, 1),
        created_at: now,
        updated_at: now,
        tenant,
        id,
    })
}

/// Writes a new document, counts it in its folder, and tells of it.
pub(crate) async fn add(app: &App, document: &Document, jobs: Vec<Job>) -> Result<(), Error> {
    let data = json!({"document_id": document.id, "action": "added"});
    let event = Event::new(
        &document.tenant,
        document.bot.as_ref(),
        EventType::KbUpdated,
        document.created_at,
        data,
    )
    .with(jobs);
    let mut transaction = Transaction::default();
    transaction.create(document)?.create(&event)?;
    if let Some(folder) = &document.folder {
        transaction.update(
            Update::at(Folder::key(&document.tenant, folder))
                .when(Condition::Exists)
                .add("documents", 1),
        );
    }
    app.table.transact(transaction).await.map_err(|error| match error {
        TransactionError::Condition(_) => Error::NotFound("Folder"),
        TransactionError::Other(error) => error,
    })
}

/// List documents.
#[utoipa::path(
    get, path = "/api/v1/documents", tag = "documents", params(ListParams),
    responses((status = 200, description = "A page of documents, newest first", body = PageOut<DocumentOut>))
)]
pub(crate) async fn list_documents(
    State(app): State<App>,
    Reader(caller): Reader,
    Query(params): Query<ListParams>,
) -> Result<Json<PageOut<DocumentOut>>, Error> {
    let partition = partition(caller.tenant());
    let page = PageParams::new(params.limit, params.cursor);
    let mut query = store::Query::newest(partition.clone(), Document::KIND);
    query.limit = Some(page.limit()?);
    query.after = page.cursor(&partition, Document::KIND)?;
    let bot = params
        .bot_id
        .or_else(|| caller.bound().map(|bot| bot.as_str().to_owned()));
    for (name, value) in [("bot", bot), ("folder", params.folder_id)] {
        if let Some(value) = value {
            query.filter.push(Condition::is(name, &value)?);
        }
    }
    let found = app.table.query::<Document>(query).await?;
    let seen = place::seen(&app, &caller, found.items).await?;
    Ok(Json(PageOut {
        data: seen.into_iter().map(DocumentOut::from).collect(),
        next_cursor: found.next.map(|cursor| cursor.encode(&partition)),
    }))
}

/// Read what is known of a document.
#[utoipa::path(
    get, path = "/api/v1/documents/{id}", tag = "documents", params(("id" = String, Path, description = "The document")),
    responses((status = 200, description = "The document", body = DocumentOut))
)]
pub(crate) async fn get_document(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(id): Path,
) -> Result<Json<DocumentOut>, Error> {
    Ok(Json(place::document(&app, &caller, id).await?.into()))
}

/// Get the file of a document.
///
/// Where the file is to be had, for 15 minutes.
#[utoipa::path(
    get, path = "/api/v1/documents/{id}/content", tag = "documents", operation_id = "get_document_content", params(("id" = String, Path, description = "The document")),
    responses((status = 302, description = "Where the file is", headers(("Location" = String, description = "A presigned URL"))))
)]
pub(crate) async fn get_content(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(id): Path,
) -> Result<Response, Error> {
    let document = place::document(&app, &caller, id).await?;
    if document.status == Status::Pending && document.latest.size == 0 {
        return Err(Error::NotFound("Content"));
    }
    let url = app.blobs.presign_get(&document.latest.blob).await?;
    let url = HeaderValue::from_str(&url).map_err(Error::internal)?;
    Ok((StatusCode::FOUND, [(header::LOCATION, url)]).into_response())
}

/// The update of a document, under the condition that nobody changed it meanwhile.
pub(crate) fn update(document: &Document) -> Result<Update, Error> {
    let update = Update::at(Row::key(document));
    Ok(document.unchanged()?.into_iter().fold(update, Update::when))
}

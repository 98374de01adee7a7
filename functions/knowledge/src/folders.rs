//! Folders: documents that share an audience.

use axum::{Json, extract::State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use shared::{
    access::Audience,
    app::App,
    documents::partition,
    error::Error,
    events::{Event, EventType, Job},
    folders::Folder,
    http::{self as wire, Admin, PageOut, PageParams, Path, Query, Reader, parameters::PageQuery},
    ids::FolderId,
    store::{self, Condition, Row, Transaction, TransactionError, Update},
};

use crate::{
    body::{check_audience, merged},
    place,
    wire::FolderOut,
};

const MAX_NAME: usize = 200;

/// A folder as it is sent; absent means unchanged.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub(crate) struct FolderIn {
    /// What it is called; required when it is made.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// The bot that it serves; only when it is made.
    bot_id: Option<String>,
    /// Only for this organisation; empty = any.
    #[schema(max_length = 128)]
    org: Option<String>,
    /// Only for callers with one of these roles; empty = any.
    #[schema(max_items = 100)]
    allowed_roles: Option<Vec<String>>,
}

impl FolderIn {
    fn check(&self) -> Result<(), Error> {
        if self
            .name
            .as_ref()
            .is_some_and(|name| name.trim().is_empty() || name.chars().count() > MAX_NAME)
        {
            return Err(Error::field("name", format!("must have 1 to {MAX_NAME} characters")));
        }
        check_audience(self.org.as_deref(), self.allowed_roles.as_deref())
    }

    fn audience(&self, before: &Audience) -> Audience {
        merged(before, self.org.as_deref(), self.allowed_roles.as_deref())
    }
}

/// Add a folder.
#[utoipa::path(
    post, path = "/api/v1/folders", tag = "folders", request_body = FolderIn,
    responses((status = 201, description = "The folder", body = FolderOut))
)]
pub(crate) async fn create_folder(
    State(app): State<App>,
    Admin(caller): Admin,
    wire::Json(body): wire::Json<FolderIn>,
) -> Result<(StatusCode, Json<FolderOut>), Error> {
    body.check()?;
    let name = body.name.clone().ok_or_else(|| Error::field("name", "is required"))?;
    let bot = place::bot(&app, &caller, body.bot_id.clone()).await?;
    let now = app.clock.now();
    let folder = Folder {
        id: FolderId::new(),
        tenant: caller.tenant().clone(),
        name: name.trim().to_owned(),
        bot,
        audience: body.audience(&Audience::default()),
        documents: 0,
        revision: 0,
        created_at: now,
        updated_at: now,
    };
    let mut transaction = Transaction::default();
    transaction.create(&folder)?;
    app.table.transact(transaction).await?;
    Ok((StatusCode::CREATED, Json(folder.into())))
}

/// List folders.
#[utoipa::path(
    get, path = "/api/v1/folders", tag = "folders", params(PageQuery),
    responses((status = 200, description = "A page of folders, newest first", body = PageOut<FolderOut>))
)]
pub(crate) async fn list_folders(
    State(app): State<App>,
    Reader(caller): Reader,
    Query(page): Query<PageParams>,
) -> Result<Json<PageOut<FolderOut>>, Error> {
    let partition = partition(caller.tenant());
    let mut query = store::Query::newest(partition.clone(), Folder::KIND);
    query.limit = Some(page.limit()?);
    query.after = page.cursor(&partition, Folder::KIND)?;
    let found = app.table.query::<Folder>(query).await?;
    let seen = found
        .items
        .into_iter()
        .filter(|folder| place::sees_folder(&caller, folder));
    Ok(Json(PageOut {
        data: seen.map(FolderOut::from).collect(),
        next_cursor: found.next.map(|cursor| cursor.encode(&partition)),
    }))
}

/// Read a folder.
#[utoipa::path(
    get, path = "/api/v1/folders/{id}", tag = "folders", params(("id" = String, Path, description = "The folder")),
    responses((status = 200, description = "The folder", body = FolderOut))
)]
pub(crate) async fn get_folder(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(id): Path,
) -> Result<Json<FolderOut>, Error> {
    Ok(Json(place::folder(&app, &caller, id).await?.into()))
}

/// Change a folder.
///
/// A narrower audience holds from the very next question, a wider one once it is indexed.
#[utoipa::path(
    put, path = "/api/v1/folders/{id}", tag = "folders", params(("id" = String, Path, description = "The folder")), request_body = FolderIn,
    responses((status = 200, description = "The folder", body = FolderOut))
)]
pub(crate) async fn update_folder(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(id): Path,
    wire::Json(body): wire::Json<FolderIn>,
) -> Result<Json<FolderOut>, Error> {
    body.check()?;
    let mut folder = place::folder(&app, &caller, id).await?;
    folder.audience = body.audience(&folder.audience);
    if let Some(name) = &body.name {
        name.trim().clone_into(&mut folder.name);
    }
    folder.updated_at = app.clock.now();
    let change = Update::at(Row::key(&folder))
        .when(Condition::Exists)
        .set("name", &folder.name)?
        .set_or_remove("org", folder.audience.org.as_ref())?
        .set("allowed_roles", &folder.audience.allowed_roles)?
        .set("updated_at", &folder.updated_at)?
        .add("revision", 1);
    let data = json!({"folder_id": folder.id, "action": "updated"});
    let job = Job::Audience {
        tenant: folder.tenant.clone(),
        folder: folder.id.clone(),
    };
    let event = Event::new(
        &folder.tenant,
        folder.bot.as_ref(),
        EventType::KbUpdated,
        folder.updated_at,
        data,
    )
    .with([job]);
    let mut transaction = Transaction::default();
    transaction.update(change).create(&event)?;
    app.table.transact(transaction).await.map_err(|error| match error {
        TransactionError::Condition(_) => Error::NotFound("Folder"),
        TransactionError::Other(error) => error,
    })?;
    Ok(Json(folder.into()))
}

/// Delete an empty folder.
///
/// Only an empty one.
#[utoipa::path(
    delete, path = "/api/v1/folders/{id}", tag = "folders", params(("id" = String, Path, description = "The folder")),
    responses((status = 204, description = "Gone"))
)]
pub(crate) async fn delete_folder(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(id): Path,
) -> Result<StatusCode, Error> {
    let folder = place::folder(&app, &caller, id).await?;
    let mut transaction = Transaction::default();
    transaction.delete(
        Row::key(&folder),
        vec![Condition::Exists, Condition::is("documents", &0)?],
    );
    app.table.transact(transaction).await.map_err(|error| match error {
        TransactionError::Condition(_) => Error::Conflict {
            code: "folder_not_empty",
            message: "Move or delete the folder's documents first".to_owned(),
        },
        TransactionError::Other(error) => error,
    })?;
    Ok(StatusCode::NO_CONTENT)
}

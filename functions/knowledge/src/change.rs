//! Replacing and deleting documents. From the transaction on, no answer quotes what went.

use axum::{Json, extract::State};
use http::StatusCode;
use serde_json::json;
use shared::{
    app::App,
    documents::{Document, Status, Version},
    error::Error,
    events::{Event, EventType, Job},
    folders::Folder,
    http::{Admin, Caller, Path},
    ids::FolderId,
    store::{Condition, Row, Transaction, TransactionError, Update},
};

use crate::{
    body::{DocumentIn, FileIn, Sent},
    documents::update,
    place,
    wire::DocumentOut,
};

/// Tries of a deletion that meets a change of the same document.
const TRIES: usize = 5;

/// Replace a document.
///
/// A new version; searches see the old one until the new one is ready.
#[utoipa::path(
    put, path = "/api/v1/documents/{id}", tag = "documents", params(("id" = String, Path, description = "The document")),
    request_body(content((DocumentIn = "application/json"), (FileIn = "multipart/form-data"))),
    responses((status = 200, description = "The document, its new version on its way", body = DocumentOut))
)]
pub(crate) async fn replace_document(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(id): Path,
    Sent { fields, file }: Sent,
) -> Result<Json<DocumentOut>, Error> {
    let mut before = place::document(&app, &caller, id.clone()).await?;
    let latest = match file {
        Some(file) => {
            file.store(&app, &before.tenant, &before.id, before.latest.n + 1)
                .await?
        }
        None => copy(&app, &before).await?,
    };
    // An ingest that ends meanwhile is no reason to refuse; another replacement is.
    for _ in 0..TRIES {
        let mut after = changed(&app, &caller, &before, &fields).await?;
        after.latest = latest.clone();
        match app.table.transact(replacement(&before, &after)?).await {
            Ok(()) => return Ok(Json(after.into())),
            Err(TransactionError::Condition(_)) => {}
            Err(TransactionError::Other(error)) => return Err(error),
        }
        before = place::document(&app, &caller, id.clone()).await?;
        if before.latest.n >= latest.n {
            break;
        }
    }
    app.blobs.delete(&latest.blob).await?;
    Err(changed_meanwhile())
}

/// The next version with the same file: the one that searches see, when the newest could not be read.
async fn copy(app: &App, before: &Document) -> Result<Version, Error> {
    let source = match (&before.current, before.status) {
        (Some(current), Status::Failed) => current,
        (_, Status::Pending) if before.latest.size == 0 => {
            let message = "The file of this document has not arrived yet".to_owned();
            return Err(Error::Conflict {
                code: "not_uploaded",
                message,
            });
        }
        _ => &before.latest,
    };
    let next = Version::stored(&before.tenant, &before.id, before.latest.n + 1);
    app.blobs.copy(&source.blob, &next.blob).await?;
    Ok(Version {
        n: next.n,
        blob: next.blob,
        chunks: 0,
        pages: None,
        ..source.clone()
    })
}

/// The document with the fields that are stated changed.
async fn changed(app: &App, caller: &Caller, before: &Document, fields: &DocumentIn) -> Result<Document, Error> {
    let mut after = before.clone();
    if let Some(title) = &fields.title {
        title.trim().clone_into(&mut after.title);
    }
    if let Some(url) = &fields.source_url {
        after.source_url = (!url.is_empty()).then(|| url.clone());
    }
    if fields.bot_id.is_some() {
        after.bot = place::bot(app, caller, fields.bot_id.clone()).await?;
    }
    let folder = match fields.folder_id.as_deref() {
        Some("") => None,
        Some(id) => Some(place::folder(app, caller, id.to_owned()).await?),
        None => match &before.folder {
            Some(folder) => app.table.get::<Folder>(&Folder::key(&before.tenant, folder)).await?,
            None => None,
        },
    };
    after.bot = place::bot_in(folder.as_ref(), after.bot)?;
    after.folder = folder.map(|folder| folder.id);
    after.audience = fields.audience(&before.audience);
    after.status = Status::Pending;
    after.error = None;
    after.updated_at = app.clock.now();
    Ok(after)
}

fn replacement(before: &Document, after: &Document) -> Result<Transaction, Error> {
    let change = update(before)?
        .set("title", &after.title)?
        .set_or_remove("source_url", after.source_url.as_ref())?
        .set_or_remove("bot", after.bot.as_ref())?
        .index1_or_remove(after.bot_index_key().as_ref())
        .set_or_remove("folder", after.folder.as_ref())?
        .set_or_remove("org", after.audience.org.as_ref())?
        .set("allowed_roles", &after.audience.allowed_roles)?
        .set_or_remove("error", None::<&String>)?
        .set("status", &after.status)?
        .set("latest", &after.latest)?
        .set("updated_at", &after.updated_at)?;
    let (tenant, document) = (after.tenant.clone(), after.id.clone());
    let mut jobs = vec![Job::Ingest {
        tenant: tenant.clone(),
        document: document.clone(),
        version: after.latest.n,
    }];
    if before
        .current
        .as_ref()
        .is_none_or(|current| current.n != before.latest.n)
    {
        // The version before never became current, and now it never will.
        jobs.push(Job::Drop {
            tenant,
            document,
            version: before.latest.clone(),
        });
    }
    let data = json!({"document_id": after.id, "action": "updated"});
    let event = Event::new(
        &after.tenant,
        after.bot.as_ref(),
        EventType::KbUpdated,
        after.updated_at,
        data,
    )
    .with(jobs);
    let mut transaction = Transaction::default();
    transaction.update(change).create(&event)?;
    if before.folder != after.folder {
        count(&mut transaction, before, before.folder.as_ref(), -1);
        count(&mut transaction, before, after.folder.as_ref(), 1);
    }
    Ok(transaction)
}

fn count(transaction: &mut Transaction, document: &Document, folder: Option<&FolderId>, by: i64) {
    if let Some(folder) = folder {
        transaction.update(
            Update::at(Folder::key(&document.tenant, folder))
                .when(Condition::Exists)
                .add("documents", by),
        );
    }
}

fn changed_meanwhile() -> Error {
    Error::Conflict {
        code: "changed_meanwhile",
        message: "The document was changed by another request at the same time; try again".to_owned(),
    }
}

/// Delete a document.
///
/// Gone from answers at once, from the index and S3 soon after.
#[utoipa::path(
    delete, path = "/api/v1/documents/{id}", tag = "documents", params(("id" = String, Path, description = "The document")),
    responses((status = 204, description = "Gone"))
)]
pub(crate) async fn delete_document(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(id): Path,
) -> Result<StatusCode, Error> {
    for _ in 0..TRIES {
        let document = place::document(&app, &caller, id.clone()).await?;
        match app.table.transact(deletion(&app, &document)?).await {
            Ok(()) => return Ok(StatusCode::NO_CONTENT),
            Err(TransactionError::Condition(_)) => {}
            Err(TransactionError::Other(error)) => return Err(error),
        }
    }
    Err(changed_meanwhile())
}

fn deletion(app: &App, document: &Document) -> Result<Transaction, Error> {
    let jobs = document.versions().map(|version| Job::Drop {
        tenant: document.tenant.clone(),
        document: document.id.clone(),
        version: version.clone(),
    });
    let data = json!({"document_id": document.id, "action": "deleted"});
    let event = Event::new(
        &document.tenant,
        document.bot.as_ref(),
        EventType::KbUpdated,
        app.clock.now(),
        data,
    )
    .with(jobs);
    let mut transaction = Transaction::default();
    transaction
        .delete(Row::key(document), document.unchanged()?)
        .create(&event)?;
    count(&mut transaction, document, document.folder.as_ref(), -1);
    Ok(transaction)
}

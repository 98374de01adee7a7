//! A version's way into the index: file → text → chunks → embeddings → index → current.

use serde_json::json;
use shared::{
    access::EVERYBODY,
    app::App,
    documents::{Document, Status, Version},
    error::Error,
    events::{Event, EventType, Job},
    folders::Folder,
    ids::{BotId, DocumentId, FolderId, TenantId},
    knowledge::{self, Chunk, MediaType, ParseError},
    models::Models,
    search::{ChunkAccess, ChunkRow, Search},
    store::{Condition, Row, Transaction, TransactionError, Update},
    worker::JobError,
};

/// Most bytes of a file.
const MAX_BYTES: usize = 10 * 1024 * 1024;
/// Chunks that are embedded and written at once.
const BATCH: usize = 64;

/// Reads a version and makes it the current one. Of one that is no longer wanted, only traces are removed.
pub(crate) async fn ingest(app: &App, tenant: &TenantId, id: &DocumentId, version: u32) -> Result<(), JobError> {
    let document = app.table.get::<Document>(&Document::key(tenant, id)).await?;
    let wanted = document.filter(|document| document.versions().any(|known| known.n == version));
    let Some(document) = wanted else {
        return forget(app, tenant, id, version).await;
    };
    if document.latest.n != version || document.current.as_ref().is_some_and(|current| current.n == version) {
        // A presigned URL can be used again while it lasts; the document has its own copy by then.
        app.blobs.delete(&Version::uploaded(tenant, id, version).blob).await?;
        return Ok(());
    }
    let Some(document) = adopt(app, document).await? else {
        return Ok(());
    };
    if !app
        .table
        .update(still_latest(&document)?.set("status", &Status::Processing)?)
        .await?
    {
        return Ok(());
    }
    match read(app, &document).await? {
        Ok(read) => index(app, &document, read).await,
        Err(why) => fail(app, &document, &why).await,
    }
}

/// Moves an uploaded file to where no presigned URL can overwrite it. `None` when the document changed meanwhile.
async fn adopt(app: &App, mut document: Document) -> Result<Option<Document>, JobError> {
    let uploaded = Version::uploaded(&document.tenant, &document.id, document.latest.n).blob;
    if document.latest.blob != uploaded {
        // A try before this one may have ended between the copy and this.
        app.blobs.delete(&uploaded).await?;
        return Ok(Some(document));
    }
    let before = still_latest(&document)?;
    document.latest.blob = Version::stored(&document.tenant, &document.id, document.latest.n).blob;
    app.blobs.copy(&uploaded, &document.latest.blob).await?;
    let adopted = app.table.update(before.set("latest", &document.latest)?).await?;
    app.blobs
        .delete(if adopted { &uploaded } else { &document.latest.blob })
        .await?;
    Ok(adopted.then_some(document))
}

/// Removes what a try before this one may have left of a version that was deleted or superseded meanwhile, and a file that
/// was uploaded too late.
async fn forget(app: &App, tenant: &TenantId, document: &DocumentId, version: u32) -> Result<(), JobError> {
    app.search.drop_version(tenant, document, version, 0).await?;
    app.blobs
        .delete(&Version::uploaded(tenant, document, version).blob)
        .await?;
    Ok(())
}

/// A file's size, pages and chunks.
pub(crate) struct Read {
    size: u64,
    pages: Option<u32>,
    pub(crate) chunks: Vec<Chunk>,
}

/// The text of the file, or a sentence for its owner that says why there is none.
pub(crate) async fn read(app: &App, document: &Document) -> Result<Result<Read, ParseError>, JobError> {
    let Some(bytes) = app.blobs.get(&document.latest.blob).await? else {
        return Ok(Err(ParseError("The file of this document is missing.".to_owned())));
    };
    let size = bytes.len() as u64;
    if bytes.len() > MAX_BYTES {
        return Ok(Err(ParseError("This file is larger than 10 MB.".to_owned())));
    }
    let (declared, filename) = (document.latest.content_type.clone(), document.latest.filename.clone());
    let parsing = tokio::task::spawn_blocking(move || {
        let media = MediaType::detect(declared.as_deref(), filename.as_deref(), &bytes)?;
        let parsed = knowledge::parse(media, &bytes)?;
        Ok(Read {
            size,
            pages: parsed.pages,
            chunks: knowledge::chunk(&parsed),
        })
    });
    Ok(parsing.await.map_err(Error::internal)?)
}

async fn index(app: &App, document: &Document, read: Read) -> Result<(), JobError> {
    if read.chunks.is_empty() {
        return fail(app, document, &ParseError("There is no text in this file.".to_owned())).await;
    }
    let chunks = u32::try_from(read.chunks.len()).map_err(Error::internal)?;
    let version = Version {
        size: read.size,
        chunks,
        pages: read.pages,
        ..document.latest.clone()
    };
    // Known before the first chunk is written, so that a deletion in between finds all of them.
    if !app
        .table
        .update(still_latest(document)?.set("latest", &version)?)
        .await?
    {
        return Ok(());
    }
    let folder = folder_of(app, document).await?;
    write(app, document, &read.chunks, folder.as_ref()).await?;
    app.search
        .wait_visible(&document.tenant, &document.id, version.n, read.chunks.len())
        .await?;
    match app
        .table
        .transact(ready(app, document, &version, folder.as_ref())?)
        .await
    {
        Ok(()) => Ok(()),
        Err(TransactionError::Condition(0)) => {
            // Deleted or replaced while it was read.
            app.search
                .drop_version(&document.tenant, &document.id, version.n, chunks)
                .await?;
            Ok(())
        }
        Err(TransactionError::Condition(_)) => Err(JobError::Retry(Error::unavailable("the folder changed meanwhile"))),
        Err(TransactionError::Other(error)) => Err(error.into()),
    }
}

/// The folder that the document is in.
pub(crate) async fn folder_of(app: &App, document: &Document) -> Result<Option<Folder>, Error> {
    match &document.folder {
        Some(folder) => app.table.get(&Folder::key(&document.tenant, folder)).await,
        None => Ok(None),
    }
}

/// Writes into the index that is searched, and into the one that will be.
async fn write(app: &App, document: &Document, chunks: &[Chunk], folder: Option<&Folder>) -> Result<(), Error> {
    write_into(&app.search, &app.models, document, chunks, folder).await?;
    match (app.search.next(), app.models.next()) {
        (Some(search), Some(models)) => write_into(search, &models, document, chunks, folder).await,
        _ => Ok(()),
    }
}

/// Writes the chunks of the document's latest version into one index.
pub(crate) async fn write_into(
    search: &Search,
    models: &Models,
    document: &Document,
    chunks: &[Chunk],
    folder: Option<&Folder>,
) -> Result<(), Error> {
    search.ensure_index().await?;
    let access = ChunkAccess::new(&document.audience, folder.map(|folder| &folder.audience));
    for chunks in chunks.chunks(BATCH) {
        let texts = chunks.iter().map(|chunk| match &chunk.section {
            Some(section) => format!("{section}\n{}", chunk.text),
            None => chunk.text.clone(),
        });
        let vectors = models.embed_all(texts.collect()).await?;
        let rows = chunks.iter().zip(vectors).map(|(chunk, vector)| ChunkRow {
            tenant: document.tenant.as_str().to_owned(),
            bot: document.bot.as_ref().map_or(EVERYBODY, BotId::as_str).to_owned(),
            document: document.id.as_str().to_owned(),
            folder: document.folder.as_ref().map(FolderId::as_str).map(str::to_owned),
            version: document.latest.n,
            n: chunk.n,
            page: chunk.page,
            section: chunk.section.clone(),
            title: document.title.clone(),
            text: chunk.text.clone(),
            vector,
            access: access.clone(),
        });
        search.index(&rows.collect::<Vec<_>>()).await?;
    }
    Ok(())
}

/// The version becomes current, in the same moment in which the one before stops being quoted.
fn ready(app: &App, document: &Document, version: &Version, folder: Option<&Folder>) -> Result<Transaction, Error> {
    let now = app.clock.now();
    let update = still_latest(document)?
        .set("current", version)?
        .set("latest", version)?
        .set("status", &Status::Ready)?
        .set_or_remove("error", None::<&String>)?
        .set("updated_at", &now)?;
    let before = document.current.iter().map(|before| Job::Drop {
        tenant: document.tenant.clone(),
        document: document.id.clone(),
        version: before.clone(),
    });
    let data = json!({"document_id": document.id, "action": "ready"});
    let event = Event::new(&document.tenant, document.bot.as_ref(), EventType::KbUpdated, now, data).with(before);
    let mut transaction = Transaction::default();
    transaction.update(update).create(&event)?;
    if let Some(folder) = folder {
        transaction.check(Row::key(folder), Condition::is("revision", &folder.revision)?);
    }
    Ok(transaction)
}

async fn fail(app: &App, document: &Document, why: &ParseError) -> Result<(), JobError> {
    let update = still_latest(document)?
        .set("status", &Status::Failed)?
        .set("error", &why.to_string())?
        .set("updated_at", &app.clock.now())?;
    if !app.table.update(update).await? {
        tracing::debug!(document = %document.id, "a failed version was replaced meanwhile");
    }
    Ok(())
}

/// An update of the document as long as this version is its latest.
fn still_latest(document: &Document) -> Result<Update, Error> {
    Ok(Update::at(Row::key(document))
        .when(Condition::Exists)
        .when(Condition::is("latest.n", &document.latest.n)?))
}

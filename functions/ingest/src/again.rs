//! A version that searches see, written into the index once more: after the index was lost, or ahead of a change to another
//! embedding model.

use shared::{
    app::App,
    documents::Document,
    error::Error,
    folders::Folder,
    ids::{DocumentId, TenantId},
    worker::JobError,
};

use crate::index::{folder_of, read, write_into};

/// Writes the version, unless it is no longer the current one; into the next index, when the deployment names one.
///
/// Its chunks have the ids that they had, so nothing is there twice, and answers may quote it all the while.
pub(crate) async fn write(app: &App, tenant: &TenantId, id: &DocumentId, version: u32) -> Result<(), JobError> {
    let Some(document) = with_current(app, tenant, id, version).await? else {
        return Ok(());
    };
    let chunks = match read(app, &document).await? {
        Ok(read) => read.chunks,
        Err(why) => return Err(JobError::Fail(format!("{id} could be read once, and now: {why}"))),
    };
    let folder = folder_of(app, &document).await?;
    match (app.search.next(), app.models.next()) {
        (Some(search), Some(models)) => write_into(search, &models, &document, &chunks, folder.as_ref()).await?,
        _ => write_into(&app.search, &app.models, &document, &chunks, folder.as_ref()).await?,
    }
    // What changed meanwhile has the last word: its own job may have come before this one wrote.
    let Some(after) = with_current(app, tenant, id, version).await? else {
        let chunks = u32::try_from(chunks.len()).map_err(Error::internal)?;
        return Ok(app.search.drop_version(tenant, id, version, chunks).await?);
    };
    let revision = |folder: Option<Folder>| folder.map(|folder| folder.revision);
    let same = after.audience == document.audience && after.folder == document.folder;
    if same && revision(folder) == revision(folder_of(app, &after).await?) {
        Ok(())
    } else {
        Err(JobError::Retry(Error::unavailable(
            "whom the document is for changed meanwhile",
        )))
    }
}

/// The document as it was when this version was its latest; `None` when it is not the current one.
async fn with_current(app: &App, tenant: &TenantId, id: &DocumentId, version: u32) -> Result<Option<Document>, Error> {
    let document: Option<Document> = app.table.get(&Document::key(tenant, id)).await?;
    Ok(document.and_then(|document| {
        let current = document.current.clone().filter(|current| current.n == version)?;
        Some(Document {
            latest: current,
            ..document
        })
    }))
}

//! A folder's audience, written into the chunks of its documents.

use shared::{
    access::Audience,
    app::App,
    documents::{Document, partition},
    folders::Folder,
    ids::{FolderId, TenantId},
    search::ChunkAccess,
    store::{Condition, Query},
    worker::JobError,
};

/// Writes the audience that the folder has now. The table was changed before and is the truth meanwhile. When the folder
/// changed again while this went on, it is written once more, so that of two jobs at once neither leaves an old audience.
pub(crate) async fn write(app: &App, tenant: &TenantId, folder: &FolderId) -> Result<(), JobError> {
    let key = Folder::key(tenant, folder);
    let mut written = None;
    while let Some(row) = app.table.get::<Folder>(&key).await? {
        if written == Some(row.revision) {
            return Ok(());
        }
        write_once(app, tenant, folder, &row.audience).await?;
        written = Some(row.revision);
    }
    Ok(())
}

async fn write_once(app: &App, tenant: &TenantId, folder: &FolderId, audience: &Audience) -> Result<(), JobError> {
    let mut query = Query::newest(partition(tenant), Document::KIND);
    query.filter.push(Condition::is("folder", folder)?);
    let mut pages = app.table.pages(query);
    while let Some(page) = pages.next::<Document>().await? {
        for document in page {
            let access = ChunkAccess::new(&document.audience, Some(audience));
            if let Some(current) = &document.current {
                app.search
                    .update_access(&document.id, current.n, current.chunks, &access)
                    .await?;
            }
        }
    }
    Ok(())
}

//! A folder's audience, written into the chunks of its documents.

use shared::{
    app::App,
    documents::{Document, partition},
    folders::Folder,
    ids::{FolderId, TenantId},
    search::ChunkAccess,
    store::{Condition, Query},
    worker::JobError,
};

/// Writes the audience that the folder has now. The table was changed before and is the truth meanwhile.
pub(crate) async fn write(app: &App, tenant: &TenantId, folder: &FolderId) -> Result<(), JobError> {
    let Some(row) = app.table.get::<Folder>(&Folder::key(tenant, folder)).await? else {
        return Ok(());
    };
    let mut after = None;
    loop {
        let mut query = Query::newest(partition(tenant), Document::KIND);
        query.filter.push(Condition::is("folder", folder)?);
        query.after = after;
        let page = app.table.query::<Document>(query).await?;
        for document in page.items {
            let access = ChunkAccess::new(&document.audience, Some(&row.audience));
            if let Some(current) = &document.current {
                app.search
                    .update_access(&document.id, current.n, current.chunks, &access)
                    .await?;
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

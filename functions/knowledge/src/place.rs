//! Where a document or folder belongs: the bot that it serves and the folder that it is in, checked against the caller.

use shared::{
    access::Access,
    app::App,
    bots::Bot,
    documents::Document,
    error::Error,
    folders::Folder,
    http::{Caller, Permission},
    ids::{BotId, DocumentId, FolderId},
    store::Key,
};

/// A document of the caller's.
pub(crate) async fn document(app: &App, caller: &Caller, id: String) -> Result<Document, Error> {
    let absent = || Error::NotFound("Document");
    let id = DocumentId::parse(id).ok_or_else(absent)?;
    let document: Option<Document> = app.table.get(&Document::key(caller.tenant(), &id)).await?;
    let seen = seen(app, caller, document.into_iter().collect()).await?;
    seen.into_iter().next().ok_or_else(absent)
}

/// Those of the documents that the caller sees: of their bots, and for whoever may not change documents only those that are
/// open to everybody, as the one access rule has it for callers without organisation and roles.
pub(crate) async fn seen(app: &App, caller: &Caller, documents: Vec<Document>) -> Result<Vec<Document>, Error> {
    let mut seen = documents;
    seen.retain(|document| caller.sees(document.bot.as_ref()));
    if Permission::Manage.is_held_by(&caller.who) {
        return Ok(seen);
    }
    let nobody = Access::default();
    seen.retain(|document| document.audience.admits(&nobody));
    let mut named: Vec<&FolderId> = seen.iter().filter_map(|document| document.folder.as_ref()).collect();
    named.sort();
    named.dedup();
    let keys: Vec<Key> = named.iter().map(|id| Folder::key(caller.tenant(), id)).collect();
    let mut open = Vec::new();
    if !keys.is_empty() {
        for found in app.table.batch_get(&keys).await? {
            let folder: Folder = found.into()?;
            if folder.audience.admits(&nobody) {
                open.push(folder.id);
            }
        }
    }
    seen.retain(|document| document.folder.as_ref().is_none_or(|folder| open.contains(folder)));
    Ok(seen)
}

/// Whether the caller sees a folder.
pub(crate) fn sees_folder(caller: &Caller, folder: &Folder) -> bool {
    let open = Permission::Manage.is_held_by(&caller.who) || folder.audience.admits(&Access::default());
    open && caller.sees(folder.bot.as_ref())
}

/// A folder of the caller's.
pub(crate) async fn folder(app: &App, caller: &Caller, id: String) -> Result<Folder, Error> {
    let absent = || Error::NotFound("Folder");
    let id = FolderId::parse(id).ok_or_else(absent)?;
    let folder: Option<Folder> = app.table.get(&Folder::key(caller.tenant(), &id)).await?;
    folder.filter(|folder| sees_folder(caller, folder)).ok_or_else(absent)
}

/// The bot that something new serves: the one that is stated, or the key's own; `None` = all bots.
pub(crate) async fn bot(app: &App, caller: &Caller, stated: Option<String>) -> Result<Option<BotId>, Error> {
    let Some(stated) = stated.filter(|id| !id.is_empty()) else {
        return Ok(caller.bound().cloned());
    };
    let absent = || Error::NotFound("Bot");
    let id = BotId::parse(stated)
        .filter(|id| caller.sees(Some(id)))
        .ok_or_else(absent)?;
    let bot: Bot = app
        .table
        .get(&Bot::key(caller.tenant(), &id))
        .await?
        .ok_or_else(absent)?;
    Ok(Some(bot.id))
}

/// The bot of a document in a folder: the folder's, which must not be another one than the document's.
pub(crate) fn bot_in(folder: Option<&Folder>, bot: Option<BotId>) -> Result<Option<BotId>, Error> {
    match (folder.and_then(|folder| folder.bot.clone()), bot) {
        (Some(theirs), Some(ours)) if theirs != ours => {
            Err(Error::field("bot_id", "is not the bot that the folder belongs to"))
        }
        (theirs, ours) => Ok(ours.or(theirs)),
    }
}

//! Where a document or folder belongs: the bot that it serves and the folder that it is in, checked against the caller.

use shared::{
    app::App,
    bots::Bot,
    documents::Document,
    error::Error,
    folders::Folder,
    http::Caller,
    ids::{BotId, DocumentId, FolderId},
};

/// A document of the caller's.
pub(crate) async fn document(app: &App, caller: &Caller, id: String) -> Result<Document, Error> {
    let absent = || Error::NotFound("Document");
    let id = DocumentId::parse(id).ok_or_else(absent)?;
    let document: Option<Document> = app.table.get(&Document::key(caller.tenant(), &id)).await?;
    document
        .filter(|document| caller.sees(document.bot.as_ref()))
        .ok_or_else(absent)
}

/// A folder of the caller's.
pub(crate) async fn folder(app: &App, caller: &Caller, id: String) -> Result<Folder, Error> {
    let absent = || Error::NotFound("Folder");
    let id = FolderId::parse(id).ok_or_else(absent)?;
    let folder: Option<Folder> = app.table.get(&Folder::key(caller.tenant(), &id)).await?;
    folder
        .filter(|folder| caller.sees(folder.bot.as_ref()))
        .ok_or_else(absent)
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

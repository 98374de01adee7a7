//! Bots and keys as the caller may find them: what belongs to others looks as if it never existed.

use shared::{app::App, bots::Bot, error::Error, http::Caller, ids::KeyId, keys::ApiKey};

/// A bot of the caller's.
pub(crate) async fn bot(app: &App, caller: &Caller, id: &str) -> Result<Bot, Error> {
    caller.find_bot(app, id, "Bot").await
}

/// A key of the caller's.
pub(crate) async fn key(app: &App, caller: &Caller, id: &str) -> Result<ApiKey, Error> {
    let absent = || Error::NotFound("Key");
    let id = KeyId::parse(id).ok_or_else(absent)?;
    let key: Option<ApiKey> = app.table.get(&ApiKey::key(caller.tenant(), &id)).await?;
    key.filter(|key| caller.sees(key.bot.as_ref())).ok_or_else(absent)
}

/// Refuses what would be a bot beside the one that the caller's key is bound to.
pub(crate) fn may_make_bots(caller: &Caller) -> Result<(), Error> {
    match caller.bound() {
        None => Ok(()),
        Some(_) => Err(Error::forbidden(
            "A key that is bound to a bot cannot make other bots; use a key of the whole tenant",
        )),
    }
}

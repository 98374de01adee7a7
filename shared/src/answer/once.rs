//! An answer without a conversation: for routines and tools.

use super::{Scope, Written, draft, prompt, retrieve};
use crate::{app::App, bots::Bot, error::Error};

/// Lets `bot` answer one question from what `scope` admits. Nothing is stored.
///
/// # Errors
/// When the model, the index or the table does not answer, or the answer broke off.
pub async fn once(app: &App, bot: &Bot, scope: &Scope, question: &str) -> Result<Written, Error> {
    let sources = retrieve::passages(app, scope, question).await?;
    let prompt = prompt::question(bot, Vec::new(), &sources, question);
    match draft::write(app, prompt, &sources, |_| {}).await? {
        (written, None) => Ok(written),
        (_, Some(failure)) => Err(failure),
    }
}

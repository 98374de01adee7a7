//! Which thread a widget's request is about.

use shared::{
    app::App,
    bots::Bot,
    conversations::{self, Conversation, Owner, Party},
    error::Error,
    http::{Caller, Reaching},
    ids::BotId,
};

/// Finds the bot of a widget, which the caller sees.
pub(crate) async fn bot(app: &App, caller: &Caller, application: String) -> Result<Bot, Error> {
    let unknown = || Error::NotFound("Bot");
    let id = BotId::parse(application).filter(|bot| caller.sees(Some(bot)));
    let id = id.ok_or_else(unknown)?;
    if let Some(bot) = caller.bot.as_ref().filter(|bot| bot.id == id) {
        return Ok(Bot::clone(bot));
    }
    app.table
        .get(&Bot::key(caller.tenant(), &id))
        .await?
        .ok_or_else(unknown)
}

/// The stated thread; else the one whose token the caller holds; else the last one of the visitor, where it is certain who
/// that is. `None` when that visitor has none.
pub(crate) async fn find(
    app: &App,
    reaching: &Reaching,
    bot: &BotId,
    stated: Option<&str>,
) -> Result<Option<Conversation>, Error> {
    let of_bot = |conversation: Conversation| match conversation.owner.bot == *bot {
        true => Ok(Some(conversation)),
        false => Err(Error::NotFound("Conversation")),
    };
    if let Some(stated) = stated.filter(|id| !id.is_empty()) {
        return of_bot(reaching.open(app, stated).await?);
    }
    if let Some(held) = reaching.holds().filter(|_| reaching.proved().is_none()) {
        return of_bot(reaching.open_known(app, &held).await?);
    }
    let visitor = reaching.proved().ok_or(Error::NotFound("Conversation"))?;
    let owner = Owner {
        bot: bot.clone(),
        party: Party::Visitor {
            visitor: visitor.to_owned(),
        },
    };
    if let Some(newest) = conversations::newest(&app.table, reaching.tenant(), &owner).await? {
        match reaching.open_known(app, &newest).await {
            Err(Error::NotFound(_)) => {}
            found => return found.map(Some),
        }
    }
    if !reaching.caller.is_trusted() {
        return Ok(None);
    }
    // Threads that pages began for this visitor without a proof: who is trusted may read them.
    let last = conversations::of_owner(&app.table, reaching.tenant(), &owner, 1, true).await?;
    Ok(last.into_iter().next())
}

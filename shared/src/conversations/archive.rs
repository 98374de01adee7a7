//! Archiving: a conversation is over, and what it says may be extracted.

use serde_json::json;

use super::{Conversation, Handoff, Status};
use crate::{
    app::App,
    bots::{Bot, InsightsMode},
    error::Error,
    events::{Event, EventType, Job},
    insights::{self, Insight},
    store::{Condition, Row, Transaction, TransactionError, Update},
};

/// Tries while others change the conversation.
const TRIES: usize = 5;

/// Archives a conversation, with the event that tells of it and, where the bot wants them, insights that are to be extracted.
/// One that is archived already stays as it is. Gives whether there are or will be insights.
///
/// # Errors
/// `Conversation not found` when it went meanwhile, or the table does not answer.
pub async fn archive(app: &App, conversation: Conversation) -> Result<bool, Error> {
    let mut conversation = conversation;
    for _ in 0..TRIES {
        if conversation.is_archived() {
            let newest = insights::newest(&app.table, &conversation.tenant, &conversation.id).await?;
            return Ok(newest.is_some());
        }
        let (transaction, extracts) = transaction(app, &conversation).await?;
        match app.table.transact(transaction).await {
            Ok(()) => return Ok(extracts),
            Err(TransactionError::Condition(_)) => {}
            Err(TransactionError::Other(error)) => return Err(error),
        }
        let now: Option<Conversation> = app.table.get(&Row::key(&conversation)).await?;
        conversation = now.ok_or(Error::NotFound("Conversation"))?;
    }
    Err(Error::unavailable("a conversation changes while it is archived"))
}

async fn transaction(app: &App, conversation: &Conversation) -> Result<(Transaction, bool), Error> {
    let (tenant, id, bot) = (&conversation.tenant, &conversation.id, &conversation.owner.bot);
    let now = app.clock.now();
    let known: Option<Bot> = app.table.get(&Bot::key(tenant, bot)).await?;
    let extracts = known.is_some_and(|bot| bot.insights.mode == InsightsMode::Archive);
    let mut event = Event::new(
        tenant,
        Some(bot),
        EventType::SessionArchived,
        now,
        json!({"session_id": id}),
    );
    let mut transaction = Transaction::default();
    transaction.update(
        Update::at(Row::key(conversation))
            .when(Condition::Exists)
            // There exactly while it is archived.
            .when(Condition::Lacks("archived_at"))
            .set("status", &Status::Archived)?
            .set("archived_at", &now)?
            .set_or_remove::<Handoff>("handoff", None)?,
    );
    if extracts {
        let insight = Insight::pending(tenant, id, bot, now);
        transaction.create(&insight)?;
        event = event.with([Job::Insights {
            tenant: tenant.clone(),
            conversation: id.clone(),
            insight: insight.id,
        }]);
    }
    transaction.create(&event)?;
    Ok((transaction, extracts))
}

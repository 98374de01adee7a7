//! Handing a conversation to a person, and giving it back to the bot.

use serde_json::json;

use super::{Conversation, Handoff, Status};
use crate::{
    app::App,
    clock::Time,
    error::Error,
    events::{Event, EventType},
    store::{self, Condition, Row, Transaction, TransactionError, Update},
};

/// Hands a conversation to a person, with the event that tells of it: the bot is silent from here. One that is handed over
/// already stays as it is; one that was archived is open again.
///
/// # Errors
/// `Conversation not found` when it went meanwhile, or the table does not answer.
pub async fn hand_over(app: &App, conversation: Conversation, reason: Option<String>) -> Result<Conversation, Error> {
    if conversation.handoff.is_some() {
        return Ok(conversation);
    }
    let now = app.clock.now();
    let handoff = Handoff {
        since: now,
        reason,
        repetition: store::repetition(),
    };
    let (tenant, bot) = (&conversation.tenant, &conversation.owner.bot);
    let data = json!({"session_id": conversation.id});
    let event = Event::new(tenant, Some(bot), EventType::HandoffRequested, now, data);
    let mut transaction = Transaction::default();
    transaction
        .update(
            Update::at(Row::key(&conversation))
                .when(Condition::Exists)
                .when(Condition::Lacks("handoff"))
                .set("handoff", &handoff)?
                .set("status", &Status::Pending)?
                .set_or_remove::<Time>("archived_at", None)?,
        )
        .create(&event)?;
    match app.table.transact(transaction).await {
        Ok(()) => Ok(Conversation {
            handoff: Some(handoff),
            status: Status::Pending,
            archived_at: None,
            ..conversation
        }),
        // Somebody else was quicker, or it is gone.
        Err(TransactionError::Condition(_)) => {
            let now: Option<Conversation> = app.table.get(&Row::key(&conversation)).await?;
            now.ok_or(Error::NotFound("Conversation"))
        }
        Err(TransactionError::Other(error)) => Err(error),
    }
}

/// Gives a conversation back to the bot; one that is the bot's stays as it is.
///
/// # Errors
/// When the table does not answer.
pub async fn give_back(app: &App, conversation: &Conversation) -> Result<(), Error> {
    let Some(handoff) = &conversation.handoff else {
        return Ok(());
    };
    let update = Update::at(Row::key(conversation))
        .when(Condition::is("handoff.since", &handoff.since)?)
        .set("status", &Status::Open)?
        .set_or_remove::<Handoff>("handoff", None)?;
    if !app.table.update(update).await? {
        tracing::debug!(conversation = %conversation.id, "it was given back or handed over anew meanwhile");
    }
    Ok(())
}

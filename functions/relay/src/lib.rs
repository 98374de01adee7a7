//! The outbox's postman: for each new event in the table's stream it has done what follows from it.

mod codes;
mod fan_out;
mod notices;

use std::{borrow::Cow, time::Duration};

use aws_lambda_events::{
    dynamodb::Event as StreamEvent,
    streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse},
};
use fan_out::Listeners;
use futures::future::join_all;
use shared::{
    answer::prompt,
    app::App,
    contacts,
    conversations::{self, Conversation, MAX_TITLE_CHARS},
    error::chain,
    events::{Event, Job},
    ids::{ConversationId, TenantId},
    queue::{self, Destination},
    store::{Condition, Row, Update},
    usage::{self, Entry},
    worker::{self, JobError, run_batch},
};

/// Longest time that the model may take for a title: the stream waits behind it.
const TITLE_WITHIN: Duration = Duration::from_secs(15);

/// Handles one batch of the stream; gives back what is to be delivered again.
///
/// # Errors
/// Never for a single record: those are reported one by one.
pub async fn handle(app: &App, batch: StreamEvent) -> Result<DynamoDbEventResponse, lambda_runtime::Error> {
    let (mut records, mut unread) = (Vec::new(), Vec::new());
    for record in batch.records {
        let number = record.change.sequence_number.clone().unwrap_or_default();
        match serde_dynamo::from_item::<_, Event>(record.change.new_image) {
            Ok(event) => records.push((number, event)),
            // Perhaps a newer version wrote it, which is being put back: it goes to the dead letters in the end.
            Err(error) => {
                tracing::error!(record = number, %error, "an event that cannot be read");
                unread.push(number);
            }
        }
    }
    let uncounted = count(app, &records).await;
    let unsent = send(app, &records).await;
    let mut failed = run_batch(records, |event| follow(app, event)).await;
    failed.extend(unread);
    failed.extend(uncounted);
    failed.extend(unsent);
    let mut response = DynamoDbEventResponse::default();
    response.batch_item_failures = failed.into_iter().map(failure).collect();
    Ok(response)
}

fn failure(sequence_number: String) -> DynamoDbBatchItemFailure {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier = Some(sequence_number);
    failure
}

/// Counts what answers took, all of the batch together; gives back the records that are to come again.
async fn count(app: &App, records: &[(String, Event)]) -> Vec<String> {
    let (mut numbers, mut entries) = (Vec::new(), Vec::new());
    for (number, event) in records {
        if let Some(spent) = &event.spent {
            numbers.push(number.clone());
            entries.push(Entry {
                event: Row::key(event),
                tenant: event.tenant.clone(),
                at: event.timestamp,
                spent: spent.clone(),
            });
        }
    }
    match usage::fold(&app.table, entries).await {
        Ok(()) => Vec::new(),
        Err(error) => {
            tracing::warn!(cause = %chain(&error), "answers will be counted again");
            numbers
        }
    }
}

/// Sends what the events ask of other workers, the messages of the whole batch together: SQS counts requests. Gives back the
/// records of which something was not sent.
async fn send(app: &App, records: &[(String, Event)]) -> Vec<String> {
    let listeners = Listeners::new(app);
    let asked = records.iter().map(|(_, event)| listeners.tell(event));
    let mut unsent = Vec::new();
    let mut messages: Vec<(&str, Cow<'_, Job>)> = Vec::new();
    for ((number, event), told) in records.iter().zip(join_all(asked).await) {
        messages.extend(event.jobs.iter().map(|job| (number.as_str(), Cow::Borrowed(job))));
        match told {
            Ok(told) => messages.extend(told.into_iter().map(|job| (number.as_str(), Cow::Owned(job)))),
            Err(error) => {
                tracing::warn!(record = number, cause = %chain(&error), "who listens could not be found out");
                unsent.push(number.clone());
            }
        }
    }
    for queue in Destination::ALL {
        let meant: Vec<_> = messages
            .iter()
            .filter(|(_, job)| job.destination() == Some(queue))
            .collect();
        for meant in meant.chunks(queue::BATCH) {
            let jobs: Vec<&Job> = meant.iter().map(|(_, job)| job.as_ref()).collect();
            if let Err(error) = app.queue.send(queue, &jobs).await {
                tracing::warn!(?queue, cause = %chain(&error), "messages will be sent again");
                unsent.extend(meant.iter().map(|(number, _)| (*number).to_owned()));
            }
        }
    }
    unsent
}

/// Does what `relay` does by itself: one thing that fails holds up no other of the event.
async fn follow(app: &App, event: Event) -> Result<(), JobError> {
    worker::follows(&event);
    let mut outcome = Ok(());
    for done in join_all(event.jobs.iter().map(|job| by_itself(app, &event, job))).await {
        // What may succeed yet says that the event has to come again.
        if let Err(error) = done
            && !matches!(outcome, Err(JobError::Retry(_)))
        {
            outcome = Err(error);
        }
    }
    outcome
}

async fn by_itself(app: &App, event: &Event, job: &Job) -> Result<(), JobError> {
    match job {
        Job::Title { conversation } => title(app, &event.tenant, conversation).await,
        Job::Code { email, purpose } => codes::send(app, &event.id, email, *purpose).await,
        Job::Contact { conversation } => contact(app, &event.tenant, conversation).await,
        Job::WebhookDisabled { bot, webhook } => notices::webhook_disabled(app, &event.tenant, bot, webhook).await,
        queued => {
            tracing::trace!(?queued, "its worker does it");
            Ok(())
        }
    }
}

/// Makes a contact of whoever began the conversation, when they stated an address.
async fn contact(app: &App, tenant: &TenantId, conversation: &ConversationId) -> Result<(), JobError> {
    let known: Option<Conversation> = app.table.get(&Conversation::key(tenant, conversation)).await?;
    match known {
        Some(known) => Ok(contacts::of_visitor(&app.table, &known, app.clock.now()).await?),
        None => Ok(()),
    }
}

/// Lets the model write a title. Without one the shortened question stays: no reason to hold up the stream.
async fn title(app: &App, tenant: &TenantId, conversation: &ConversationId) -> Result<(), JobError> {
    let Some(question) = conversations::first_message(&app.table, tenant, conversation).await? else {
        return Ok(());
    };
    let no_title = |why: String| JobError::Fail(format!("no title: {why}"));
    let asked = tokio::time::timeout(TITLE_WITHIN, app.models.complete(prompt::title(&question.content))).await;
    let written = asked
        .map_err(|e| no_title(e.to_string()))?
        .map_err(|e| no_title(e.to_string()))?;
    let title = written.split_whitespace().collect::<Vec<_>>().join(" ");
    let title: String = title
        .trim_matches(['"', '\'', '.', ' '])
        .chars()
        .take(MAX_TITLE_CHARS)
        .collect();
    if title.is_empty() {
        return Ok(());
    }
    let update = Update::at(Conversation::key(tenant, conversation))
        .when(Condition::Exists)
        .set("title", &title)?;
    if !app.table.update(update).await? {
        tracing::debug!(%conversation, "the conversation was gone before it had a title");
    }
    Ok(())
}

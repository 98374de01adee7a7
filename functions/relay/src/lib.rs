//! The outbox's postman: for each new event in the table's stream it has done what follows from it.

mod codes;
mod fan_out;
mod notices;

use std::time::Duration;

use aws_lambda_events::{
    dynamodb::Event as StreamEvent,
    streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse},
};
use fan_out::Listeners;
use shared::{
    answer::prompt,
    app::App,
    contacts,
    conversations::{self, Conversation, MAX_TITLE_CHARS},
    error::chain,
    events::{Event, Job},
    ids::{ConversationId, TenantId},
    queue::Destination,
    store::{Condition, Row, Update},
    usage::{self, Entry},
    worker::{JobError, run_batch},
};

/// Longest time that the model may take for a title: the stream waits behind it.
const TITLE_WITHIN: Duration = Duration::from_secs(15);

/// Handles one batch of the stream; gives back what is to be delivered again.
///
/// # Errors
/// Never for a single record: those are reported one by one.
pub async fn handle(app: &App, batch: StreamEvent) -> Result<DynamoDbEventResponse, lambda_runtime::Error> {
    let mut records = Vec::new();
    for record in batch.records {
        let number = record.change.sequence_number.clone().unwrap_or_default();
        match serde_dynamo::from_item::<_, Event>(record.change.new_image) {
            Ok(event) => records.push((number, event)),
            Err(error) => tracing::error!(record = number, %error, "not an event; it is left out"),
        }
    }
    let uncounted = count(app, &records).await;
    let listeners = Listeners::new(app);
    let mut failed = run_batch(records, |event| relay(app, &listeners, event)).await;
    failed.extend(uncounted);
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

async fn relay(app: &App, listeners: &Listeners<'_>, event: Event) -> Result<(), JobError> {
    let told = listeners.tell(&event).await?;
    for queue in Destination::ALL {
        let jobs = event.jobs.iter().chain(&told);
        let jobs: Vec<&Job> = jobs.filter(|job| job.destination() == Some(queue)).collect();
        app.queue.send(queue, &jobs).await?;
    }
    for job in event.jobs {
        match job {
            Job::Title { conversation } => title(app, &event.tenant, &conversation).await?,
            Job::Code { email, purpose } => codes::send(app, &event.id, &email, purpose).await?,
            Job::Contact { conversation } => contact(app, &event.tenant, &conversation).await?,
            Job::WebhookDisabled { bot, webhook } => {
                notices::webhook_disabled(app, &event.tenant, &bot, &webhook).await?;
            }
            queued => tracing::trace!(?queued, "its worker does it"),
        }
    }
    Ok(())
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

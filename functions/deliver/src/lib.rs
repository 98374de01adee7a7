//! The worker that tells webhooks what happened.
//!
//! A message says which attempt of which delivery is to be made. The log says which were made: an attempt that was is not
//! made again, so messages may come twice, late and in any order. What follows from an attempt is written with it: the next
//! one's time and, where it is far, its place among what `tick` sends. Only then its message is sent; when this worker dies in
//! between, its own message comes again, finds the attempt made, and sends it.

mod aftermath;
mod pace;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use shared::{
    app::App,
    clock::Time,
    deliveries::{Attempt, Delivery, Problem, Status, Trigger},
    error::Error,
    events::{Deliver, Job, Sender},
    queue::Destination,
    store::Row,
    webhooks::Webhook,
    worker::{JobError, run_messages},
};

/// Tries of noting what others note at the same time.
const TRIES: usize = 5;

/// Handles one batch of the queue; gives back what is to be delivered again.
///
/// # Errors
/// Never for a single message: those are reported one by one.
pub async fn handle(app: &App, sender: &Sender, batch: SqsEvent) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    Ok(run_messages(&app.queue, Destination::Deliver, batch, |message| {
        work(app, sender, message)
    })
    .await)
}

async fn work(app: &App, sender: &Sender, message: SqsMessage) -> Result<(), JobError> {
    let body = message.body.as_deref().unwrap_or_default();
    let job: Job = serde_json::from_str(body).map_err(|e| JobError::Fail(format!("undecodable message: {e}")))?;
    match job {
        Job::Deliver(deliver) => Ok(attempt(app, sender, *deliver).await?),
        other => Err(JobError::Fail(format!("not a job of this worker: {other:?}"))),
    }
}

/// Makes the attempt that a message asks for, if it was not made before.
async fn attempt(app: &App, sender: &Sender, asked: Deliver) -> Result<(), Error> {
    let webhook = Webhook::key(&asked.tenant, &asked.bot, &asked.webhook);
    let delivery = Delivery::key(&asked.tenant, &asked.bot, &asked.delivery);
    let [webhook, delivery] = app.table.get_each([webhook, delivery]).await?;
    let known = delivery.map(|found| found.into::<Delivery>()).transpose()?;
    let made = |known: &&Delivery| known.number >= asked.attempt || known.status == Status::Succeeded;
    if let Some(known) = known.as_ref().filter(made) {
        return follow(app, known, asked.attempt).await;
    }
    let Some(webhook) = webhook.map(|found| found.into::<Webhook>()).transpose()? else {
        return end(
            app,
            known,
            "webhook_deleted",
            "The webhook was deleted before this attempt",
        )
        .await;
    };
    if !webhook.enabled {
        return end(
            app,
            known,
            "webhook_disabled",
            "The webhook was disabled before this attempt",
        )
        .await;
    }
    if webhook.is_slow(app.clock.now()) && !pace::may_start(app, &webhook).await? {
        return pace::put_off(app, asked).await;
    }
    let fresh = asked
        .told
        .map(|told| Delivery::new(&webhook, told, Trigger::Event, app.clock.now()));
    let Some(delivery) = known.clone().or(fresh) else {
        tracing::info!(delivery = %asked.delivery, "the log forgot the delivery before this attempt");
        return Ok(());
    };
    let made = pace::watched(
        app,
        &webhook,
        sender.attempt(&app.clock, &webhook, &delivery, asked.attempt),
    )
    .await?;
    let noted = note(
        app,
        known.is_none().then_some(delivery),
        &asked.delivery,
        &webhook,
        &made,
    )
    .await?;
    aftermath::of(app, &webhook, &made, noted.as_ref()).await?;
    match noted {
        Some(noted) => follow(app, &noted, asked.attempt).await,
        None => Ok(()),
    }
}

/// Writes an attempt into the log, on top of what others wrote meanwhile; `None` when the log has forgotten the delivery.
async fn note(
    app: &App,
    fresh: Option<Delivery>,
    id: &shared::ids::DeliveryId,
    webhook: &Webhook,
    made: &Attempt,
) -> Result<Option<Delivery>, Error> {
    if let Some(mut first) = fresh {
        first.note(made.clone(), app.clock.now(), &app.delivery_retries);
        if app.table.put_new(&first).await? {
            return Ok(Some(first));
        }
    }
    let key = Delivery::key(&webhook.tenant, &webhook.bot, id);
    for _ in 0..TRIES {
        let Some(before) = app.table.get::<Delivery>(&key).await? else {
            return Ok(None);
        };
        let mut after = before.clone();
        after.note(made.clone(), app.clock.now(), &app.delivery_retries);
        if app.table.update(after.changed(&before)?).await? {
            after.revision += 1;
            return Ok(Some(after));
        }
    }
    Err(Error::unavailable("a delivery is changed again and again"))
}

/// Sees to what comes behind an attempt that is noted: the next attempt's message, or the dead letter of one that was given
/// up. Doing it twice sends a message twice, which changes nothing.
async fn follow(app: &App, delivery: &Delivery, made: u32) -> Result<(), Error> {
    if delivery.number > made {
        return Ok(());
    }
    let next = Job::Deliver(Box::new(delivery.next()));
    match (delivery.status, delivery.next_attempt_at) {
        (Status::Pending, Some(at)) if delivery.due_at.is_none() => {
            let wait = seconds_until(at, app.clock.now());
            app.queue.send_in(Destination::Deliver, &next, wait).await
        }
        (Status::Failed, _) if delivery.problem.is_none() => {
            app.queue.send(Destination::DeliverDeadLetters, &[&next]).await
        }
        _ => Ok(()),
    }
}

/// Ends a delivery that cannot be attempted any more.
async fn end(app: &App, known: Option<Delivery>, code: &str, message: &str) -> Result<(), Error> {
    let Some(before) = known.filter(|known| known.status == Status::Pending) else {
        return Ok(());
    };
    let mut after = before.clone();
    after.give_up(Problem::new(code, message));
    if !app.table.update(after.changed(&before)?).await? {
        tracing::debug!(key = ?Row::key(&before), "the delivery was changed meanwhile");
    }
    Ok(())
}

/// Whole seconds, rounded up.
fn seconds_until(at: Time, now: Time) -> u32 {
    u32::try_from((at.millisecond() - now.millisecond() + 999) / 1000).unwrap_or(0)
}

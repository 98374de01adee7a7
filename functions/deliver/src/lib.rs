//! The worker that tells webhooks what happened.
//!
//! A message says which attempt of which delivery is to be made. The log says which were made: an attempt that was is not
//! made again, so messages may come twice, late and in any order. The next attempt's time is written with the failed one and,
//! where it is far, its place among what `tick` sends. Only then its message is sent; when this worker dies in between, its own
//! message comes again, finds the attempt made, and sees to what follows.

mod aftermath;
mod log;
mod pace;
mod tally;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use shared::{
    app::App,
    deliveries::{Delivery, Problem, Status, Trigger},
    error::Error,
    events::{Deliver, Job, Sender},
    queue::Destination,
    webhooks::Webhook,
    worker::{self, JobError, run_messages},
};

use log::Entry;
use tally::Tally;

/// Handles one batch of the queue; gives back what is to be delivered again.
///
/// # Errors
/// Never for a single message: those are reported one by one.
pub async fn handle(app: &App, sender: &Sender, batch: SqsEvent) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    let tally = Tally::default();
    let response = run_messages(&app.queue, Destination::Deliver, batch, |message| {
        work(app, sender, &tally, message)
    })
    .await;
    tally.tell(&app.metrics);
    Ok(response)
}

async fn work(app: &App, sender: &Sender, tally: &Tally, message: SqsMessage) -> Result<(), JobError> {
    match worker::job(&message)? {
        Job::Deliver(deliver) => Ok(attempt(app, sender, tally, *deliver).await?),
        other => Err(worker::misled(&other)),
    }
}

/// Makes the attempt that a message asks for, if it was not made before.
async fn attempt(app: &App, sender: &Sender, tally: &Tally, asked: Deliver) -> Result<(), Error> {
    let webhook = Webhook::key(&asked.tenant, &asked.bot, &asked.webhook);
    let delivery = Delivery::key(&asked.tenant, &asked.bot, &asked.delivery);
    let [webhook, delivery] = app.table.get_each([webhook, delivery]).await?;
    let webhook = webhook.map(|found| found.into::<Webhook>()).transpose()?;
    let known = delivery.map(|found| found.into::<Delivery>()).transpose()?;
    let made = |known: &&Delivery| known.number >= asked.attempt || known.status == Status::Succeeded;
    if let Some(known) = known.as_ref().filter(made) {
        return follow(app, webhook.as_ref(), known, asked.attempt).await;
    }
    let Some(webhook) = webhook else {
        let known = known.map(Entry::written);
        let message = "The webhook was deleted before this attempt";
        return end(app, tally, known, "webhook_deleted", message).await;
    };
    let first = |told| Entry::fresh(Delivery::new(&webhook, told, Trigger::Event, app.clock.now()));
    let Some(entry) = known.map(Entry::written).or(asked.told.clone().map(first)) else {
        tracing::info!(delivery = %asked.delivery, "the log forgot the delivery before this attempt");
        return Ok(());
    };
    if !webhook.enabled {
        let message = "The webhook was disabled before this attempt";
        return end(app, tally, Some(entry), "webhook_disabled", message).await;
    }
    if let Some(slow) = webhook.slow_at(app.clock.now())
        && !pace::may_start(app, &webhook, slow).await?
    {
        return pace::put_off(app, tally, asked, &entry).await;
    }
    let attempt = sender.attempt(&app.clock, &webhook, &entry.delivery, asked.attempt);
    let made = pace::watched(app, &webhook, attempt).await;
    // Before it is noted: when this worker dies in between, the attempt is made again, and this too.
    let gone = aftermath::of(app, &webhook, &made).await?;
    let noted = entry.change(app, |delivery| {
        delivery.note(made.clone(), gone, app.clock.now(), &app.delivery_retries);
    });
    match noted.await? {
        Some(noted) => {
            tally.noted(&noted);
            follow(app, Some(&webhook), &noted, asked.attempt).await
        }
        None => Ok(()),
    }
}

/// Sees to what comes behind an attempt that is noted: the next attempt's message, or the end of a delivery that was given up.
/// Doing it twice sends a message twice, which changes nothing.
async fn follow(app: &App, webhook: Option<&Webhook>, delivery: &Delivery, made: u32) -> Result<(), Error> {
    if delivery.number > made {
        return Ok(());
    }
    let next = Job::Deliver(Box::new(delivery.next()));
    match (delivery.status, delivery.next_attempt_at) {
        (Status::Pending, Some(at)) if delivery.due_at.is_none() => {
            let wait = app.clock.now().seconds_until(at);
            app.queue.send_in(Destination::Deliver, &next, wait).await
        }
        (Status::Failed, _) if delivery.problem.is_none() => {
            if let Some(webhook) = webhook {
                aftermath::given_up(app, webhook).await?;
            }
            app.queue.send(Destination::DeliverDeadLetters, &[&next]).await
        }
        _ => Ok(()),
    }
}

/// Ends a delivery that cannot be attempted any more. One without any attempt is in the log, too: it can be sent again.
async fn end(app: &App, tally: &Tally, entry: Option<Entry>, code: &str, message: &str) -> Result<(), Error> {
    match entry {
        Some(entry) => give_up(app, tally, &entry, code, message).await,
        None => Ok(()),
    }
}

/// Gives a delivery up for this reason.
async fn give_up(app: &App, tally: &Tally, entry: &Entry, code: &str, message: &str) -> Result<(), Error> {
    let ended = entry.change(app, |delivery| delivery.give_up(Problem::new(code, message)));
    if let Some(ended) = ended.await? {
        tally.noted(&ended);
    }
    Ok(())
}

//! Deliveries whose next attempt is too far away for a message's delay: they wait in the second index and are sent when they
//! are due. The message goes first, then the row is taken out: a tick that dies in between sends it twice, and an attempt that
//! was made is not made again.

use futures::{StreamExt, future::join_all, stream};
use shared::{
    app::App,
    clock::Time,
    deliveries::{Delivery, SHARDS},
    error::{Error, chain},
    events::Job,
    queue::Destination,
    store::{Found, Update, sort_until},
};

/// What is due within this, in milliseconds, is sent now, with the rest of the time as its message's delay: until the next
/// tick.
const AHEAD: i64 = 60_000;
/// Deliveries that are read, and worked on, at once.
const PAGE: usize = 100;
/// Deliveries of one shard that one tick sends, about; the rest is still due at the next.
const MOST: usize = 2_500;
/// Deliveries that are taken out at the same time.
const AT_ONCE: usize = 16;

/// Sends the deliveries that are due at `now` or soon after; gives how many.
///
/// # Errors
/// When the table does not say what is due. What the queue does not take is in the log, and still due at the next tick.
pub async fn run(app: &App, now: Time) -> Result<usize, Error> {
    let shards = join_all((0..SHARDS).map(|shard| one(app, shard, now))).await;
    shards.into_iter().sum()
}

/// Sends the deliveries of one shard.
async fn one(app: &App, shard: u8, now: Time) -> Result<usize, Error> {
    let (due, until) = (Delivery::due(shard), sort_until(now.plus(AHEAD)));
    let mut sent = 0;
    let mut pages = app.table.index2_pages_until(&due, &until, PAGE);
    while sent < MOST
        && let Some(page) = pages.next_items().await?
    {
        match send(app, page, now).await {
            Ok(count) => sent += count,
            // What comes after them would not be taken either, and is read again at the next tick.
            Err(error) => {
                tracing::error!(cause = %chain(&error), "due deliveries could not be sent");
                return Ok(sent);
            }
        }
    }
    Ok(sent)
}

async fn send(app: &App, found: Vec<Found>, now: Time) -> Result<usize, Error> {
    let due: Vec<Delivery> = found.into_iter().filter_map(read).collect();
    let messages: Vec<(Job, u32)> = due
        .iter()
        .map(|delivery| {
            let wait = delivery.due_at.map_or(0, |due| now.seconds_until(due));
            (Job::Deliver(Box::new(delivery.next())), wait)
        })
        .collect();
    let messages: Vec<(&Job, u32)> = messages.iter().map(|(job, wait)| (job, *wait)).collect();
    app.queue.send_each(Destination::Deliver, &messages).await?;
    let out: Vec<Update> = due.iter().map(Delivery::sent).collect::<Result<_, _>>()?;
    let taking = stream::iter(out).map(|update| app.table.update(update));
    let taken: Vec<Result<bool, Error>> = taking.buffer_unordered(AT_ONCE).collect().await;
    for trouble in taken.into_iter().filter_map(Result::err) {
        tracing::warn!(cause = %chain(&trouble), "a delivery that was sent is still due, and will be sent again");
    }
    Ok(due.len())
}

fn read(found: Found) -> Option<Delivery> {
    let place = found.sk().to_owned();
    let read = found.into();
    read.inspect_err(|error| tracing::error!(place, cause = %chain(error), "a delivery that is due cannot be read"))
        .ok()
}

//! How many attempts at once a slow receiver gets. Without a bound one that takes 15 seconds to answer would fill all workers,
//! and everybody else would wait.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use rand::RngExt;
use shared::{
    app::App,
    error::{Error, chain},
    events::{Deliver, Job},
    queue::Destination,
    store::{Counted, Partition},
    webhooks::{Slow, Webhook},
};

use crate::{give_up, log::Entry, tally::Tally};

/// An attempt that takes longer, in milliseconds, makes its webhook slow.
const SLOW: u32 = 2_000;
/// For how long, in milliseconds.
const SLOW_FOR: i64 = 60_000;
/// Attempts of a slow webhook that are under way at the same time, about: what begins in a window is bounded by how long an
/// answer takes (Little's law).
const AT_ONCE: u32 = 20;
/// A window, in seconds: the longest that an attempt takes.
const WINDOW: u32 = 15;
/// The longest time for which an attempt is put off at once, in seconds.
const LONGEST: u32 = 300;
/// How often an attempt is put off until its delivery is given up: after a day, about.
const MOST: u32 = 400;

/// Whether another attempt of a slow webhook may begin now.
pub(crate) async fn may_start(app: &App, webhook: &Webhook, slow: &Slow) -> Result<bool, Error> {
    let (now, window) = (app.clock.now().second(), i64::from(WINDOW));
    let partition = Partition::tenant(&webhook.tenant, &["RATE", "webhook", webhook.id.as_str()]);
    let key = partition.at(format!("W#{}", now.div_euclid(window)));
    let starts = AT_ONCE * WINDOW * 1000 / slow.took_ms.clamp(SLOW, WINDOW * 1000);
    let counted = app
        .table
        .count(&key, &[("starts".to_owned(), starts)], now + 2 * window)
        .await?;
    Ok(matches!(counted, Counted::Taken(_)))
}

/// Puts an attempt off, twice as long each time: of a great many that wait, few ask at once. The log says until when.
pub(crate) async fn put_off(app: &App, tally: &Tally, asked: Deliver, entry: &Entry) -> Result<(), Error> {
    if asked.put_off >= MOST {
        let message = "The receiver takes so long to answer that this waited for its turn for a day";
        return give_up(app, tally, entry, "too_slow", message).await;
    }
    let longest = LONGEST.min(WINDOW << asked.put_off.min(8));
    let seconds = rand::rng().random_range(longest / 2..=longest);
    let until = app.clock.now().plus(i64::from(seconds) * 1000);
    let Some(waiting) = entry.change(app, |delivery| delivery.put_off(until)).await? else {
        return Ok(());
    };
    let later = Deliver {
        put_off: asked.put_off + 1,
        ..waiting.next()
    };
    let job = Job::Deliver(Box::new(later));
    app.queue.send_in(Destination::Deliver, &job, seconds).await
}

/// Waits for an attempt; one that takes long makes its webhook slow, already while it goes on.
pub(crate) async fn watched<T>(app: &App, webhook: &Webhook, attempt: impl Future<Output = T>) -> T {
    let (mut attempt, began) = (std::pin::pin!(attempt), Instant::now());
    let known = webhook.slow_at(app.clock.now().plus(SLOW_FOR / 2));
    tokio::select! {
        made = &mut attempt => return made,
        () = tokio::time::sleep(Duration::from_millis(u64::from(SLOW))) => {}
    }
    if known.is_none() {
        // Nobody knows yet how long it takes, so the worst is assumed.
        slow(app, webhook, WINDOW * 1000).await;
    }
    let made = attempt.await;
    let took = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
    if known.is_none_or(|known| known.took_ms.abs_diff(took) > known.took_ms / 3) {
        slow(app, webhook, took).await;
    }
    made
}

/// Notes that a receiver is slow. When that fails, the next attempt notes it.
async fn slow(app: &App, webhook: &Webhook, took_ms: u32) {
    let until = app.clock.now().plus(SLOW_FOR);
    let note = webhook
        .note()
        .and_then(|note| note.set("slow", &Slow { until, took_ms }));
    let noted = match note {
        Ok(note) => app.table.update(note).await.map(|_| ()),
        Err(error) => Err(error),
    };
    if let Err(error) = noted {
        tracing::warn!(cause = %chain(&error), webhook = %webhook.id, "a slow receiver could not be noted");
    }
}

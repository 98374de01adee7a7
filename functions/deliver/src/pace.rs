//! How many attempts at once a slow receiver gets. Without a bound one that takes 15 seconds to answer would fill all workers,
//! and everybody else would wait.

use std::{future::Future, time::Duration};

use rand::RngExt;
use shared::{
    app::App,
    error::{Error, chain},
    events::{Deliver, Job},
    queue::Destination,
    store::{Condition, Counted, Partition, Row, Update},
    webhooks::Webhook,
};

/// An attempt that takes longer makes its webhook slow.
const SLOW: Duration = Duration::from_secs(2);
/// For how long, in milliseconds.
const SLOW_FOR: i64 = 60_000;
/// Attempts of a slow webhook that begin in one window; as an attempt ends within a window's length, at most twice as many are
/// under way at any time.
const STARTS: u32 = 20;
/// A window, in seconds: the longest that an attempt takes.
const WINDOW: i64 = 15;
/// The longest time for which an attempt is put off at once, in seconds.
const LONGEST: u32 = 600;

/// Whether another attempt of a slow webhook may begin now.
pub(crate) async fn may_start(app: &App, webhook: &Webhook) -> Result<bool, Error> {
    let now = app.clock.now().second();
    let window = now.div_euclid(WINDOW);
    let partition = Partition::tenant(&webhook.tenant, &["RATE", "webhook", webhook.id.as_str()]);
    let key = partition.at(format!("W#{window}"));
    let bounds = [("starts".to_owned(), STARTS)];
    let counted = app.table.count(&key, &bounds, now + 2 * WINDOW).await?;
    Ok(matches!(counted, Counted::Taken(_)))
}

/// Puts an attempt off, twice as long each time: of a great many that wait, few ask at once.
pub(crate) async fn put_off(app: &App, asked: Deliver) -> Result<(), Error> {
    let longest = LONGEST.min(15 << asked.put_off.min(6));
    let seconds = rand::rng().random_range(longest / 2..=longest);
    let later = Deliver {
        put_off: asked.put_off + 1,
        ..asked
    };
    let job = Job::Deliver(Box::new(later));
    app.queue.send_in(Destination::Deliver, &job, seconds).await
}

/// Waits for an attempt; one that takes long makes its webhook slow, already while it goes on.
pub(crate) async fn watched<T>(app: &App, webhook: &Webhook, attempt: impl Future<Output = T>) -> T {
    let mut attempt = std::pin::pin!(attempt);
    tokio::select! {
        made = &mut attempt => return made,
        () = tokio::time::sleep(SLOW) => {}
    }
    if let Err(error) = slow(app, webhook).await {
        tracing::warn!(cause = %chain(&error), webhook = %webhook.id, "a slow receiver could not be noted");
    }
    attempt.await
}

async fn slow(app: &App, webhook: &Webhook) -> Result<(), Error> {
    let until = app.clock.now().plus(SLOW_FOR);
    let update = Update::at(Row::key(webhook))
        .when(Condition::Exists)
        .set("slow_until", &until)?;
    app.table.update(update).await.map(|_| ())
}

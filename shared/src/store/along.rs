//! An update that goes along with every transaction of a request, so that what it says is true exactly when the request has
//! taken effect.

use std::future::Future;

use super::{Key, Update};

tokio::task_local! {
    static ALONG: Update;
}

/// Runs `work`; each transaction that it writes carries `update`.
pub async fn along<F: Future>(update: Update, work: F) -> F::Output {
    ALONG.scope(update, work).await
}

/// Work for a task of its own that carries what this one does.
pub fn carried<F: Future + Send + 'static>(work: F) -> impl Future<Output = F::Output> + Send + 'static {
    let update = ALONG.try_with(Clone::clone).ok();
    async move {
        match update {
            Some(update) => ALONG.scope(update, work).await,
            None => work.await,
        }
    }
}

/// The row in which the answer to this request is kept for its repetitions.
#[must_use]
pub fn repetition() -> Option<Key> {
    current().map(|update| update.key)
}

/// What the transactions of this task carry.
pub(super) fn current() -> Option<Update> {
    ALONG.try_with(Clone::clone).ok()
}

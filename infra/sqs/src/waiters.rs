//! Long polls that wait for a queue to change.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// One signal per queue that somebody waits for. An idle server does nothing: there is no polling.
#[derive(Default)]
pub(crate) struct Waiters(Mutex<HashMap<String, Arc<Notify>>>);

impl Waiters {
    /// The signal of a queue's next change. Take it before looking into the queue, so that no change falls in between.
    pub(crate) fn next_change(&self, queue: &str) -> Arc<Notify> {
        Arc::clone(self.lock().entry(queue.to_owned()).or_default())
    }

    /// Wakes everybody who waits for this queue; to be called after the change is committed.
    pub(crate) fn wake(&self, queue: &str) {
        if let Some(signal) = self.lock().remove(queue) {
            signal.notify_waiters();
        }
    }

    /// Whether somebody waits for this queue.
    #[cfg(test)]
    pub(crate) fn is_awaited(&self, queue: &str) -> bool {
        self.lock()
            .get(queue)
            .is_some_and(|signal| Arc::strong_count(signal) > 1)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

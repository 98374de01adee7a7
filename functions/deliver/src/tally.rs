//! What came of a batch's attempts, for the metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use shared::{
    deliveries::{Delivery, Status},
    telemetry::{Metrics, Outcome},
};

/// Counts, of a batch whose messages are worked on at once.
#[derive(Default)]
pub(crate) struct Tally {
    delivered: AtomicU64,
    failed: AtomicU64,
    given_up: AtomicU64,
}

impl Tally {
    /// Counts what the log says of a delivery whose attempt was just noted.
    pub(crate) fn noted(&self, delivery: &Delivery) {
        let count = match delivery.status {
            Status::Succeeded => &self.delivered,
            Status::Pending => &self.failed,
            Status::Failed => &self.given_up,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Tells the metrics.
    pub(crate) fn tell(&self, metrics: &Metrics) {
        for (outcome, count) in [
            (Outcome::Delivered, &self.delivered),
            (Outcome::Failed, &self.failed),
            (Outcome::GivenUp, &self.given_up),
        ] {
            metrics.deliveries(outcome, count.load(Ordering::Relaxed));
        }
    }
}

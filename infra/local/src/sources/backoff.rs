//! How long to wait before trying again.

use std::time::Duration;

/// The wait before try `attempt` (the first repetition is 1): doubling from 200 ms to 30 s.
#[must_use]
pub fn before(attempt: u32) -> Duration {
    Duration::from_millis(200 << attempt.saturating_sub(1).min(8)).min(Duration::from_secs(30))
}

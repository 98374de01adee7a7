//! The clock of this crate.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, the unit of every time in the file.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place in this crate that reads the clock; it stands alone and does not depend on the engine"
)]
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

//! Logs: one JSON object a line, as CloudWatch wants them; the level comes from `RUST_LOG`.

use tracing_subscriber::EnvFilter;

/// Starts logging for this process. A second call does nothing.
pub fn init() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let started = tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_current_span(false)
        .try_init();
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}

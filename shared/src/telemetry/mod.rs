//! What a deployment says about itself: log lines, one flat JSON object each, and metrics, which are log
//! lines too. `RUST_LOG` says which are written. Whose request or job a line belongs to is said by the span around it.

mod flat;
mod metrics;

pub use metrics::{Metrics, Outcome};
pub(crate) use metrics::{ModelCall, Operation};

use std::{io, panic, time::Duration};

use tracing::{Span, Subscriber, level_filters::LevelFilter, subscriber};
use tracing_subscriber::{
    Registry,
    filter::Targets,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
};

use crate::{
    config::Config,
    ids::{BotId, TenantId},
};

/// Starts logging for a function: everything from `info` on, unless `RUST_LOG` says otherwise. A second call does nothing.
pub fn init() {
    start(&asked().unwrap_or_else(|| "info".to_owned()), io::stdout);
    // Where, but not why: the words may be somebody's text.
    panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(ToString::to_string);
        tracing::error!(at, "a panic");
    }));
}

/// Starts logging for a command that somebody looks at: nothing below a warning, unless `RUST_LOG` asks for it. The
/// lines go to standard error, as standard output is what the command says.
pub fn init_at_terminal() {
    start(&asked().unwrap_or_else(|| "warn".to_owned()), io::stderr);
}

/// Starts logging with the levels of a `RUST_LOG`, into whatever `writer` makes. A second call does nothing.
pub fn start<W>(levels: &str, writer: W)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    if subscriber::set_global_default(lines(levels, writer)).is_err() {
        tracing::debug!("logging was started before");
    }
}

/// Writes lines.
pub(crate) fn lines<W>(levels: &str, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let levels: Targets = levels
        .parse()
        .unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    let lines = fmt::layer().fmt_fields(flat::Flat).event_format(flat::Flat);
    Registry::default().with(lines.with_writer(writer)).with(levels)
}

fn asked() -> Option<String> {
    Config::environment().remove("RUST_LOG")
}

/// From here on, lines say whose request or job it is.
pub fn tenant(id: &TenantId) {
    Span::current().record("tenant", id.as_str());
}

/// From here on, lines say what kind of credential a request has.
pub(crate) fn credential(kind: &str) {
    Span::current().record("credential", kind);
}

/// From here on, lines say after how many milliseconds the first piece of an answer came.
pub(crate) fn first_piece(took: Duration) {
    Span::current().record("first_piece_ms", milliseconds(took));
}

/// From here on, lines say which bot it is about.
pub fn bot(id: &BotId) {
    Span::current().record("bot", id.as_str());
}

/// How long something took, in milliseconds with one decimal place.
#[must_use]
pub fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 10_000.0).round() / 10.0
}

/// What lines are written into by tests.
#[cfg(test)]
pub(crate) mod kept {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use serde_json::Value;

    /// Keeps what is written.
    #[derive(Clone, Default)]
    pub(crate) struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Kept {
        /// The lines so far, each of which must be a JSON object.
        pub(crate) fn lines(&self) -> Vec<Value> {
            let text = self.text();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        }

        /// What was written so far.
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }

        /// Lets lines of this thread be written here, until what this gives is dropped.
        pub(crate) fn begin(&self) -> tracing::subscriber::DefaultGuard {
            let kept = self.clone();
            tracing::subscriber::set_default(super::lines("trace", move || kept.clone()))
        }
    }

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}

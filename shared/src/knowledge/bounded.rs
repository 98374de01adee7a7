//! A parse that ends: on a thread of its own, within limits of time, text and pages.

use super::parsed::ParseError;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Room for the recursion of a PDF library that goes a hundred levels deep in large frames.
const STACK: usize = 64 << 20;

/// What one parse may use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    deadline: Instant,
    /// The most text that a document may hold, in bytes.
    pub text: usize,
    /// The most pages.
    pub pages: usize,
    /// The most bytes that all decompressed streams of a file may come to.
    pub inflated: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Instant::now() + Duration::from_secs(60),
            text: 20_000_000,
            pages: 5_000,
            inflated: 1 << 30,
        }
    }
}

impl Limits {
    /// Fails once the deadline has passed. Parsers ask between steps, so that their thread ends too.
    pub fn time(&self) -> Result<(), ParseError> {
        if Instant::now() < self.deadline {
            return Ok(());
        }
        Err(ParseError::new(
            "Reading this file took too long (more than 60 seconds). Split it into smaller files.",
        ))
    }

    /// Fails when there is more text than a document may hold.
    pub fn text(&self, bytes: usize) -> Result<(), ParseError> {
        if bytes <= self.text {
            return Ok(());
        }
        Err(ParseError::new(
            "This document holds more than 20 MB of text. Split it into smaller files.",
        ))
    }

    /// Fails when there are more pages than a document may have.
    pub fn pages(&self, pages: usize) -> Result<(), ParseError> {
        if pages <= self.pages {
            return Ok(());
        }
        Err(ParseError::new(
            "This document has more than 5,000 pages. Split it into smaller files.",
        ))
    }

    #[cfg(test)]
    pub fn lasting(seconds: u64) -> Self {
        Self {
            deadline: Instant::now() + Duration::from_secs(seconds),
            ..Self::default()
        }
    }
}

/// Runs `work` on its own thread and waits for it until the deadline and a little longer, for work that only notices late.
pub(super) fn within<T, F>(limits: Limits, work: F) -> Result<T, ParseError>
where
    T: Send + 'static,
    F: FnOnce(&Limits) -> Result<T, ParseError> + Send + 'static,
{
    let (answer, answered) = mpsc::sync_channel(1);
    let thread = std::thread::Builder::new()
        .name("parse".into())
        .stack_size(STACK)
        .spawn(move || {
            // A caller that gave up has dropped the receiver; there is nobody left to tell.
            let _ = answer.send(work(&limits));
        });
    thread.map_err(|_| ParseError::new("This file could not be read just now. Try again in a moment."))?;
    let patience = limits.deadline.saturating_duration_since(Instant::now()) + Duration::from_secs(1);
    match answered.recv_timeout(patience) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => limits
            .time()
            .and(Err(ParseError::new("Reading this file took too long."))),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(ParseError::new(
            "This file is damaged and could not be read. Open it, save it again and upload the new file.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_only_the_parse() {
        let result = within(Limits::default(), |_| -> Result<(), ParseError> {
            std::panic::resume_unwind(Box::new(()))
        });
        assert!(result.unwrap_err().0.contains("damaged"));
    }

    #[test]
    fn work_that_never_ends_is_answered_for() {
        let result = within(Limits::lasting(0), |_| -> Result<(), ParseError> {
            std::thread::sleep(Duration::from_secs(5));
            Ok(())
        });
        assert!(result.unwrap_err().0.contains("too long"));
    }
}

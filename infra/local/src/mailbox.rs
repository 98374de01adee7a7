//! The mail that the stack would have sent: kept in a file, and shown on the API's port.

mod page;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use shared::clock::Clock;

use crate::data::write_private;

pub use page::PATH;

/// How many mails are kept; older ones are forgotten.
pub const KEPT: usize = 1000;
/// Forgotten mails that may still be in the file before it is written anew.
const SLACK: usize = 200;

/// One mail, as its JSON shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Its id, which the sender got too.
    pub id: String,
    /// Who sent it.
    pub from: String,
    /// Everybody who got it, copies too.
    pub to: Vec<String>,
    /// Its subject.
    pub subject: String,
    /// The plain body.
    pub text: Option<String>,
    /// The HTML body.
    pub html: Option<String>,
    /// When it was sent, as ISO 8601.
    pub sent_at: String,
}

impl Mail {
    /// A mail that is sent now.
    #[must_use]
    pub fn now(from: String, to: Vec<String>, subject: String, text: Option<String>, html: Option<String>) -> Self {
        Self {
            id: shared::ids::fresh(),
            from,
            to,
            subject,
            text,
            html,
            sent_at: Clock::default().now().to_string(),
        }
    }

    /// Whether this address is one of its receivers, however they are called.
    fn is_to(&self, address: &str) -> bool {
        let wanted = bare(address);
        self.to.iter().any(|to| bare(to).eq_ignore_ascii_case(wanted))
    }
}

/// `ann@example.com` of `Ann <ann@example.com>`.
pub(crate) fn bare(address: &str) -> &str {
    let inside = address
        .rsplit_once('<')
        .and_then(|(_, rest)| rest.trim_end().strip_suffix('>'));
    inside.unwrap_or(address).trim()
}

/// The mailbox of everybody. What was taken in is in the file before the sender hears of it.
#[derive(Clone)]
pub struct Mailbox(Arc<Mutex<Kept>>);

struct Kept {
    path: PathBuf,
    file: File,
    lines: usize,
    mails: VecDeque<Mail>,
}

impl Mailbox {
    /// Opens the file at `path`, or makes it. A line that a killed process left half-written is dropped.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(path: &Path) -> io::Result<Self> {
        let text = match fs::read(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(why) if why.kind() == io::ErrorKind::NotFound => String::new(),
            Err(why) => return Err(why),
        };
        let mut mails: VecDeque<Mail> = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        mails.drain(..mails.len().saturating_sub(KEPT));
        let kept = Kept {
            path: path.to_owned(),
            file: rewritten(path, &mails)?,
            lines: mails.len(),
            mails,
        };
        Ok(Self(Arc::new(Mutex::new(kept))))
    }

    /// Takes a mail in.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub fn add(&self, mail: Mail) -> io::Result<()> {
        let mut kept = self.lock();
        if kept.lines >= KEPT + SLACK {
            kept.rewrite()?;
        }
        let mut line = serde_json::to_vec(&mail)?;
        line.push(b'\n');
        if let Err(why) = kept.file.write_all(&line) {
            // Half a line would spoil the next one.
            kept.rewrite()?;
            return Err(why);
        }
        kept.lines += 1;
        kept.mails.push_back(mail);
        if kept.mails.len() > KEPT {
            kept.mails.pop_front();
        }
        Ok(())
    }

    /// What is there, newest first; all of it or what went to one address.
    #[must_use]
    pub fn list(&self, to: Option<&str>) -> Vec<Mail> {
        let kept = self.lock();
        let wanted = kept
            .mails
            .iter()
            .rev()
            .filter(|mail| to.is_none_or(|to| mail.is_to(to)));
        wanted.cloned().collect()
    }

    /// Forgets everything.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn clear(&self) -> io::Result<()> {
        let mut kept = self.lock();
        kept.mails.clear();
        kept.rewrite()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn rewrite(&mut self) -> io::Result<()> {
        self.file = rewritten(&self.path, &self.mails)?;
        self.lines = self.mails.len();
        Ok(())
    }
}

/// Writes the file anew and opens it for more. It holds codes and links that open accounts, so nobody else may read it.
fn rewritten(path: &Path, mails: &VecDeque<Mail>) -> io::Result<File> {
    let mut text = String::new();
    for mail in mails {
        text.push_str(&serde_json::to_string(mail)?);
        text.push('\n');
    }
    write_private(path, &text)?;
    OpenOptions::new().append(true).open(path)
}

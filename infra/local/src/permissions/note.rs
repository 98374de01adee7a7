//! Which permissions were used, and which were missing: lines of a file that several stacks may append to.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::error::{During, Error};

/// What a line of the file says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Noted {
    /// A permission was used.
    Used {
        /// By this function.
        function: String,
        /// Which statement of its policy gave it.
        statement: usize,
        /// The action.
        action: String,
        /// Which of the statement's resources it was on.
        resource: usize,
    },
    /// A permission was missing.
    Denied {
        /// To this function.
        function: String,
        /// The action, or `?`.
        action: String,
        /// What it was to be done to.
        resource: String,
    },
}

/// An open file of notes, each of which stands there once per process.
pub(super) struct Notes(Mutex<(BTreeSet<Noted>, File)>);

impl Notes {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        Ok(Self(Mutex::new((BTreeSet::new(), file.during(path.display())?))))
    }

    pub(super) fn used(&self, function: &str, statement: usize, action: &str, resource: usize) {
        self.write(Noted::Used {
            function: function.to_owned(),
            statement,
            action: action.to_owned(),
            resource,
        });
    }

    pub(super) fn denied(&self, function: &str, action: &str, resource: &str) {
        self.write(Noted::Denied {
            function: function.to_owned(),
            action: action.to_owned(),
            resource: resource.to_owned(),
        });
    }

    fn write(&self, noted: Noted) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.0.contains(&noted) {
            return;
        }
        // One write, so that lines of several processes do not mix.
        if let Err(why) = notes.1.write_all(noted.line().as_bytes()) {
            tracing::error!(%why, "a permission's use could not be noted");
        }
        notes.0.insert(noted);
    }
}

impl Noted {
    fn line(&self) -> String {
        match self {
            Self::Used {
                function,
                statement,
                action,
                resource,
            } => format!("used\t{function}\t{statement}\t{action}\t{resource}\n"),
            Self::Denied {
                function,
                action,
                resource,
            } => format!("denied\t{function}\t{action}\t{resource}\n"),
        }
    }

    fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields.as_slice() {
            ["used", function, statement, action, resource] => Some(Self::Used {
                function: (*function).to_owned(),
                statement: statement.parse().ok()?,
                action: (*action).to_owned(),
                resource: resource.parse().ok()?,
            }),
            ["denied", function, action, resource] => Some(Self::Denied {
                function: (*function).to_owned(),
                action: (*action).to_owned(),
                resource: (*resource).to_owned(),
            }),
            _ => None,
        }
    }
}

/// What a file of notes says. A line that cannot be read, as of a process that was killed, says nothing.
///
/// # Errors
/// When the file cannot be read.
pub fn noted(path: &Path) -> Result<BTreeSet<Noted>, Error> {
    let text = std::fs::read_to_string(path).during(path.display())?;
    Ok(text.lines().filter_map(Noted::parse).collect())
}

//! What can keep the local stack from starting, said so that the reader knows what to change.

use std::path::PathBuf;

/// Any cause.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the stack did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another program listens there.
    #[error("port {0} is already in use: stop what listens there, or choose another with --port")]
    PortTaken(u16),
    /// Another stack works in the same folder.
    #[error("{} is in use by another running stack: stop it, or choose another folder with --data", .0.display())]
    DataInUse(PathBuf),
    /// template.yaml says something that cannot be followed.
    #[error("template.yaml: {0}")]
    Template(String),
    /// A part of the stack failed to start.
    #[error("{what}: {cause}")]
    Part {
        /// Which part.
        what: String,
        /// Why.
        cause: Cause,
    },
}

impl Error {
    /// An error of the named part.
    pub fn part(what: impl std::fmt::Display, cause: impl Into<Cause>) -> Self {
        Self::Part {
            what: what.to_string(),
            cause: cause.into(),
        }
    }
}

/// Names the part that failed.
pub trait During<T> {
    /// Turns any error into one of the named part.
    ///
    /// # Errors
    /// When this is one.
    fn during(self, what: impl std::fmt::Display) -> Result<T, Error>;
}

impl<T, C: Into<Cause>> During<T> for Result<T, C> {
    fn during(self, what: impl std::fmt::Display) -> Result<T, Error> {
        self.map_err(|cause| Error::part(what, cause))
    }
}

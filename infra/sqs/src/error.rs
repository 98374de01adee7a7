//! What can go wrong when the queue file is opened.

/// Why a queue file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite refused the file: it is absent, damaged, not writable, or held by another process ("database is locked").
    #[error("cannot open the queue file: {0}")]
    Storage(#[from] rusqlite::Error),
    /// The thread that owns the file could not be started.
    #[error("cannot start the storage thread: {0}")]
    Thread(#[from] std::io::Error),
    /// The file was written in a later layout; earlier ones are upgraded.
    #[error(
        "the queue file has layout {found}, this program reads up to layout {expected}: remove the file to start afresh"
    )]
    Layout {
        /// The layout number in the file.
        found: i64,
        /// The layout number that this crate writes, the highest it reads.
        expected: i64,
    },
    /// The storage thread ended before it reported.
    #[error("the storage thread ended")]
    Closed,
}

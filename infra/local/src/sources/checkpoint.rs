//! How far a function has come in a stream, kept in a file.

use std::fs;
use std::path::{Path, PathBuf};

/// The sequence number up to which all is dealt with.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    sequence: Option<String>,
}

impl Checkpoint {
    /// Reads the file; without one, the stream is read from its beginning.
    #[must_use]
    pub fn load(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_default();
        let whole = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        Self {
            path: path.to_owned(),
            sequence: whole.then_some(text),
        }
    }

    /// The last sequence number dealt with.
    #[must_use]
    pub fn sequence(&self) -> Option<&str> {
        self.sequence.as_deref()
    }

    /// Moves on, never back. The file is replaced as a whole, so that it is always one or the other.
    pub fn advance(&mut self, sequence: &str) {
        let before = self.sequence.as_deref().unwrap_or_default();
        // Numbers written out: the longer one is the larger.
        if (sequence.len(), sequence) <= (before.len(), before) {
            return;
        }
        self.sequence = Some(sequence.to_owned());
        let fresh = self.path.with_extension("new");
        let written = fs::write(&fresh, sequence).and_then(|()| fs::rename(&fresh, &self.path));
        if let Err(why) = written {
            tracing::error!(%why, path = %self.path.display(), "the stream's checkpoint was not written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_survives_and_never_goes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("relay");
        let mut checkpoint = Checkpoint::load(&path);
        assert_eq!(checkpoint.sequence(), None);
        checkpoint.advance("100000000000000000009");
        checkpoint.advance("100000000000000000010");
        checkpoint.advance("99");
        assert_eq!(Checkpoint::load(&path).sequence(), Some("100000000000000000010"));
    }
}

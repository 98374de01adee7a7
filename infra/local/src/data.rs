//! The folder with the stack's data, which one process at a time may use.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::error::{During, Error};

/// What the stack keeps in its folder; `--fresh` removes these and nothing else.
const ENTRIES: [&str; 8] = [
    "dynamodb",
    "sqs",
    "s3",
    "ssm",
    "mail",
    "opensearch",
    "checkpoints",
    "demo",
];

/// The folder, held by this process.
#[derive(Debug)]
pub struct Data {
    folder: PathBuf,
    _lock: File,
}

impl Data {
    /// Takes hold of a folder, which is made when it is missing and emptied when `fresh`.
    ///
    /// # Errors
    /// When another process holds it.
    pub fn hold(folder: &Path, fresh: bool) -> Result<Self, Error> {
        let part = format!("data folder {}", folder.display());
        fs::create_dir_all(folder).during(&part)?;
        let lock = File::create(folder.join("lock")).during(&part)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::DataInUse(folder.to_owned())),
            Err(TryLockError::Error(why)) => return Err(Error::part(&part, why)),
        }
        for entry in ENTRIES {
            let path = folder.join(entry);
            if fresh && path.exists() {
                fs::remove_dir_all(&path).during(&part)?;
            }
            fs::create_dir_all(&path).during(&part)?;
        }
        Ok(Self {
            folder: folder.to_owned(),
            _lock: lock,
        })
    }

    /// A path in the folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Writes a file that only its owner may read.
///
/// # Errors
/// When it cannot be written.
pub fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_held_once_and_emptied_only_of_our_own() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("mine.txt"), "x").unwrap();
        let data = Data::hold(folder.path(), false).unwrap();
        fs::write(data.path("s3").join("object"), "x").unwrap();
        assert!(matches!(Data::hold(folder.path(), false), Err(Error::DataInUse(_))));
        drop(data);
        let data = Data::hold(folder.path(), true).unwrap();
        assert!(!data.path("s3").join("object").exists());
        assert!(folder.path().join("mine.txt").exists());
    }
}

//! Parameters in one file that only its owner may read, written whole and exchanged at once.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use shared::clock::Clock;

use crate::data::write_private;

/// A stored parameter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Parameter {
    /// Its value, in plain: the file's mode is its seal.
    pub value: String,
    /// `String`, `StringList` or `SecureString`.
    pub kind: String,
    /// How often it was written.
    pub version: u64,
    /// When, in ms since 1970.
    pub modified: i64,
}

/// Why a parameter was not written.
#[derive(Debug)]
pub enum Refused {
    /// It is there and was not to be replaced.
    Exists,
    /// A new parameter needs a type.
    NoType,
    /// It is there with another type.
    OtherType,
    /// The file could not be written.
    Broken(io::Error),
}

/// All parameters.
pub struct Parameters {
    path: PathBuf,
    all: Mutex<BTreeMap<String, Parameter>>,
}

impl Parameters {
    /// Opens the file at `path`; it need not be there.
    ///
    /// # Errors
    /// When it cannot be read: it is never begun anew, since what it seals would be lost.
    pub fn open(path: &Path) -> io::Result<Self> {
        let all = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(why) if why.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(why) => return Err(why),
        };
        Ok(Self {
            path: path.to_owned(),
            all: Mutex::new(all),
        })
    }

    /// One parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Parameter> {
        self.all
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
    }

    /// Writes one and returns its version. Of several who create it at once, one succeeds.
    ///
    /// # Errors
    /// Says why not; then nothing has changed.
    pub fn put(&self, name: &str, value: &str, kind: Option<&str>, overwrite: bool) -> Result<u64, Refused> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let (kind, version) = match all.get(name) {
            Some(_) if !overwrite => return Err(Refused::Exists),
            Some(before) if kind.is_some_and(|kind| kind != before.kind) => return Err(Refused::OtherType),
            Some(before) => (before.kind.clone(), before.version + 1),
            None => (kind.ok_or(Refused::NoType)?.to_owned(), 1),
        };
        let mut next = all.clone();
        let parameter = Parameter {
            value: value.to_owned(),
            kind,
            version,
            modified: Clock::default().now().millisecond(),
        };
        next.insert(name.to_owned(), parameter);
        let text = serde_json::to_string_pretty(&next).map_err(|why| Refused::Broken(why.into()))?;
        write_private(&self.path, &text).map_err(Refused::Broken)?;
        *all = next;
        Ok(version)
    }
}

//! The list of indices and aliases, in one small file that is replaced as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::object::Object;

const FILE: &str = "catalog.json";

/// What survives a restart besides the indices' own files.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Catalog {
    /// Number of the next index folder; a name used again gets another folder.
    pub(crate) next: u64,
    pub(crate) indices: BTreeMap<String, Entry>,
    pub(crate) aliases: BTreeMap<String, BTreeSet<String>>,
}

/// An index: its folder and the body it was created with.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) folder: String,
    pub(crate) body: Object,
}

impl Catalog {
    /// Reads the catalog; a directory without one is an empty node.
    pub(crate) fn load(dir: &Path) -> Result<Catalog, Error> {
        match std::fs::read(dir.join(FILE)) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(Error::storage),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(Catalog::default()),
            Err(cause) => Err(cause.into()),
        }
    }

    /// Replaces the file; when this returns, the new one is on disk.
    pub(crate) fn save(&self, dir: &Path) -> Result<(), Error> {
        let next = dir.join("catalog.json.next");
        let mut file = File::create(&next)?;
        file.write_all(&serde_json::to_vec_pretty(self).map_err(Error::storage)?)?;
        file.sync_all()?;
        std::fs::rename(&next, dir.join(FILE))?;
        File::open(dir)?.sync_all()?;
        Ok(())
    }
}

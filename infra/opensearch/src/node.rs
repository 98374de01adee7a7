//! The node: its indices by name, its aliases, and what creates, resolves and removes them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde_json::{Value, json};

use crate::catalog::{Catalog, Entry};
use crate::error::Error;
use crate::index::Index;
use crate::object::{Object, list, object, only, single, text};

/// An open node. Clones share it.
#[derive(Clone)]
pub struct Node(Arc<Inner>);

struct Inner {
    dir: PathBuf,
    state: RwLock<State>,
}

struct State {
    catalog: Catalog,
    indices: BTreeMap<String, Arc<Index>>,
}

/// An index with its own name, whatever name it was asked for by.
pub(crate) type Named = (String, Arc<Index>);

impl Node {
    pub(crate) fn open(dir: PathBuf) -> Result<Node, Error> {
        let folders = dir.join("indices");
        std::fs::create_dir_all(&folders)?;
        let catalog = Catalog::load(&dir)?;
        let mut indices = BTreeMap::new();
        for (name, entry) in &catalog.indices {
            let index = Index::open(&folders.join(&entry.folder), &entry.body)?;
            indices.insert(name.clone(), Arc::new(index));
        }
        // A folder that the catalog does not name is left from a create or delete that was cut short.
        let known: BTreeSet<&str> = catalog.indices.values().map(|entry| entry.folder.as_str()).collect();
        for folder in std::fs::read_dir(&folders)? {
            let folder = folder?;
            if !folder.file_name().to_str().is_some_and(|name| known.contains(name)) {
                std::fs::remove_dir_all(folder.path())?;
            }
        }
        Ok(Node(Arc::new(Inner {
            dir,
            state: RwLock::new(State { catalog, indices }),
        })))
    }

    /// Waits for background work and lets go of the files. Writes are refused from then on.
    /// Leaving this out loses nothing that was acknowledged.
    pub async fn close(&self) -> Result<(), Error> {
        let node = self.clone();
        blocking(move || node.read().indices.values().try_for_each(|index| index.close())).await
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.0.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is an index or alias of that name.
    pub(crate) fn exists(&self, name: &str) -> bool {
        let state = self.read();
        state.indices.contains_key(name) || state.catalog.aliases.contains_key(name)
    }

    /// The indices behind a name, an alias, or several of them with commas between.
    pub(crate) fn resolve(&self, names: &str) -> Result<Vec<Named>, Error> {
        let state = self.read();
        let mut found = BTreeMap::new();
        for name in names.split(',') {
            let alone = BTreeSet::from([name.to_owned()]);
            for index in state.catalog.aliases.get(name).unwrap_or(&alone) {
                let open = state.indices.get(index).ok_or_else(|| Error::no_index(name))?;
                found.insert(index.clone(), open.clone());
            }
        }
        Ok(found.into_iter().collect())
    }

    /// The one index that a write to this name goes to.
    pub(crate) fn resolve_one(&self, name: &str) -> Result<Named, Error> {
        let mut found = self.resolve(name)?;
        match (found.pop(), found.is_empty()) {
            (Some(named), true) => Ok(named),
            _ => Err(Error::argument(format!(
                "no write index is defined for alias [{name}]: it names several indices"
            ))),
        }
    }

    /// `PUT /{index}`
    pub(crate) fn create(&self, name: &str, body: Object) -> Result<(), Error> {
        check_name(name)?;
        only(&body, "create index", &["settings", "mappings", "aliases"])?;
        Index::definition(&body)?;
        let mut state = self.write();
        if state.indices.contains_key(name) {
            let reason = format!("index [{name}] already exists");
            return Err(Error::new(400, "resource_already_exists_exception", reason));
        }
        if state.catalog.aliases.contains_key(name) {
            let reason = format!("Invalid index name [{name}], already exists as alias");
            return Err(Error::new(400, "invalid_index_name_exception", reason));
        }
        let mut catalog = state.catalog.clone();
        let folder = format!("{}-{name}", catalog.next);
        catalog.next += 1;
        catalog.indices.insert(
            name.to_owned(),
            Entry {
                folder: folder.clone(),
                body: body.clone(),
            },
        );
        if let Some(aliases) = body.get("aliases") {
            for alias in object(aliases, "aliases")?.keys() {
                add_alias(&mut catalog, name, alias)?;
            }
        }
        let index = Index::open(&self.0.dir.join("indices").join(folder), &body)?;
        catalog.save(&self.0.dir)?;
        state.catalog = catalog;
        state.indices.insert(name.to_owned(), Arc::new(index));
        Ok(())
    }

    /// `DELETE /{index}`
    pub(crate) fn delete(&self, name: &str) -> Result<(), Error> {
        let mut state = self.write();
        if state.catalog.aliases.contains_key(name) {
            return Err(Error::argument(format!(
                "[{name}] matches an alias, specify the corresponding concrete indices instead."
            )));
        }
        let mut catalog = state.catalog.clone();
        let entry = catalog.indices.remove(name).ok_or_else(|| Error::no_index(name))?;
        for indices in catalog.aliases.values_mut() {
            indices.remove(name);
        }
        catalog.aliases.retain(|_, indices| !indices.is_empty());
        catalog.save(&self.0.dir)?;
        state.catalog = catalog;
        let index = state.indices.remove(name);
        drop(state);
        index.map_or(Ok(()), |index| index.close())?;
        std::fs::remove_dir_all(self.0.dir.join("indices").join(entry.folder))?;
        Ok(())
    }

    /// `POST /_aliases`: all of the actions or none.
    pub(crate) fn update_aliases(&self, body: &Object) -> Result<(), Error> {
        only(body, "aliases", &["actions"])?;
        let mut state = self.write();
        let mut catalog = state.catalog.clone();
        for action in list(body.get("actions")) {
            let (verb, target) = single(action, "actions")?;
            let target = object(target, verb)?;
            only(target, verb, &["index", "alias"])?;
            let name = |key: &str| {
                let missing = || Error::argument(format!("[{verb}] requires [{key}] to be set"));
                target.get(key).ok_or_else(missing).and_then(|value| text(value, key))
            };
            match verb {
                "add" => add_alias(&mut catalog, name("index")?, name("alias")?)?,
                "remove" => remove_alias(&mut catalog, name("index")?, name("alias")?)?,
                _ => return Err(Error::parsing(format!("[aliases] unknown action [{verb}]"))),
            }
        }
        catalog.save(&self.0.dir)?;
        state.catalog = catalog;
        Ok(())
    }

    /// `GET /_alias/{alias}`: `{index: {aliases: {alias: {}}}}`
    pub(crate) fn alias(&self, alias: &str) -> Option<Value> {
        let state = self.read();
        let indices = state.catalog.aliases.get(alias)?;
        let entry = |index: &String| (index.clone(), json!({"aliases": {alias: {}}}));
        Some(indices.iter().map(entry).collect::<Object>().into())
    }
}

fn add_alias(catalog: &mut Catalog, index: &str, alias: &str) -> Result<(), Error> {
    if !catalog.indices.contains_key(index) {
        return Err(Error::no_index(index));
    }
    if catalog.indices.contains_key(alias) {
        let reason = format!("Invalid alias name [{alias}], an index exists with the same name as the alias");
        return Err(Error::new(400, "invalid_alias_name_exception", reason));
    }
    check_name(alias)?;
    catalog
        .aliases
        .entry(alias.to_owned())
        .or_default()
        .insert(index.to_owned());
    Ok(())
}

fn remove_alias(catalog: &mut Catalog, index: &str, alias: &str) -> Result<(), Error> {
    if !catalog.indices.contains_key(index) {
        return Err(Error::no_index(index));
    }
    if !catalog
        .aliases
        .get_mut(alias)
        .is_some_and(|indices| indices.remove(index))
    {
        return Err(Error::new(
            404,
            "aliases_not_found_exception",
            format!("aliases [{alias}] missing"),
        ));
    }
    catalog.aliases.retain(|_, indices| !indices.is_empty());
    Ok(())
}

fn check_name(name: &str) -> Result<(), Error> {
    let wrong = if name.is_empty() || name.len() > 200 {
        "must have 1 to 200 bytes"
    } else if name.starts_with(['_', '-', '+', '.']) {
        "must not start with '_', '-', '+' or '.'"
    } else if !name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c))
    {
        "must be made of lower-case letters, digits, '-', '_' and '.'"
    } else {
        return Ok(());
    };
    Err(Error::new(
        400,
        "invalid_index_name_exception",
        format!("Invalid index name [{name}], {wrong}"),
    ))
}

/// Runs work that reads or writes files off the threads that serve requests.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|cause| Err(Error::storage(cause)))
}

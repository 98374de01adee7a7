//! Retrieval: embed, search, and check what was found against the table, which is the truth where the index lags.

use std::collections::HashMap;

use super::Turn;
use crate::{
    app::App,
    documents::Document,
    error::Error,
    folders::Folder,
    ids::{DocumentId, FolderId},
    messages::{Citation, Message},
    search::{Hit, SearchQuery},
    store::{Found, Key},
};

/// Best hits that are checked against the table.
const CHECKED: usize = 24;
/// Passages that the model sees.
const SOURCES: usize = 8;
/// Bytes of the question, and of the one before it, that are searched for: Titan takes 8,192 tokens, and a token is at
/// least a byte.
const SEARCHED_BYTES: usize = 4_000;

/// Embeds the question and searches; `previous` is the question before it.
pub(super) async fn search(app: App, turn: Turn, previous: Option<String>) -> Result<Vec<Hit>, Error> {
    let text = cut(&turn.message);
    let context = previous.as_deref().map(cut);
    let embedded = context.map_or_else(|| text.to_owned(), |context| format!("{text}\n{context}"));
    let vector = app.models.embed(&embedded).await?;
    let query = SearchQuery {
        tenant: &turn.tenant,
        bot: &turn.bot,
        text,
        context,
        vector: &vector,
        access: &turn.access,
        documents: &turn.documents,
        folders: &turn.folders,
    };
    let mut hits = app.search.search(&query).await?;
    hits.truncate(CHECKED);
    Ok(hits)
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(SEARCHED_BYTES)]
}

/// The documents and folders that hits and earlier answers name, as the table has them now.
pub(super) struct Library<'t> {
    turn: &'t Turn,
    documents: HashMap<String, Document>,
    folders: HashMap<String, Folder>,
}

impl<'t> Library<'t> {
    /// Reads them in one consistent batch.
    pub(super) async fn load(app: &App, turn: &'t Turn, hits: &[Hit], history: &[Message]) -> Result<Self, Error> {
        let cited = || history.iter().flat_map(|message| message.citations.iter().flatten());
        let mut documents: Vec<&str> = hits.iter().map(|hit| hit.chunk.document.as_str()).collect();
        documents.extend(cited().map(|citation| citation.document.as_str()));
        let mut folders: Vec<&str> = hits.iter().filter_map(|hit| hit.chunk.folder.as_deref()).collect();
        folders.extend(cited().filter_map(|citation| citation.folder.as_ref().map(FolderId::as_str)));
        let documents = unique(documents)
            .into_iter()
            .filter_map(DocumentId::parse)
            .map(|id| Document::key(&turn.tenant, &id));
        let folders = unique(folders)
            .into_iter()
            .filter_map(FolderId::parse)
            .map(|id| Folder::key(&turn.tenant, &id));
        let keys: Vec<Key> = documents.chain(folders).collect();

        let mut library = Self {
            turn,
            documents: HashMap::new(),
            folders: HashMap::new(),
        };
        library.add(app.table.batch_get(&keys).await?)?;
        // A document that was moved since it was indexed is in a folder that no hit names.
        let moved: Vec<&str> = library
            .documents
            .values()
            .filter_map(|document| Some(document.folder.as_ref()?.as_str()))
            .collect();
        let moved = unique(moved)
            .into_iter()
            .filter(|folder| !library.folders.contains_key(*folder));
        let keys: Vec<Key> = moved
            .filter_map(FolderId::parse)
            .map(|id| Folder::key(&turn.tenant, &id))
            .collect();
        if !keys.is_empty() {
            library.add(app.table.batch_get(&keys).await?)?;
        }
        Ok(library)
    }

    fn add(&mut self, found: Vec<Found>) -> Result<(), Error> {
        for found in found {
            if found.sk().starts_with(Document::KIND) {
                let document: Document = found.into()?;
                self.documents.insert(document.id.as_str().to_owned(), document);
            } else {
                let folder: Folder = found.into()?;
                self.folders.insert(folder.id.as_str().to_owned(), folder);
            }
        }
        Ok(())
    }

    /// The document, when this very version may be quoted to this caller now.
    fn quotable(&self, document: &str, version: u32) -> Option<&Document> {
        let document = self.documents.get(document)?;
        let current = document.current.as_ref().is_some_and(|current| current.n == version);
        let bot = document.bot.as_ref().is_none_or(|bot| *bot == self.turn.bot);
        let open = document.audience.admits(&self.turn.access);
        let folder_open = match &document.folder {
            Some(folder) => {
                let folder = self.folders.get(folder.as_str());
                folder.is_some_and(|folder| folder.audience.admits(&self.turn.access))
            }
            None => true,
        };
        (current && bot && open && folder_open).then_some(document)
    }

    /// The passages for the model: the best hits that may be quoted.
    pub(super) fn sources(&self, hits: Vec<Hit>) -> Vec<Source> {
        let quotable = hits.into_iter().filter_map(|hit| {
            let chunk = hit.chunk;
            let document = self.quotable(&chunk.document, chunk.version)?;
            Some(Source {
                document: document.id.clone(),
                version: chunk.version,
                folder: document.folder.clone(),
                title: document.title.clone(),
                page: chunk.page,
                section: chunk.section,
                text: chunk.text,
            })
        });
        quotable.take(SOURCES).collect()
    }

    /// Whether everything that an earlier answer quoted may still be quoted.
    pub(super) fn may_recall(&self, citations: &[Citation]) -> bool {
        citations
            .iter()
            .all(|citation| self.quotable(citation.document.as_str(), citation.version).is_some())
    }
}

fn unique(mut ids: Vec<&str>) -> Vec<&str> {
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// A passage that the model may cite.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) document: DocumentId,
    pub(super) version: u32,
    pub(super) folder: Option<FolderId>,
    pub(super) title: String,
    pub(super) page: Option<u32>,
    pub(super) section: Option<String>,
    pub(super) text: String,
}

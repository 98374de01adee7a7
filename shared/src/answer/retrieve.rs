//! Retrieval: embed, search, and check what was found against the table, which is the truth where the index lags.

use std::collections::HashMap;

use crate::{
    access::Access,
    app::App,
    documents::Document,
    error::Error,
    folders::Folder,
    ids::{BotId, DocumentId, FolderId, TenantId},
    messages::{Citation, Message},
    search::{Hit, SearchQuery},
    store::{Found, Key},
    telemetry,
};

/// Passages that the model sees.
const SOURCES: usize = 8;
/// Hits that are checked against the table for each passage that is wanted.
const CHECKED: usize = 3;
/// Bytes of the question, and of the one before it, that are searched for: Titan takes 8,192 tokens, and a token is at
/// least a byte.
const SEARCHED_BYTES: usize = 4_000;

/// Where an answer may look, and for whom.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The tenant.
    pub tenant: TenantId,
    /// The bot whose knowledge it is.
    pub bot: BotId,
    /// What whoever asks may see.
    pub access: Access,
    /// Only these documents, or those in `folders`; both empty = no limit.
    pub documents: Vec<DocumentId>,
    /// Only documents in these folders, or those in `documents`.
    pub folders: Vec<FolderId>,
}

impl Scope {
    /// Everything of a bot that is open to everybody.
    #[must_use]
    pub fn open(tenant: &TenantId, bot: &BotId) -> Self {
        Self {
            tenant: tenant.clone(),
            bot: bot.clone(),
            access: Access::default(),
            documents: Vec::new(),
            folders: Vec::new(),
        }
    }
}

/// The best passages for a query, at most `most`, the best first. Each may be quoted now.
///
/// # Errors
/// When the model, the index or the table does not answer.
pub async fn search(app: &App, scope: &Scope, query: &str, most: usize) -> Result<Vec<Source>, Error> {
    telemetry::bot(&scope.bot);
    let hits = find(app.clone(), scope.clone(), query.to_owned(), None, most).await?;
    let library = Library::load(app, scope, &hits, &[]).await?;
    Ok(library.sources(hits, most))
}

/// The passages from which a question is answered.
pub(super) async fn passages(app: &App, scope: &Scope, question: &str) -> Result<Vec<Source>, Error> {
    search(app, scope, question, SOURCES).await
}

/// Embeds a question and finds what may answer it; `previous` is the question before it.
pub(super) async fn for_answer(
    app: App,
    scope: Scope,
    question: String,
    previous: Option<String>,
) -> Result<Vec<Hit>, Error> {
    find(app, scope, question, previous, SOURCES).await
}

async fn find(
    app: App,
    scope: Scope,
    question: String,
    previous: Option<String>,
    most: usize,
) -> Result<Vec<Hit>, Error> {
    let text = cut(&question);
    let context = previous.as_deref().map(cut);
    let embedded = context.map_or_else(|| text.to_owned(), |context| format!("{text}\n{context}"));
    app.search.prepare();
    let vector = app.models.embed(&embedded).await?;
    let query = SearchQuery {
        tenant: &scope.tenant,
        bot: &scope.bot,
        text,
        context,
        vector: &vector,
        access: &scope.access,
        documents: &scope.documents,
        folders: &scope.folders,
    };
    let mut hits = app.search.search(&query).await?;
    hits.truncate(most * CHECKED);
    Ok(hits)
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(SEARCHED_BYTES)]
}

/// The documents and folders that hits and earlier answers name, as the table has them now.
pub(super) struct Library<'s> {
    scope: &'s Scope,
    documents: HashMap<String, Document>,
    folders: HashMap<String, Folder>,
}

impl<'s> Library<'s> {
    /// Reads them in one consistent batch.
    pub(super) async fn load(app: &App, scope: &'s Scope, hits: &[Hit], history: &[Message]) -> Result<Self, Error> {
        let cited = || history.iter().flat_map(|message| message.citations.iter().flatten());
        let mut documents: Vec<&str> = hits.iter().map(|hit| hit.chunk.document.as_str()).collect();
        documents.extend(cited().map(|citation| citation.document.as_str()));
        let mut folders: Vec<&str> = hits.iter().filter_map(|hit| hit.chunk.folder.as_deref()).collect();
        folders.extend(cited().filter_map(|citation| citation.folder.as_ref().map(FolderId::as_str)));
        let documents = unique(documents)
            .into_iter()
            .filter_map(DocumentId::parse)
            .map(|id| Document::key(&scope.tenant, &id));
        let folders = unique(folders)
            .into_iter()
            .filter_map(FolderId::parse)
            .map(|id| Folder::key(&scope.tenant, &id));
        let keys: Vec<Key> = documents.chain(folders).collect();

        let mut library = Self {
            scope,
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
            .map(|id| Folder::key(&scope.tenant, &id))
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
        let bot = document.bot.as_ref().is_none_or(|bot| *bot == self.scope.bot);
        let open = document.audience.admits(&self.scope.access);
        let folder_open = match &document.folder {
            Some(folder) => {
                let folder = self.folders.get(folder.as_str());
                folder.is_some_and(|folder| folder.audience.admits(&self.scope.access))
            }
            None => true,
        };
        (current && bot && open && folder_open).then_some(document)
    }

    /// The passages for the model: the best hits that may be quoted.
    pub(super) fn for_answer(&self, hits: Vec<Hit>) -> Vec<Source> {
        self.sources(hits, SOURCES)
    }

    fn sources(&self, hits: Vec<Hit>, most: usize) -> Vec<Source> {
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
                score: hit.score,
            })
        });
        quotable.take(most).collect()
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

/// A passage of a document that may be quoted.
#[derive(Clone, Debug)]
pub struct Source {
    /// The document.
    pub document: DocumentId,
    /// Its version.
    pub version: u32,
    /// Its folder.
    pub folder: Option<FolderId>,
    /// Its title.
    pub title: String,
    /// Page, from 1, where the document has pages.
    pub page: Option<u32>,
    /// Heading above the passage, where it has one.
    pub section: Option<String>,
    /// The passage.
    pub text: String,
    /// How well it fits, 0–1, comparable within one search only.
    pub score: f32,
}

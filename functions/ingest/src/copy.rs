//! A bot's documents and folders, copied to another bot. The ids of the copies follow from those of the originals, so that
//! a second run makes nothing twice.

use std::collections::HashMap;

use serde_json::json;
use shared::{
    app::App,
    bots::{Bot, Copying},
    documents::{self, Document, Status, Version},
    error::Error,
    events::{Event, EventType, Job},
    folders::Folder,
    ids::{BotId, DocumentId, FolderId, TenantId, derived},
    store::{Condition, Query, Transaction, TransactionError, Update},
    worker::JobError,
};

/// Documents of a page.
const PAGE: usize = 50;

/// The copies that are made.
struct Copies<'a> {
    app: &'a App,
    tenant: &'a TenantId,
    from: &'a BotId,
    to: &'a BotId,
    /// The copy of each folder of the first bot.
    folders: HashMap<FolderId, FolderId>,
}

/// Copies everything that `from` has to `to`, as long as that is there. What cannot be copied now does not hold up the rest.
pub(crate) async fn run(app: &App, tenant: &TenantId, from: &BotId, to: &BotId) -> Result<(), JobError> {
    copy(app, tenant, from, to).await?;
    app.table.delete(&Copying::key(tenant, from, to)).await?;
    Ok(())
}

async fn copy(app: &App, tenant: &TenantId, from: &BotId, to: &BotId) -> Result<(), JobError> {
    let folders = HashMap::new();
    let mut copies = Copies {
        app,
        tenant,
        from,
        to,
        folders,
    };
    copies.folders().await?;
    let mut trouble = None;
    let mut pages = app.table.index1_pages(&documents::of_bot(tenant, from), PAGE);
    while let Some(page) = pages.next::<Document>().await? {
        for document in page {
            if app.table.get::<Bot>(&Bot::key(tenant, to)).await?.is_none() {
                return Ok(());
            }
            if let Err(error) = copies.document(document).await {
                trouble = Some(error);
            }
        }
    }
    trouble.map_or(Ok(()), |error| Err(error.into()))
}

impl Copies<'_> {
    async fn folders(&mut self) -> Result<(), Error> {
        let mut query = Query::newest(documents::partition(self.tenant), Folder::KIND);
        query.filter.push(Condition::is("bot", self.from)?);
        let mut pages = self.app.table.pages(query);
        while let Some(page) = pages.next::<Folder>().await? {
            for folder in page {
                let Some(id) = FolderId::parse(derived(self.to.as_str(), folder.id.as_str())) else {
                    continue;
                };
                let now = self.app.clock.now();
                let copy = Folder {
                    id: id.clone(),
                    bot: Some(self.to.clone()),
                    documents: 0,
                    revision: 0,
                    created_at: now,
                    updated_at: now,
                    ..folder.clone()
                };
                let mut transaction = Transaction::default();
                transaction.create(&copy)?;
                self.commit(transaction).await?;
                self.folders.insert(folder.id, id);
            }
        }
        Ok(())
    }

    async fn document(&self, source: Document) -> Result<(), Error> {
        let Some(id) = DocumentId::parse(derived(self.to.as_str(), source.id.as_str())) else {
            return Ok(());
        };
        let Some(version) = readable(&source) else {
            return Ok(());
        };
        let known: Option<Document> = self.app.table.get(&Document::key(self.tenant, &id)).await?;
        if known.is_some() {
            return Ok(());
        }
        let copied = Version::copied(self.tenant, &id);
        self.app.blobs.copy(&version.blob, &copied.blob).await?;
        let now = self.app.clock.now();
        let folder = source.folder.as_ref();
        let copy = Document {
            bot: Some(self.to.clone()),
            folder: folder.map(|id| self.folders.get(id).unwrap_or(id).clone()),
            status: Status::Pending,
            error: None,
            current: None,
            latest: Version {
                filename: version.filename.clone(),
                content_type: version.content_type.clone(),
                size: version.size,
                ..copied
            },
            created_at: now,
            updated_at: now,
            id,
            ..source.clone()
        };
        if !self.add(&copy).await? {
            // Nothing refers to the file.
            self.app.blobs.delete(&copy.latest.blob).await?;
        }
        Ok(())
    }

    async fn add(&self, copy: &Document) -> Result<bool, Error> {
        let data = json!({"document_id": copy.id, "action": "added"});
        let job = Job::Ingest {
            tenant: copy.tenant.clone(),
            document: copy.id.clone(),
            version: copy.latest.n,
        };
        let event = Event::new(
            self.tenant,
            copy.bot.as_ref(),
            EventType::KbUpdated,
            copy.created_at,
            data,
        );
        let mut transaction = Transaction::default();
        transaction.create(copy)?.create(&event.with([job]))?;
        if let Some(folder) = &copy.folder {
            let count = Update::at(Folder::key(self.tenant, folder));
            transaction.update(count.when(Condition::Exists).add("documents", 1));
        }
        self.commit(transaction).await
    }

    /// Writes, unless it is written already or the bot is gone; `false` when the latter.
    async fn commit(&self, mut transaction: Transaction) -> Result<bool, Error> {
        transaction.check(Bot::key(self.tenant, self.to), Condition::Exists);
        match self.app.table.transact(transaction).await {
            Ok(()) => Ok(true),
            Err(TransactionError::Condition(at)) => {
                tracing::debug!(at, to = %self.to, "something was copied before, or its bot or folder is gone");
                Ok(at == 0)
            }
            Err(TransactionError::Other(error)) => Err(error),
        }
    }
}

/// The version whose file is worth copying: the newest, or the one that searches see when the newest could not be read.
fn readable(source: &Document) -> Option<&Version> {
    let arrived = source.latest.blob.starts_with("documents/");
    match source.status {
        Status::Failed => source.current.as_ref(),
        _ if arrived => Some(&source.latest),
        _ => source.current.as_ref(),
    }
}

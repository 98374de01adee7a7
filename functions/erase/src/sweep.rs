//! One pass over everything that belongs to a bot.

use futures::{StreamExt, stream};
use shared::{
    app::App,
    conversations::{self, Conversation},
    deliveries::Delivery,
    documents::{self, Document},
    erasures::Erasure,
    error::Error,
    folders::Folder,
    ids::{BotId, ConversationId, DocumentId, TenantId},
    keys,
    routines::{self, Routine, Run},
    store::{Condition, Key, Pages, Query, Row, Transaction, TransactionError, Update},
    webhooks::{self, Making, Place},
};

/// Things of a page.
const PAGE: usize = 50;
/// Things that are removed at the same time.
const AT_ONCE: usize = 8;
/// Tries of something that changes while it is removed.
const TRIES: usize = 5;

/// How a sweep ended.
pub(crate) enum Swept {
    /// There was nothing to remove.
    Nothing,
    /// Everything that there was is gone.
    All,
    /// Something is gone, and something could not be removed yet.
    Some,
    /// There may be more, but the invocation ends.
    OutOfTime,
}

/// A pass over everything of a bot: keys, webhooks and their deliveries, routines and their runs, documents, folders,
/// conversations.
pub(crate) struct Sweep<'a> {
    app: &'a App,
    erasure: &'a Erasure,
    until: i64,
    removed: usize,
    trouble: Option<Error>,
}

impl<'a> Sweep<'a> {
    /// A sweep that ends at `until` (milliseconds since 1970) at the latest.
    pub(crate) fn new(app: &'a App, erasure: &'a Erasure, until: i64) -> Self {
        Self {
            app,
            erasure,
            until,
            removed: 0,
            trouble: None,
        }
    }

    /// Removes what it finds.
    ///
    /// # Errors
    /// When nothing could be removed although there is something.
    pub(crate) async fn run(mut self) -> Result<Swept, Error> {
        // Webhooks and routines first: without one nothing is delivered and no run is made any more.
        let whole = self.keys().await?
            && self.webhooks().await?
            && self.deliveries().await?
            && self.routines().await?
            && self.runs().await?
            && self.documents().await?
            && self.folders().await?
            && self.conversations().await?;
        match (self.removed, self.trouble) {
            (0, Some(trouble)) => Err(trouble),
            (_, Some(trouble)) => {
                tracing::warn!(%trouble, erasure = %self.erasure.id, "not everything could be removed yet");
                Ok(Swept::Some)
            }
            _ if !whole => Ok(Swept::OutOfTime),
            (0, None) => Ok(Swept::Nothing),
            (_, None) => Ok(Swept::All),
        }
    }

    fn tenant(&self) -> &'a TenantId {
        &self.erasure.tenant
    }

    fn bot(&self) -> &'a BotId {
        &self.erasure.bot
    }

    fn is_late(&self) -> bool {
        self.app.clock.now().millisecond() >= self.until
    }

    /// Keeps account of a page, in `counter` of the erasure too. Counted behind the removal: a crash in between leaves a
    /// page out of the account, never a thing in its store.
    async fn note(&mut self, counter: &'static str, outcomes: Vec<Result<bool, Error>>) -> Result<(), Error> {
        let mut removed = 0;
        for outcome in outcomes {
            match outcome {
                Ok(gone) => removed += usize::from(gone),
                Err(error) => self.trouble = Some(error),
            }
        }
        self.removed += removed;
        if removed == 0 {
            return Ok(());
        }
        let amount = i64::try_from(removed).map_err(Error::internal)?;
        let count = Update::at(Row::key(self.erasure))
            .when(Condition::Exists)
            .add(counter, amount);
        self.app.table.update(count).await?;
        Ok(())
    }

    async fn keys(&mut self) -> Result<bool, Error> {
        for key in keys::of_bot(&self.app.table, self.tenant(), self.bot()).await? {
            let mut transaction = Transaction::default();
            key.delete_in(&mut transaction)?;
            let outcome = match self.app.table.transact(transaction).await {
                Ok(()) => Ok(true),
                Err(error) => Err(error.into()),
            };
            self.note("keys", vec![outcome]).await?;
        }
        Ok(!self.is_late())
    }

    async fn webhooks(&mut self) -> Result<bool, Error> {
        let found = webhooks::of_bot(&self.app.table, self.tenant(), Some(self.bot())).await?;
        let places = found.iter().map(|webhook| Row::key(&Place::from(webhook)));
        let rows: Vec<Key> = found.iter().map(Row::key).chain(places).collect();
        self.app.table.delete_all(&rows).await?;
        self.note("webhooks", found.iter().map(|_| Ok(true)).collect()).await?;
        self.app.table.delete(&Making::key(self.tenant(), self.bot())).await?;
        Ok(!self.is_late())
    }

    async fn deliveries(&mut self) -> Result<bool, Error> {
        let mut query = Query::newest(Delivery::partition(self.tenant(), self.bot()), Delivery::KIND);
        query.limit = Some(PAGE);
        self.rows::<Delivery>("deliveries", self.app.table.pages(query)).await
    }

    async fn routines(&mut self) -> Result<bool, Error> {
        let listed = self
            .app
            .table
            .index1_pages(&routines::of_bot(self.tenant(), self.bot()), PAGE);
        let done = self.rows::<Routine>("routines", listed).await?;
        let count = routines::count_key(self.tenant(), self.bot());
        self.app.table.delete(&count).await?;
        Ok(done)
    }

    async fn runs(&mut self) -> Result<bool, Error> {
        let listed = routines::runs_of_bot(self.tenant(), self.bot());
        self.rows::<Run>("runs", self.app.table.index1_pages(&listed, PAGE))
            .await
    }

    /// Removes what these pages list, when there is nothing more to it than its row.
    async fn rows<R: Row>(&mut self, counter: &'static str, mut pages: Pages<'_>) -> Result<bool, Error> {
        while let Some(page) = self.unless_late(&mut pages).await? {
            let found: Vec<Key> = page.iter().map(R::key).collect();
            self.app.table.delete_all(&found).await?;
            self.note(counter, found.iter().map(|_| Ok(true)).collect()).await?;
        }
        Ok(!self.is_late())
    }

    /// The next page, while there is time.
    async fn unless_late<R: Row>(&self, pages: &mut Pages<'_>) -> Result<Option<Vec<R>>, Error> {
        match self.is_late() {
            true => Ok(None),
            false => pages.next().await,
        }
    }

    async fn documents(&mut self) -> Result<bool, Error> {
        let (app, partition) = (self.app, documents::of_bot(self.tenant(), self.bot()));
        let mut pages = app.table.index1_pages(&partition, PAGE);
        while let Some(page) = self.unless_late::<Document>(&mut pages).await? {
            let ids: Vec<DocumentId> = page.into_iter().map(|document| document.id).collect();
            let erasure = self.erasure;
            let removing = stream::iter(ids).map(|id| async move { document(app, erasure, &id).await });
            let outcomes = removing.buffer_unordered(AT_ONCE).collect().await;
            self.note("documents", outcomes).await?;
        }
        Ok(!self.is_late())
    }

    async fn folders(&mut self) -> Result<bool, Error> {
        let mut query = Query::newest(documents::partition(self.tenant()), Folder::KIND);
        query.filter.push(Condition::is("bot", self.bot())?);
        self.rows::<Folder>("folders", self.app.table.pages(query)).await
    }

    async fn conversations(&mut self) -> Result<bool, Error> {
        let (app, tenant) = (self.app, self.tenant());
        let mut pages = app.table.index2_pages(&conversations::of_bot(tenant, self.bot()), PAGE);
        while let Some(page) = self.unless_late::<Conversation>(&mut pages).await? {
            let ids: Vec<ConversationId> = page.into_iter().map(|conversation| conversation.id).collect();
            let removing = stream::iter(ids).map(|id| async move { conversation(app, tenant, &id).await });
            let outcomes = removing.buffer_unordered(AT_ONCE).collect().await;
            self.note("conversations", outcomes).await?;
        }
        Ok(!self.is_late())
    }
}

/// Removes a document: first from the index and S3, last its row, which tells what there is to remove. `false` when it is
/// gone already. An ingest that is still at it finds no row at its end, and cleans up behind itself.
async fn document(app: &App, erasure: &Erasure, id: &DocumentId) -> Result<bool, Error> {
    let tenant = &erasure.tenant;
    for _ in 0..TRIES {
        let known: Option<Document> = app.table.get(&Document::key(tenant, id)).await?;
        let Some(document) = known.filter(|known| known.bot.as_ref() == Some(&erasure.bot)) else {
            return Ok(false);
        };
        for version in document.versions() {
            version.remove(app, tenant, id).await?;
        }
        let mut unchanged = document.unchanged()?;
        unchanged.push(Condition::is("latest.blob", &document.latest.blob)?);
        let mut transaction = Transaction::default();
        transaction.delete(Row::key(&document), unchanged);
        if let Some(folder) = &document.folder {
            let key = Folder::key(tenant, folder);
            let folder: Option<Folder> = app.table.get(&key).await?;
            // Folders of the bot go anyway.
            if folder.is_some_and(|folder| folder.bot.as_ref() != Some(&erasure.bot)) {
                transaction.update(Update::at(key).when(Condition::Exists).add("documents", -1));
            }
        }
        match app.table.transact(transaction).await {
            Ok(()) => return Ok(true),
            Err(TransactionError::Condition(_)) => {}
            Err(TransactionError::Other(error)) => return Err(error),
        }
    }
    Err(Error::unavailable("a document changes while it is erased"))
}

/// Removes a conversation. `false` when it is gone already.
async fn conversation(app: &App, tenant: &TenantId, id: &ConversationId) -> Result<bool, Error> {
    Ok(conversations::erase(&app.table, tenant, id).await?.is_some())
}

//! The SQLite file and the one thread that uses it.

use std::path::Path;
use std::sync::mpsc;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use crate::error::Error;
use crate::fault::Fault;

/// What makes each layout out of the one before; a file keeps in `user_version` how many of them it has been through.
/// Every change of the schema is one more.
const LAYOUTS: [&str; 2] = [
    include_str!("layouts/1-queues.sql"),
    include_str!("layouts/2-fair-queues.sql"),
];

/// Long enough for a server that is being closed to let go of the file.
const BUSY: std::time::Duration = std::time::Duration::from_secs(2);

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A handle to the storage thread; the file is closed when the last handle is dropped.
pub(crate) struct Store {
    jobs: mpsc::Sender<Job>,
}

impl Store {
    /// Starts the thread and waits until the file is ready.
    pub(crate) async fn open(path: &Path) -> Result<Self, Error> {
        let path = path.to_owned();
        let (jobs, queue) = mpsc::channel::<Job>();
        let (ready, opened) = oneshot::channel();
        std::thread::Builder::new().name("sqs-store".into()).spawn(move || {
            let mut db = match connect(&path) {
                Ok(db) => db,
                Err(cause) => {
                    // Nobody listens when the opener gave up; then there is nobody to tell either.
                    let _ = ready.send(Err(cause));
                    return;
                }
            };
            let _ = ready.send(Ok(()));
            for job in queue {
                job(&mut db);
            }
        })?;
        opened.await.map_err(|_| Error::Closed)??;
        Ok(Self { jobs })
    }

    /// Runs `work` in one transaction, which is committed when it succeeds and undone when it fails.
    pub(crate) async fn call<T, W>(&self, work: W) -> Result<T, Fault>
    where
        T: Send + 'static,
        W: FnOnce(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    {
        let (answer, result) = oneshot::channel();
        let job: Job = Box::new(move |db| {
            // A caller that went away does not undo what was committed.
            let _ = answer.send(transact(db, work));
        });
        self.jobs.send(job).map_err(Fault::internal)?;
        result.await.map_err(Fault::internal)?
    }
}

fn transact<T>(db: &mut Connection, work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>) -> Result<T, Fault> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let out = work(&transaction)?;
    transaction.commit()?;
    Ok(out)
}

/// Opens the file for this process alone: two servers on one file would not wake each other's long polls.
fn connect(path: &Path) -> Result<Connection, Error> {
    let mut db = Connection::open(path)?;
    db.busy_timeout(BUSY)?;
    db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "NORMAL")?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.set_prepared_statement_cache_capacity(64);
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    upgrade(&transaction)?;
    transaction.commit()?;
    Ok(db)
}

/// Brings a new file or one of an earlier layout to the present one.
fn upgrade(db: &Connection) -> Result<(), Error> {
    let expected = i64::try_from(LAYOUTS.len()).unwrap_or(i64::MAX);
    let found: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let missing = usize::try_from(found).ok().and_then(|found| LAYOUTS.get(found..));
    for layout in missing.ok_or(Error::Layout { found, expected })? {
        db.execute_batch(layout)?;
    }
    Ok(db.pragma_update(None, "user_version", expected)?)
}

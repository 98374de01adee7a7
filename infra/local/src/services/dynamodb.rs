//! DynamoDB: dynoxide on a SQLite file, with the table that the template describes.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use dynoxide::{Database, server::serve_with_shutdown};
use serde_json::{Value, json};
use tokio::{net::TcpListener, runtime::Runtime, sync::watch};

use super::journal::Journal;
use crate::error::{During, Error};

/// How often expired items are looked for. Every reader compares `expires_at` itself, so being late costs space only.
const SWEEP_EVERY: Duration = Duration::from_secs(300);
/// Its handlers block their thread (one SQLite connection), so they have threads of their own.
const THREADS: usize = 2;

/// A running DynamoDB.
pub struct DynamoDb {
    /// Where it answers.
    pub url: String,
    runtime: Option<Runtime>,
    stop: watch::Sender<bool>,
}

impl DynamoDb {
    /// Opens the file at `path`, makes the table unless it is there, and serves on a port of `address`.
    ///
    /// # Errors
    /// When the file or the table cannot be made.
    pub async fn start(
        address: IpAddr,
        path: &Path,
        name: &str,
        table: Value,
        ttl: Option<String>,
    ) -> Result<(Self, Journal), Error> {
        let (path, name) = (path.to_owned(), name.to_owned());
        let opened = tokio::task::spawn_blocking(move || {
            let db = open(&path.to_string_lossy(), &name, table, ttl)?;
            Ok((db, Journal::open(&path, &name)?))
        });
        let (db, journal) = opened.await.during("DynamoDB")??;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("dynamodb")
            .enable_all()
            .build()
            .during("DynamoDB")?;
        let (stop, stopped) = watch::channel(false);
        let url = runtime.spawn(serve(address, db, stopped)).await.during("DynamoDB")??;
        Ok((
            Self {
                url,
                runtime: Some(runtime),
                stop,
            },
            journal,
        ))
    }

    /// Ends it.
    pub fn stop(&mut self) {
        self.stop.send_replace(true);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for DynamoDb {
    fn drop(&mut self) {
        self.stop();
    }
}

fn open(path: &str, name: &str, mut table: Value, ttl: Option<String>) -> Result<Database, Error> {
    let db = Database::new(path).during("DynamoDB")?;
    // This sets `synchronous = NORMAL`: a killed process loses nothing that was answered, and no write waits for the disk.
    db.disable_bulk_loading().during("DynamoDB")?;
    if db.get_table_metadata(name).during("DynamoDB")?.is_some() {
        return Ok(db);
    }
    table["TableName"] = json!(name);
    db.create_table(serde_json::from_value(table).during("DynamoDB")?)
        .during("DynamoDB")?;
    if let Some(attribute) = ttl {
        let request = json!({
            "TableName": name,
            "TimeToLiveSpecification": { "AttributeName": attribute, "Enabled": true },
        });
        db.update_time_to_live(serde_json::from_value(request).during("DynamoDB")?)
            .during("DynamoDB")?;
    }
    Ok(db)
}

/// Starts serving on this runtime, on a port of the system's choice, and returns the URL.
async fn serve(address: IpAddr, db: Database, mut stopped: watch::Receiver<bool>) -> Result<String, Error> {
    let listener = TcpListener::bind((address, 0)).await.during("DynamoDB")?;
    let address = listener.local_addr().during("DynamoDB")?;
    tokio::spawn(sweep(db.clone()));
    tokio::spawn(async move {
        let stop = async move {
            let _ = stopped.wait_for(|stopped| *stopped).await;
        };
        if let Err(why) = serve_with_shutdown(listener, db, stop).await {
            tracing::error!(why, "DynamoDB ended");
        }
    });
    Ok(format!("http://{address}"))
}

async fn sweep(db: Database) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let db = db.clone();
        match tokio::task::spawn_blocking(move || db.sweep_ttl()).await {
            Ok(Ok(deleted)) => tracing::debug!(deleted, "expired items were swept"),
            Ok(Err(why)) => tracing::warn!(%why, "the sweep of expired items failed"),
            Err(why) => tracing::warn!(%why, "the sweep of expired items ended"),
        }
    }
}

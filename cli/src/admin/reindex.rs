//! Asks `ingest` to write all documents into the index once more, by events, as everything is asked.

use std::collections::HashMap;

use serde_json::Value;
use shared::{
    clock::Clock,
    documents::Document,
    error::Error,
    events::{Event, EventType, Job},
    ids::TenantId,
    store::Table,
};

/// Documents that one event is about.
const TOGETHER: usize = 25;

/// Writes the events and says how many documents they are about.
pub(crate) async fn ask(table: &Table) -> Result<String, Error> {
    let mut asked = 0;
    table
        .all(Document::KIND, async |documents: Vec<Document>| {
            for (tenant, jobs) in by_tenant(documents) {
                for jobs in jobs.chunks(TOGETHER) {
                    let now = Clock::default().now();
                    let event = Event::new(&tenant, None, EventType::ReindexRequested, now, Value::Null);
                    table.put(&event.with(jobs.iter().cloned())).await?;
                    asked += jobs.len();
                }
            }
            Ok(())
        })
        .await?;
    Ok(format!(
        "{asked} documents will be written into the index; it is done when the ingest queue is empty."
    ))
}

/// The jobs of those that searches see; the others are on their way anyhow.
fn by_tenant(documents: Vec<Document>) -> HashMap<TenantId, Vec<Job>> {
    let mut jobs: HashMap<TenantId, Vec<Job>> = HashMap::new();
    for document in documents {
        if let Some(current) = document.current {
            jobs.entry(document.tenant.clone()).or_default().push(Job::Reindex {
                tenant: document.tenant,
                document: document.id,
                version: current.n,
            });
        }
    }
    jobs
}

//! The worker of the knowledge base: reads new versions into the index, removes old ones, writes changed audiences, and
//! copies documents to other bots.
//! Every job may run twice.

mod audience;
mod copy;
mod index;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use serde::Deserialize;
use shared::{
    app::App,
    documents::parse_blob_key,
    events::Job,
    queue::Destination,
    worker::{self, JobError, run_messages},
};

/// Handles one batch of the queue; gives back what is to be delivered again.
///
/// # Errors
/// Never for a single message: those are reported one by one.
pub async fn handle(app: &App, batch: SqsEvent) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    Ok(run_messages(&app.queue, Destination::Ingest, batch, |message| run(app, message)).await)
}

async fn run(app: &App, message: SqsMessage) -> Result<(), JobError> {
    for job in jobs(message.body.as_deref().unwrap_or_default())? {
        worker::works_on(&job);
        match job {
            Job::Ingest {
                tenant,
                document,
                version,
            } => index::ingest(app, &tenant, &document, version).await?,
            Job::Drop {
                tenant,
                document,
                version,
            } => version.remove(app, &tenant, &document).await?,
            Job::Audience { tenant, folder } => audience::write(app, &tenant, &folder).await?,
            Job::Copy { tenant, from, to } => copy::run(app, &tenant, &from, &to).await?,
            other => return Err(worker::misled(&other)),
        }
    }
    Ok(())
}

/// The part of S3's notice that we read.
#[derive(Deserialize)]
struct Notice {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    s3: Entity,
}

#[derive(Deserialize)]
struct Entity {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    key: String,
}

/// A message is a job of ours, or S3's notice of uploaded files.
fn jobs(body: &str) -> Result<Vec<Job>, JobError> {
    if let Ok(job) = serde_json::from_str::<Job>(body) {
        return Ok(vec![job]);
    }
    // S3 sends a test event when the notification is set up.
    if serde_json::from_str::<serde_json::Value>(body).is_ok_and(|body| body["Event"] == "s3:TestEvent") {
        return Ok(Vec::new());
    }
    let notice: Notice = serde_json::from_str(body).map_err(|e| JobError::Fail(format!("undecodable message: {e}")))?;
    let keys = notice.records.into_iter().map(|record| record.s3.object.key);
    keys.map(|key| {
        // In notices a key is form-encoded.
        let key = urlencoding::decode(&key.replace('+', " "))
            .map(std::borrow::Cow::into_owned)
            .unwrap_or_default();
        let (tenant, document, version) =
            parse_blob_key(&key).ok_or_else(|| JobError::Fail(format!("not an upload: {key}")))?;
        Ok(Job::Ingest {
            tenant,
            document,
            version,
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_of_s3_names_the_version_to_read() {
        let body = r#"{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},
            "object":{"key":"uploads/acme%2520inc/d1/1","size":3}}}]}"#;
        let jobs = jobs(body).unwrap();
        let Job::Ingest {
            tenant,
            document,
            version,
        } = &jobs[0]
        else {
            panic!("{jobs:?}")
        };
        assert_eq!((tenant.as_str(), document.as_str(), *version), ("acme inc", "d1", 1));
    }

    #[test]
    fn a_test_event_is_nothing_and_rubbish_fails_for_good() {
        assert!(jobs(r#"{"Event":"s3:TestEvent"}"#).unwrap().is_empty());
        assert!(matches!(jobs("rubbish"), Err(JobError::Fail(_))));
        assert!(matches!(
            jobs(r#"{"Records":[{"s3":{"bucket":{},"object":{"key":"x"}}}]}"#),
            Err(JobError::Fail(_))
        ));
    }
}

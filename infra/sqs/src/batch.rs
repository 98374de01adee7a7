//! What the three batch operations have in common: the checks of their entries and the form of their answer.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::fault::{Code, Fault};

/// The most entries of a batch.
const MOST: usize = 10;

/// One entry with its id.
#[derive(Deserialize)]
pub(crate) struct Entry<T> {
    #[serde(rename = "Id")]
    pub id: String,
    #[serde(flatten)]
    pub item: T,
}

/// The answer: which entries succeeded and which did not.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Outcome<T> {
    successful: Vec<T>,
    failed: Vec<Failure>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Failure {
    id: String,
    sender_fault: bool,
    code: &'static str,
    message: String,
}

/// The success of an entry that has nothing more to tell.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Done {
    pub id: String,
}

/// Does each entry. A fault of one entry is reported in its place; a failure of the server fails the batch.
pub(crate) fn each<T, O>(
    entries: &[Entry<T>],
    mut act: impl FnMut(&Entry<T>) -> Result<O, Fault>,
) -> Result<Outcome<O>, Fault> {
    let mut out = Outcome {
        successful: Vec::new(),
        failed: Vec::new(),
    };
    for entry in entries {
        match act(entry) {
            Ok(done) => out.successful.push(done),
            Err(fault) if fault.code == Code::Internal => return Err(fault),
            Err(fault) => out.failed.push(Failure {
                id: entry.id.clone(),
                sender_fault: true,
                code: fault.code.names().1,
                message: fault.message,
            }),
        }
    }
    Ok(out)
}

/// The rules for the entries of every batch: 1 to 10 of them, with distinct, well-formed ids.
pub(crate) fn check<T>(entries: &[Entry<T>]) -> Result<(), Fault> {
    if entries.is_empty() {
        let message = "There should be at least one entry in the request.";
        return Err(Fault::new(Code::EmptyBatchRequest, message));
    }
    if entries.len() > MOST {
        let message = format!(
            "Maximum number of entries per request are {MOST}. You have sent {}.",
            entries.len()
        );
        return Err(Fault::new(Code::TooManyEntriesInBatchRequest, message));
    }
    let mut seen = HashSet::new();
    for Entry { id, .. } in entries {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if !(1..=80).contains(&id.len()) || !id.chars().all(legal) {
            let message = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.";
            return Err(Fault::new(Code::InvalidBatchEntryId, message));
        }
        if !seen.insert(id) {
            let message = format!("Id {id} repeated.");
            return Err(Fault::new(Code::BatchEntryIdsNotDistinct, message));
        }
    }
    Ok(())
}

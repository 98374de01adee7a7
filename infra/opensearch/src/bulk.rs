//! `_bulk`: newline-delimited actions, each with an answer of its own, in the order they came.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::{Value, json};

use crate::error::Error;
use crate::index::{Action, Op, Outcome};
use crate::node::Node;
use crate::object::{Object, object, only, single, text};

/// One action as it was asked for.
struct Item {
    verb: &'static str,
    /// The index or alias it names.
    target: String,
    id: String,
    op: Op,
}

type Answer = Result<Outcome, Error>;

/// Applies a bulk request. When this returns, all that it acknowledges is on disk.
pub(crate) fn bulk(node: &Node, body: &[u8]) -> Result<Value, Error> {
    let started = Instant::now();
    let mut labels = Vec::new();
    let mut answers: Vec<Option<(String, Answer)>> = Vec::new();
    let mut batches: BTreeMap<String, Vec<(usize, Action)>> = BTreeMap::new();
    for item in items(body)? {
        labels.push((item.verb, item.id.clone()));
        let place = answers.len();
        match node.resolve_one(&item.target) {
            Ok((index, _)) => {
                batches.entry(index).or_default().push((
                    place,
                    Action {
                        id: item.id,
                        op: item.op,
                    },
                ));
                answers.push(None);
            }
            Err(error) => answers.push(Some((item.target, Err(error)))),
        }
    }
    for (index, batch) in batches {
        let (places, actions): (Vec<usize>, Vec<Action>) = batch.into_iter().unzip();
        for (place, answer) in places.iter().zip(apply(node, &index, actions, places.len())) {
            answers[*place] = Some((index.clone(), answer));
        }
    }
    let answered = labels.into_iter().zip(answers).filter_map(|((verb, id), answer)| {
        let (index, answer) = answer?;
        Some((answer.is_err(), json!({verb: written(&index, &id, answer)})))
    });
    let (failed, items): (Vec<bool>, Vec<Value>) = answered.unzip();
    Ok(json!({"took": started.elapsed().as_millis(), "errors": failed.contains(&true), "items": items}))
}

/// The answers of one index's actions; when it failed as a whole, that is the answer of each.
fn apply(node: &Node, index: &str, actions: Vec<Action>, count: usize) -> Vec<Answer> {
    let done = node.resolve_one(index).and_then(|(_, index)| index.apply(actions));
    done.unwrap_or_else(|error| {
        tracing::error!(index, %error, "a bulk was not written");
        vec![Err(error); count]
    })
}

fn written(index: &str, id: &str, answer: Answer) -> Value {
    let mut item = json!({"_index": index, "_id": id});
    match answer {
        Ok(outcome) => {
            let (result, status) = match outcome {
                Outcome::Created => ("created", 201),
                Outcome::Updated => ("updated", 200),
                Outcome::Noop => ("noop", 200),
                Outcome::Deleted => ("deleted", 200),
                Outcome::NotFound => ("not_found", 404),
            };
            item["result"] = json!(result);
            item["status"] = json!(status);
        }
        Err(error) => {
            item["status"] = json!(error.status());
            item["error"] = error.cause();
        }
    }
    item
}

fn items(body: &[u8]) -> Result<Vec<Item>, Error> {
    let mut lines = lines(body, "bulk")?.into_iter();
    let mut items = Vec::new();
    while let Some(line) = lines.next() {
        let action = Value::Object(line);
        let (verb, target) = single(&action, "bulk action")?;
        let verb = match verb {
            "index" => "index",
            "update" => "update",
            "delete" => "delete",
            _ => {
                return Err(Error::argument(format!(
                    "Malformed action/metadata line, expected index, update or delete but found [{verb}]"
                )));
            }
        };
        let target = object(target, verb)?;
        only(target, verb, &["_index", "_id"])?;
        let name = |key: &str| {
            let missing = || Error::argument(format!("[{verb}] needs [{key}] here"));
            target
                .get(key)
                .ok_or_else(missing)
                .and_then(|value| text(value, key))
                .map(str::to_owned)
        };
        let (target, id) = (name("_index")?, name("_id")?);
        let mut document = || {
            lines
                .next()
                .ok_or_else(|| Error::argument(format!("[{verb}] is the last line: its document is missing")))
        };
        let op = match verb {
            "delete" => Op::Delete,
            "update" => Op::Patch(patch(document()?)?),
            _ => Op::Put(document()?),
        };
        items.push(Item { verb, target, id, op });
    }
    if items.is_empty() {
        return Err(Error::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: no requests added;",
        ));
    }
    Ok(items)
}

/// The `doc` of an update.
fn patch(mut update: Object) -> Result<Object, Error> {
    only(&update, "UpdateRequest", &["doc"])?;
    match update.remove("doc") {
        Some(Value::Object(doc)) => Ok(doc),
        _ => Err(Error::argument("[update] needs a [doc] object")),
    }
}

/// The JSON objects of a newline-delimited body.
pub(crate) fn lines(body: &[u8], request: &str) -> Result<Vec<Object>, Error> {
    if body.last() != Some(&b'\n') {
        return Err(Error::argument(format!(
            "The {request} request must be terminated by a newline [\\n]"
        )));
    }
    let lines = body
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.iter().all(u8::is_ascii_whitespace));
    lines.map(crate::object::parse).collect()
}

//! Searching: the request's body, the hits of each index, and the answer.

mod order;
mod request;
mod source;

pub(crate) use request::Request;

use std::time::Instant;

use serde_json::{Value, json};
use tantivy::DocAddress;
use tantivy::collector::{Count, TopDocs};
use tantivy::query::Query;

use crate::error::Error;
use crate::index::{Index, Snapshot, Stored};
use crate::node::Node;
use crate::object::{Object, only};
use crate::query::{Compiler, all};
use order::{Addresses, Order};

/// A hit before it is written out.
struct Hit {
    score: Option<f32>,
    order: Option<Value>,
    /// The `_id`, the index and the source, as they go into the answer.
    json: Object,
}

/// What one index found.
struct Page {
    /// None when nobody wanted to know.
    total: Option<usize>,
    hits: Vec<Hit>,
}

/// Answers `_search` for an index, an alias or several.
pub(crate) fn search(node: &Node, names: &str, body: &Object) -> Result<Value, Error> {
    let started = Instant::now();
    let request = Request::parse(body)?;
    let indices = node.resolve(names)?;
    let mut total = request.track_total_hits.then_some(0);
    let mut hits = Vec::new();
    for (name, index) in &indices {
        let page = page(name, index, &request, indices.len() > 1)?;
        total = total.zip(page.total).map(|(sum, total)| sum + total);
        hits.extend(page.hits);
    }
    if indices.len() > 1 {
        hits.sort_by(|a, b| request.order.compare(a, b));
        hits.drain(..request.from.min(hits.len()));
        hits.truncate(request.size);
    }
    Ok(answer(started, indices.len(), total, &request, hits))
}

/// Answers `_count`.
pub(crate) fn count(node: &Node, names: &str, body: &Object) -> Result<Value, Error> {
    only(body, "count", &["query"])?;
    let request = Request::parse(body)?;
    let mut total = 0;
    for (_, index) in node.resolve(names)? {
        let snapshot = index.snapshot();
        let query = compile(&index, &snapshot, &request)?;
        total += snapshot.searcher.search(query.as_ref(), &Count)?;
    }
    Ok(json!({"count": total, "_shards": shards(1)}))
}

fn compile(index: &Index, snapshot: &Snapshot, request: &Request) -> Result<Box<dyn Query>, Error> {
    match request.query {
        Some(query) => Compiler { index, snapshot }.clause(query),
        None => Ok(all(1.0)),
    }
}

/// The hits of one index: the requested page, or all that could be on it when other indices are searched too.
fn page(name: &str, index: &Index, request: &Request, from_the_start: bool) -> Result<Page, Error> {
    let snapshot = index.snapshot();
    let query = compile(index, &snapshot, request)?;
    let (from, size) = match from_the_start {
        true => (0, request.from + request.size),
        false => (request.from, request.size),
    };
    let (total, found) = find(&snapshot, query.as_ref(), request, from, size)?;
    // The vectors are settled now; writers need not wait until the sources are read.
    let Snapshot { searcher, vectors } = snapshot;
    drop(vectors);
    let read = |(score, at): (Option<f32>, DocAddress)| {
        let (id, stored) = Stored::read(&searcher, at, index, request.source.wants_any(index.mapping.vectors()))?;
        let order = request.order.value(at, &id);
        let mut json = Object::from_iter([("_index".to_owned(), json!(name)), ("_id".to_owned(), json!(id))]);
        if let Some(source) = request.source.apply(stored, &index.mapping) {
            json.insert("_source".to_owned(), source.into());
        }
        Ok(Hit { score, order, json })
    };
    let mut hits = found.into_iter().map(read).collect::<Result<Vec<_>, Error>>()?;
    if request.order.needs_ids() {
        hits.sort_by(|a, b| request.order.compare(a, b));
        hits.drain(..from.min(hits.len()));
        hits.truncate(size);
    }
    Ok(Page { total, hits })
}

type Found = Vec<(Option<f32>, DocAddress)>;

fn find(
    snapshot: &Snapshot,
    query: &dyn Query,
    request: &Request,
    from: usize,
    size: usize,
) -> Result<(Option<usize>, Found), Error> {
    let searcher = &snapshot.searcher;
    if size == 0 {
        let total = request
            .track_total_hits
            .then(|| searcher.search(query, &Count))
            .transpose()?;
        return Ok((total, Vec::new()));
    }
    if request.order != Order::Score {
        let mut all = searcher.search(query, &Addresses)?;
        let total = all.len();
        all.sort_unstable();
        if !request.order.needs_ids() {
            all.drain(..from.min(total));
            all.truncate(size);
        }
        return Ok((Some(total), all.into_iter().map(|at| (None, at)).collect()));
    }
    let best = TopDocs::with_limit(size).and_offset(from).order_by_score();
    let (hits, total) = if request.track_total_hits {
        let (hits, total) = searcher.search(query, &(best, Count))?;
        (hits, Some(total))
    } else {
        (searcher.search(query, &best)?, None)
    };
    Ok((total, hits.into_iter().map(|(score, at)| (Some(score), at)).collect()))
}

fn answer(started: Instant, indices: usize, total: Option<usize>, request: &Request, hits: Vec<Hit>) -> Value {
    let best = hits.iter().filter_map(|hit| hit.score).max_by(f32::total_cmp);
    let hits: Vec<Value> = hits
        .into_iter()
        .map(|mut hit| {
            hit.json.insert("_score".to_owned(), json!(hit.score));
            hit.order
                .map(|value| hit.json.insert("sort".to_owned(), json!([value])));
            Value::Object(hit.json)
        })
        .collect();
    let mut found = json!({"max_score": best, "hits": hits});
    if let Some(total) = total {
        let (value, relation) = if total > request.count_up_to {
            (request.count_up_to, "gte")
        } else {
            (total, "eq")
        };
        found["total"] = json!({"value": value, "relation": relation});
    }
    json!({"took": started.elapsed().as_millis(), "timed_out": false, "_shards": shards(indices), "hits": found})
}

/// What is said about shards; an index is one.
pub(crate) fn shards(count: usize) -> Value {
    json!({"total": count, "successful": count, "skipped": 0, "failed": 0})
}

/// Answers `_msearch`: pairs of lines, the header with the index and the search. A search's error is its own, unless it
/// could not be read: then nothing is answered, as OpenSearch does.
pub(crate) fn msearch(node: &Node, body: &[u8]) -> Result<Value, Error> {
    let started = Instant::now();
    let lines = crate::bulk::lines(body, "msearch")?;
    let mut responses = Vec::new();
    for pair in lines.chunks(2) {
        let [header, search] = pair else {
            return Err(Error::argument("msearch: the last search has a header and no body"));
        };
        match one_of_many(node, header, search) {
            Err(error) if error.is_unreadable() => return Err(error),
            response => responses.push(response.unwrap_or_else(|error| error.body())),
        }
    }
    Ok(json!({"took": started.elapsed().as_millis(), "responses": responses}))
}

fn one_of_many(node: &Node, header: &Object, body: &Object) -> Result<Value, Error> {
    only(header, "msearch header", &["index"])?;
    let names = match header.get("index") {
        Some(Value::String(names)) => names.clone(),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        _ => return Err(Error::argument("msearch: the header needs an [index]")),
    };
    let mut response = search(node, &names, body)?;
    response["status"] = json!(200);
    Ok(response)
}

/// Answers `_refresh`: every write is visible as soon as it is acknowledged, so only the names are checked.
pub(crate) fn refresh(node: &Node, names: &str) -> Result<Value, Error> {
    let indices = node.resolve(names)?;
    Ok(json!({"_shards": {"total": indices.len(), "successful": indices.len(), "failed": 0}}))
}

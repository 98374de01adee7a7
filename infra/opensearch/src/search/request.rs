//! The body of a search.

use serde_json::Value;

use crate::error::Error;
use crate::object::{Object, count, only};
use crate::search::order::Order;
use crate::search::source::Source;

/// How deep a page may lie (`index.max_result_window`).
const DEEPEST: usize = 10_000;

/// A search as asked for, with OpenSearch's defaults where it says nothing.
pub(crate) struct Request<'b> {
    /// None means every document.
    pub(super) query: Option<&'b Value>,
    pub(super) size: usize,
    pub(super) from: usize,
    pub(super) source: Source,
    pub(super) order: Order,
    pub(super) track_total_hits: bool,
    /// Totals above this are given as "at least this many".
    pub(super) count_up_to: usize,
}

impl Request<'_> {
    pub(super) fn parse(body: &Object) -> Result<Request<'_>, Error> {
        only(
            body,
            "search",
            &["query", "size", "from", "_source", "sort", "track_total_hits"],
        )?;
        let number = |key: &str, default| body.get(key).map_or(Ok(default), |value| count(value, key));
        let (size, from) = (number("size", 10)?, number("from", 0)?);
        if size.saturating_add(from) > DEEPEST {
            let reason = format!("Result window is too large, from + size must be less than or equal to: [{DEEPEST}]");
            return Err(Error::argument(reason));
        }
        let (track_total_hits, count_up_to) = match body.get("track_total_hits") {
            None => (true, DEEPEST),
            Some(Value::Bool(track)) => (*track, usize::MAX),
            Some(limit) => (true, count(limit, "track_total_hits")?),
        };
        Ok(Request {
            query: body.get("query"),
            size,
            from,
            source: Source::parse(body.get("_source"))?,
            order: Order::parse(body.get("sort"))?,
            track_total_hits,
            count_up_to,
        })
    }
}

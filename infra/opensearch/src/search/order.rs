//! The order of hits: by score, in index order, or by id.

use std::cmp::Ordering;

use serde_json::{Value, json};
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::{DocAddress, DocId, Score, SegmentOrdinal, SegmentReader};

use crate::error::Error;
use crate::object::{list, object, only, single, text};
use crate::search::Hit;

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Order {
    /// Best first.
    Score,
    /// As the documents lie in the index.
    Index,
    Id {
        descending: bool,
    },
}

impl Order {
    /// Reads `sort`.
    pub(super) fn parse(sort: Option<&Value>) -> Result<Order, Error> {
        let keys = list(sort);
        let Some(key) = keys.first() else {
            return Ok(Order::Score);
        };
        if keys.len() > 1 {
            return Err(Error::parsing("[sort] takes one key here"));
        }
        let (name, direction) = match key {
            Value::String(name) => (name.as_str(), None),
            key => {
                let (name, direction) = single(key, "sort")?;
                (name, Some(direction))
            }
        };
        let direction = match direction {
            Some(Value::Object(_)) => {
                let options = object(direction.unwrap_or(&Value::Null), "sort")?;
                only(options, "sort", &["order"])?;
                options.get("order")
            }
            direction => direction,
        };
        match (name, direction.map(|direction| text(direction, "sort")).transpose()?) {
            ("_score", None | Some("desc")) => Ok(Order::Score),
            ("_doc", None | Some("asc")) => Ok(Order::Index),
            ("_id", None | Some("asc")) => Ok(Order::Id { descending: false }),
            ("_id", Some("desc")) => Ok(Order::Id { descending: true }),
            _ => Err(Error::parsing(format!(
                "[sort] does not support {key} here: only _score, _doc and _id"
            ))),
        }
    }

    /// Whether all documents must be read before the first hits are known.
    pub(super) fn needs_ids(self) -> bool {
        matches!(self, Order::Id { .. })
    }

    /// The hit's sort value, which is shown unless the order is by score.
    pub(super) fn value(self, at: DocAddress, id: &str) -> Option<Value> {
        match self {
            Order::Score => None,
            Order::Index => Some(json!((u64::from(at.segment_ord) << 32) | u64::from(at.doc_id))),
            Order::Id { .. } => Some(json!(id)),
        }
    }

    pub(super) fn compare(self, a: &Hit, b: &Hit) -> Ordering {
        let id = |hit: &Hit| hit.order.as_ref().and_then(|value| value.as_str().map(str::to_owned));
        match self {
            Order::Score => b.score.unwrap_or_default().total_cmp(&a.score.unwrap_or_default()),
            Order::Index => Ordering::Equal,
            Order::Id { descending: false } => id(a).cmp(&id(b)),
            Order::Id { descending: true } => id(b).cmp(&id(a)),
        }
    }
}

/// Collects where all documents found are.
pub(super) struct Addresses;

pub(super) struct SegmentAddresses {
    segment: SegmentOrdinal,
    found: Vec<DocAddress>,
}

impl Collector for Addresses {
    type Fruit = Vec<DocAddress>;
    type Child = SegmentAddresses;

    fn for_segment(&self, segment: SegmentOrdinal, _: &SegmentReader) -> tantivy::Result<SegmentAddresses> {
        Ok(SegmentAddresses {
            segment,
            found: Vec::new(),
        })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, segments: Vec<Vec<DocAddress>>) -> tantivy::Result<Vec<DocAddress>> {
        Ok(segments.concat())
    }
}

impl SegmentCollector for SegmentAddresses {
    type Fruit = Vec<DocAddress>;

    fn collect(&mut self, doc: DocId, _: Score) {
        self.found.push(DocAddress::new(self.segment, doc));
    }

    fn harvest(self) -> Vec<DocAddress> {
        self.found
    }
}

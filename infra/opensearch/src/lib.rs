//! A small OpenSearch-compatible server for a laptop and for tests: the requests that the engine's search seam sends, and no others.
//!
//! BM25 comes from tantivy, scored the way OpenSearch 3 scores; k-NN is exact, over vectors held in memory.
//! A write is on disk before it is acknowledged, and visible to the next search at once.
//! Anything outside the supported subset is refused by name, so that a query never quietly means something else here.

mod analysis;
mod bulk;
mod catalog;
mod error;
mod http;
mod index;
mod mapping;
mod node;
mod object;
mod query;
mod search;
#[cfg(test)]
mod tests;

pub use error::Error;
pub use http::router;
pub use node::Node;

use std::path::Path;

/// Opens the node whose data lives in `dir`, making the directory when it is missing.
///
/// One process may have a directory open at a time; a second `open` of it fails.
pub async fn open(dir: &Path) -> Result<Node, Error> {
    let dir = dir.to_path_buf();
    node::blocking(move || Node::open(dir)).await
}

//! Query clauses: from OpenSearch's JSON to tantivy's queries, scored as OpenSearch scores them.

mod compound;
mod exact;
mod knn;
mod lucene;
mod text;

use serde_json::Value;
use tantivy::query::{AllQuery, BoostQuery, ConstScoreQuery, EmptyQuery, Query};

use crate::error::Error;
use crate::index::{Index, Snapshot};
use crate::object::{Object, boost, object, only, single};

/// Turns clauses into queries over one view of one index.
pub(crate) struct Compiler<'a> {
    pub(crate) index: &'a Index,
    pub(crate) snapshot: &'a Snapshot<'a>,
}

type Compiled = Result<Box<dyn Query>, Error>;

impl Compiler<'_> {
    /// Compiles one clause, `{name: body}`.
    pub(crate) fn clause(&self, clause: &Value) -> Compiled {
        let (name, body) = single(clause, "query")?;
        let body = object(body, name)?;
        match name {
            "match_all" => {
                only(body, name, &["boost"])?;
                boosted(all(1.0), boost(body)?)
            }
            "match_none" => {
                only(body, name, &[])?;
                Ok(Box::new(EmptyQuery))
            }
            "bool" => self.bool(body),
            "constant_score" => self.constant_score(body),
            "match" => self.match_(body),
            "multi_match" => self.multi_match(body),
            "term" => self.term(body),
            "terms" => self.terms(body),
            "ids" => self.ids(body),
            "exists" => self.exists(body),
            "knn" => self.knn(body),
            _ => Err(Error::parsing(format!("unknown query [{name}]"))),
        }
    }
}

/// Every document, each with that score.
pub(crate) fn all(score: f32) -> Box<dyn Query> {
    constant(Box::new(AllQuery), score)
}

/// The documents of a query, each with that score.
fn constant(query: Box<dyn Query>, score: f32) -> Box<dyn Query> {
    Box::new(ConstScoreQuery::new(query, score))
}

fn boosted(query: Box<dyn Query>, boost: f32) -> Compiled {
    Ok(if boost == 1.0 {
        query
    } else {
        Box::new(BoostQuery::new(query, boost))
    })
}

/// The `field: condition` of a clause that is about one field.
fn one_field<'b>(body: &'b Object, clause: &str) -> Result<(&'b str, &'b Value), Error> {
    let mut fields = body.iter();
    match (fields.next(), fields.next()) {
        (Some((field, condition)), None) => Ok((field, condition)),
        _ => Err(Error::parsing(format!("[{clause}] query needs exactly one field"))),
    }
}

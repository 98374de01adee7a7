//! `match` and `multi_match`: the question is analyzed, then its terms are scored with BM25.

use serde_json::Value;
use tantivy::query::{BooleanQuery, DisjunctionMaxQuery, EmptyQuery, Occur, Query};

use crate::analysis::Analyzer;
use crate::error::Error;
use crate::index::plain;
use crate::mapping::Kind;
use crate::object::{Object, boost, list, only, text};
use crate::query::{Compiled, Compiler, all, boosted, one_field};

/// How a question is to be matched, whatever the field.
struct Question<'b> {
    query: String,
    analyzer: Option<&'b Analyzer>,
    /// All terms must be there, not only one.
    all_terms: bool,
    /// What a question without terms finds: everything, or nothing.
    all_when_empty: bool,
}

impl<'c> Compiler<'c> {
    pub(super) fn match_(&self, body: &Object) -> Compiled {
        let (field, condition) = one_field(body, "match")?;
        let shorthand;
        let condition = match condition {
            Value::Object(condition) => condition,
            value => {
                shorthand = Object::from_iter([("query".to_owned(), value.clone())]);
                &shorthand
            }
        };
        only(
            condition,
            "match",
            &["query", "analyzer", "operator", "zero_terms_query", "boost"],
        )?;
        let question = self.question(condition, "match")?;
        boosted(self.match_field(field, &question)?, boost(condition)?)
    }

    pub(super) fn multi_match(&self, body: &Object) -> Compiled {
        let known = [
            "query",
            "fields",
            "type",
            "analyzer",
            "operator",
            "zero_terms_query",
            "tie_breaker",
            "boost",
        ];
        only(body, "multi_match", &known)?;
        let question = self.question(body, "multi_match")?;
        let default_tie = match body.get("type").map(|kind| text(kind, "type")).transpose()? {
            None | Some("best_fields") => 0.0,
            Some("most_fields") => 1.0,
            Some(kind) => {
                return Err(Error::parsing(format!(
                    "[multi_match] does not support type [{kind}] here"
                )));
            }
        };
        let tie = body.get("tie_breaker").and_then(Value::as_f64).unwrap_or(default_tie);
        let fields = list(body.get("fields")).iter().map(|field| {
            let (name, factor) = field_and_boost(text(field, "fields")?)?;
            boosted(self.match_field(name, &question)?, factor)
        });
        let mut fields = fields.collect::<Result<Vec<_>, _>>()?;
        let query = match fields.len() {
            0 => return Err(Error::parsing("[multi_match] needs [fields]")),
            1 => fields.remove(0),
            _ => Box::new(DisjunctionMaxQuery::with_tie_breaker(fields, tie as f32)),
        };
        boosted(query, boost(body)?)
    }

    fn question<'b>(&self, body: &'b Object, clause: &str) -> Result<Question<'c>, Error> {
        let query = body.get("query").and_then(plain);
        let query = query.ok_or_else(|| Error::parsing(format!("[{clause}] query needs a [query] text")))?;
        let option = |key: &str| body.get(key).map(|value| text(value, key)).transpose();
        let analyzer = option("analyzer")?.map(|name| {
            let unknown = || {
                Error::new(
                    400,
                    "query_shard_exception",
                    format!("[{clause}] analyzer [{name}] not found"),
                )
            };
            self.index.analyzers.get(name).ok_or_else(unknown)
        });
        let choice = |key: &'static str, yes: &str, no: &str| match option(key)?.map(str::to_lowercase) {
            Some(chosen) if chosen == yes => Ok(true),
            Some(chosen) if chosen != no => Err(Error::parsing(format!("[{clause}] {key} cannot be [{chosen}]"))),
            _ => Ok(false),
        };
        Ok(Question {
            query,
            analyzer: analyzer.transpose()?,
            all_terms: choice("operator", "and", "or")?,
            all_when_empty: choice("zero_terms_query", "all", "none")?,
        })
    }

    fn match_field(&self, field: &str, question: &Question) -> Compiled {
        let search_analyzer = match self.index.mapping.kind(field) {
            Some(Kind::Text { search_analyzer, .. }) if self.index.mapping.searchable(field) => search_analyzer,
            // On other fields the whole question is one value.
            _ => return self.any_of(field, &[Value::String(question.query.clone())]),
        };
        let analyzer = question.analyzer.or_else(|| self.index.analyzers.get(search_analyzer));
        let terms = analyzer
            .map(|analyzer| analyzer.terms(&question.query))
            .unwrap_or_default();
        let mut terms = terms
            .iter()
            .map(|term| self.scored_term(field, term))
            .collect::<Result<Vec<_>, _>>()?;
        let occur = if question.all_terms { Occur::Must } else { Occur::Should };
        Ok(match terms.len() {
            0 if question.all_when_empty => all(1.0),
            0 => Box::new(EmptyQuery) as Box<dyn Query>,
            1 => terms.remove(0),
            _ => Box::new(BooleanQuery::new(terms.into_iter().map(|term| (occur, term)).collect())),
        })
    }
}

/// Splits `title^1.5`.
fn field_and_boost(field: &str) -> Result<(&str, f32), Error> {
    match field.split_once('^') {
        None => Ok((field, 1.0)),
        Some((name, factor)) => {
            let factor = factor.parse().ok().filter(|factor| *factor >= 0.0);
            factor
                .map(|factor| (name, factor))
                .ok_or_else(|| Error::parsing(format!("[fields] the boost of [{field}] is no number")))
        }
    }
}

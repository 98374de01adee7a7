//! `_source`: which fields of a document the answer carries.

use serde_json::{Value, json};

use crate::error::Error;
use crate::index::Stored;
use crate::mapping::Mapping;
use crate::object::{Object, list, only, text};

/// Patterns of field names; `*` stands for anything.
pub(super) struct Source {
    /// False for `_source: false`: the answer has no `_source` at all.
    given: bool,
    /// Empty means all.
    includes: Vec<String>,
    excludes: Vec<String>,
}

impl Source {
    pub(super) fn parse(source: Option<&Value>) -> Result<Source, Error> {
        let patterns = |value: Option<&Value>| -> Result<Vec<String>, Error> {
            list(value)
                .iter()
                .map(|pattern| Ok(text(pattern, "_source")?.to_owned()))
                .collect()
        };
        let (given, includes, excludes) = match source {
            None => (true, Vec::new(), Vec::new()),
            Some(Value::Bool(given)) => (*given, Vec::new(), Vec::new()),
            Some(Value::Object(source)) => {
                only(source, "_source", &["includes", "excludes"])?;
                (
                    true,
                    patterns(source.get("includes"))?,
                    patterns(source.get("excludes"))?,
                )
            }
            names => (true, patterns(names)?, Vec::new()),
        };
        Ok(Source {
            given,
            includes,
            excludes,
        })
    }

    /// Whether the answer carries any of these vector fields.
    pub(super) fn wants_any(&self, vectors: Vec<(&str, usize)>) -> bool {
        vectors.iter().any(|(name, _)| self.wants(name))
    }

    /// The part of a document that was asked for; none when nothing is to be shown.
    pub(super) fn apply(&self, stored: Stored, mapping: &Mapping) -> Option<Object> {
        if !self.given {
            return None;
        }
        let mut source = stored.source;
        source.retain(|name, _| self.wants(name));
        for ((name, _), vector) in mapping.vectors().into_iter().zip(stored.vectors) {
            if let Some(vector) = vector.filter(|_| self.wants(name)) {
                source.insert(name.to_owned(), vector.into_iter().map(short).collect());
            }
        }
        Some(source)
    }

    fn wants(&self, name: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, name));
        self.given && (self.includes.is_empty() || any(&self.includes)) && !any(&self.excludes)
    }
}

/// A number with the digits that tell it apart as an `f32`, not those of the `f64` next to it.
fn short(x: f32) -> Value {
    json!(x.to_string().parse::<f64>().unwrap_or_else(|_| f64::from(x)))
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => {
            let Some(name) = name.strip_prefix(start) else {
                return false;
            };
            (0..=name.len()).any(|at| name.is_char_boundary(at) && matches(rest, &name[at..]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_anything() {
        assert!(matches("doc_*", "doc_org") && matches("*", "") && matches("*_r*s", "doc_roles"));
        assert!(!matches("doc_*", "document") && !matches("text", "texts"));
    }
}

//! Between a JSON document, what tantivy keeps of it, and back.

use serde_json::{Number, Value};
use tantivy::schema::Value as _;
use tantivy::{DocAddress, Searcher, TantivyDocument};

use crate::error::Error;
use crate::index::Index;
use crate::index::vectors::{Columns, to_bytes};
use crate::mapping::{ID, Kind, Mapping, PRESENT, SOURCE, row_field, tantivy_field};
use crate::object::{Object, list};

/// Longest keyword in bytes: Lucene's limit on a term.
const LONGEST_KEYWORD: usize = 32_766;

/// A document as it is kept: its source less the vectors, and these apart (a vector is bulky as JSON and seldom asked for).
#[derive(Clone, PartialEq)]
pub(crate) struct Stored {
    pub(crate) source: Object,
    /// In slot order.
    pub(crate) vectors: Vec<Option<Vec<f32>>>,
}

impl Stored {
    /// Takes the vectors out of a source, checking every value against the mapping.
    pub(crate) fn new(mut source: Object, id: &str, mapping: &Mapping) -> Result<Stored, Error> {
        let mut vectors = Vec::new();
        for (name, dimension) in mapping.vectors() {
            let vector = match source.get(name) {
                None | Some(Value::Null) => None,
                Some(value) => Some(vector(value, dimension).map_err(|why| unfit(name, "knn_vector", id, &why))?),
            };
            if vector.is_some() {
                source.remove(name);
            }
            vectors.push(vector);
        }
        for (name, value) in &source {
            match mapping.kind(name) {
                None if mapping.strict => {
                    let reason =
                        format!("mapping set to strict, dynamic introduction of [{name}] within [_doc] is not allowed");
                    return Err(Error::new(400, "strict_dynamic_mapping_exception", reason));
                }
                None => {}
                Some(kind) => check(name, kind, value, id)?,
            }
        }
        Ok(Stored { source, vectors })
    }

    /// This document with the fields of `patch` laid over it.
    pub(crate) fn patched(&self, patch: Object, id: &str, mapping: &Mapping) -> Result<Stored, Error> {
        let mut kept = self.clone();
        for ((name, _), vector) in mapping.vectors().iter().zip(&mut kept.vectors) {
            if patch.contains_key(*name) {
                *vector = None;
            }
        }
        merge(&mut kept.source, patch);
        let mut patched = Stored::new(kept.source, id, mapping)?;
        for (vector, kept) in patched.vectors.iter_mut().zip(kept.vectors) {
            *vector = vector.take().or(kept);
        }
        Ok(patched)
    }

    /// The document for tantivy; `rows` say where the vectors stand in memory.
    pub(crate) fn to_tantivy(&self, id: &str, rows: &[Option<u32>], index: &Index) -> Result<TantivyDocument, Error> {
        let (schema, mapping) = (&index.schema, &index.mapping);
        let mut document = TantivyDocument::new();
        document.add_text(tantivy_field(schema, ID)?, id);
        let source = serde_json::to_string(&self.source).map_err(Error::storage)?;
        document.add_text(tantivy_field(schema, SOURCE)?, source);
        let present = tantivy_field(schema, PRESENT)?;
        for (slot, (name, _)) in mapping.vectors().into_iter().enumerate() {
            let (Some(Some(vector)), Some(Some(row))) = (self.vectors.get(slot), rows.get(slot)) else {
                continue;
            };
            document.add_text(present, name);
            document.add_bytes(tantivy_field(schema, name)?, &to_bytes(vector));
            document.add_u64(tantivy_field(schema, &row_field(name))?, u64::from(*row));
        }
        for (name, value) in &self.source {
            if let Some(kind) = mapping.kind(name).filter(|_| mapping.searchable(name))
                && add(&mut document, name, kind, value, index)?
            {
                document.add_text(present, name);
            }
        }
        Ok(document)
    }

    /// Reads a document back: its id and itself. `with_vectors` says whether these are wanted.
    pub(crate) fn read(
        searcher: &Searcher,
        at: DocAddress,
        index: &Index,
        with_vectors: bool,
    ) -> Result<(String, Stored), Error> {
        let document: TantivyDocument = searcher.doc(at)?;
        let text = |name| -> Result<_, Error> {
            let value = document.get_first(tantivy_field(&index.schema, name)?);
            Ok(value
                .and_then(|value| value.as_str().map(str::to_owned))
                .unwrap_or_default())
        };
        let source = serde_json::from_str(&text(SOURCE)?).map_err(Error::storage)?;
        let mut vectors = Vec::new();
        let segment = searcher.segment_reader(at.segment_ord);
        for (name, _) in index.mapping.vectors().into_iter().filter(|_| with_vectors) {
            vectors.push(Columns::open(segment, name)?.vector(at.doc_id)?);
        }
        Ok((text(ID)?, Stored { source, vectors }))
    }
}

/// Adds the terms of one field; false when it has none.
fn add(document: &mut TantivyDocument, name: &str, kind: &Kind, value: &Value, index: &Index) -> Result<bool, Error> {
    let field = tantivy_field(&index.schema, name)?;
    let mut any = false;
    for value in list(Some(value)) {
        match kind {
            _ if value.is_null() => continue,
            Kind::Keyword => document.add_text(field, plain(value).unwrap_or_default()),
            Kind::Boolean => document.add_bool(field, boolean(value).unwrap_or_default()),
            Kind::Integer { limit } => document.add_i64(field, integer(value, *limit).unwrap_or_default()),
            Kind::Text { analyzer, .. } => {
                let analyzer = index.analyzers.get(analyzer);
                let text = plain(value).unwrap_or_default();
                let terms = analyzer
                    .map(|analyzer| analyzer.pre_tokenized(&text))
                    .filter(|terms| !terms.tokens.is_empty());
                let Some(terms) = terms else { continue };
                document.add_pre_tokenized_text(field, terms);
            }
            Kind::Vector { .. } => continue,
        }
        any = true;
    }
    Ok(any)
}

fn check(name: &str, kind: &Kind, value: &Value, id: &str) -> Result<(), Error> {
    for value in list(Some(value)).iter().filter(|value| !value.is_null()) {
        let (kind, fits) = match kind {
            Kind::Keyword => (
                "keyword",
                plain(value).is_some_and(|text| text.len() <= LONGEST_KEYWORD),
            ),
            Kind::Text { .. } => ("text", plain(value).is_some()),
            Kind::Boolean => ("boolean", boolean(value).is_some()),
            Kind::Integer { limit } => ("integer", integer(value, *limit).is_some()),
            Kind::Vector { .. } => ("knn_vector", false),
        };
        if !fits {
            return Err(unfit(name, kind, id, "the value does not fit"));
        }
    }
    Ok(())
}

fn unfit(name: &str, kind: &str, id: &str, why: &str) -> Error {
    Error::mapping(format!(
        "failed to parse field [{name}] of type [{kind}] in document with id '{id}'. {why}"
    ))
}

/// Objects are laid over each other key by key; anything else replaces what was there.
fn merge(onto: &mut Object, patch: Object) {
    for (key, value) in patch {
        match (onto.get_mut(&key), value) {
            (Some(Value::Object(inner)), Value::Object(patch)) => merge(inner, patch),
            (_, value) => drop(onto.insert(key, value)),
        }
    }
}

/// The text of a string, number or boolean.
pub(crate) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(boolean) => Some(boolean.to_string()),
        _ => None,
    }
}

pub(crate) fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(boolean) => Some(*boolean),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A whole number within the field's limit; a fraction is cut off, as OpenSearch does.
pub(crate) fn integer(value: &Value, limit: i64) -> Option<i64> {
    let whole = |number: &Number| {
        number
            .as_i64()
            .or_else(|| number.as_f64().map(|float| float.trunc() as i64))
    };
    let number = match value {
        Value::Number(number) => whole(number)?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    (-limit - 1..=limit).contains(&number).then_some(number)
}

/// A vector of that dimension, or why it is none.
pub(crate) fn vector(value: &Value, dimension: usize) -> Result<Vec<f32>, String> {
    let numbers = value.as_array().ok_or("a vector is a list of numbers")?;
    if numbers.len() != dimension {
        return Err(format!(
            "Vector dimension mismatch. Expected: {dimension}, Given: {}",
            numbers.len()
        ));
    }
    let number = |value: &Value| value.as_f64().map(|x| x as f32).filter(|x| x.is_finite());
    let vector: Option<Vec<f32>> = numbers.iter().map(number).collect();
    let vector = vector.ok_or("a vector is a list of finite numbers")?;
    if vector.iter().all(|x| *x == 0.0) {
        return Err("zero vector is not supported when space type is [cosinesimil]".into());
    }
    Ok(vector)
}

//! The mapping of an index: its fields, their kinds, and the tantivy schema that carries them.

use std::collections::BTreeMap;

use serde_json::Value;
use tantivy::schema::{
    BytesOptions, FAST, Field, INDEXED, IndexRecordOption, NumericOptions, STORED, STRING, Schema, TextFieldIndexing,
    TextOptions,
};

use crate::analysis::Analyzers;
use crate::error::Error;
use crate::object::{Object, object, text};

/// Tantivy field with a document's id.
pub(crate) const ID: &str = "_id";
/// Tantivy field with a document's source, less its vectors.
pub(crate) const SOURCE: &str = "_source";
/// Tantivy field with the names of the fields that a document has.
pub(crate) const PRESENT: &str = "_present";
/// Largest dimension that OpenSearch takes.
const LARGEST_DIMENSION: u64 = 16_000;

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Keyword,
    Boolean,
    /// Whole numbers from -`limit`-1 to `limit`.
    Integer {
        limit: i64,
    },
    Text {
        analyzer: String,
        search_analyzer: String,
    },
    /// Vectors compared by cosine; `slot` is their place among the index's vector fields.
    Vector {
        dimension: usize,
        slot: usize,
    },
}

/// The fields of an index, by name.
pub(crate) struct Mapping {
    fields: BTreeMap<String, (Kind, bool)>,
    /// Whether a field that the mapping does not name is an error (else it is only stored).
    pub(crate) strict: bool,
}

impl Mapping {
    /// Reads `mappings`. Without `dynamic` it is strict: fields are never invented here.
    pub(crate) fn parse(mappings: Option<&Value>, analyzers: &Analyzers) -> Result<Mapping, Error> {
        let none = Object::new();
        let mappings = mappings.map_or(Ok(&none), |value| object(value, "mappings"))?;
        if let Some(key) = mappings
            .keys()
            .find(|key| !["dynamic", "properties", "_meta"].contains(&key.as_str()))
        {
            return Err(Error::mapping(format!(
                "Root mapping definition has unsupported parameters: [{key}]"
            )));
        }
        let strict = match mappings.get("dynamic") {
            None => true,
            Some(Value::String(dynamic)) if dynamic == "strict" => true,
            Some(Value::Bool(false)) => false,
            Some(Value::String(dynamic)) if dynamic == "false" => false,
            Some(other) => {
                return Err(Error::mapping(format!(
                    "[dynamic: {other}] is not supported here: say \"strict\""
                )));
            }
        };
        let properties = mappings
            .get("properties")
            .map_or(Ok(&none), |value| object(value, "properties"))?;
        let mut fields = BTreeMap::new();
        let mut vectors = 0;
        for (name, definition) in properties {
            if name.is_empty() || name.starts_with('_') || name.contains('.') {
                return Err(Error::mapping(format!("a field cannot be called [{name}] here")));
            }
            let field = field(name, object(definition, name)?, analyzers, vectors)?;
            vectors += usize::from(matches!(field.0, Kind::Vector { .. }));
            fields.insert(name.clone(), field);
        }
        Ok(Mapping { fields, strict })
    }

    /// What the field holds; none for a field that is not mapped.
    pub(crate) fn kind(&self, name: &str) -> Option<&Kind> {
        self.fields.get(name).map(|(kind, _)| kind)
    }

    /// Whether the field can be searched (`index: false` says no).
    pub(crate) fn searchable(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(|(_, searchable)| *searchable)
    }

    /// The vector fields with their dimensions, in slot order.
    pub(crate) fn vectors(&self) -> Vec<(&str, usize)> {
        let vectors = self.fields.iter().filter_map(|(name, (kind, _))| match kind {
            Kind::Vector { dimension, slot } => Some((*slot, name.as_str(), *dimension)),
            _ => None,
        });
        let mut vectors: Vec<_> = vectors.collect();
        vectors.sort_unstable();
        vectors
            .into_iter()
            .map(|(_, name, dimension)| (name, dimension))
            .collect()
    }

    /// The tantivy schema for this mapping.
    pub(crate) fn schema(&self) -> Schema {
        let mut schema = Schema::builder();
        schema.add_text_field(ID, STRING | STORED);
        schema.add_text_field(SOURCE, STORED);
        schema.add_text_field(PRESENT, keyword_options());
        for (name, (kind, searchable)) in &self.fields {
            match kind {
                Kind::Vector { .. } => {
                    schema.add_bytes_field(name, BytesOptions::default().set_fast());
                    schema.add_u64_field(&row_field(name), FAST);
                    continue;
                }
                _ if !searchable => continue,
                Kind::Keyword => schema.add_text_field(name, keyword_options()),
                Kind::Boolean => schema.add_bool_field(name, NumericOptions::from(INDEXED)),
                Kind::Integer { .. } => schema.add_i64_field(name, NumericOptions::from(INDEXED)),
                Kind::Text { .. } => schema.add_text_field(name, text_options()),
            };
        }
        schema.build()
    }
}

/// The fast field that says where a document's vector stands in memory.
pub(crate) fn row_field(vector: &str) -> String {
    format!("_row_{vector}")
}

/// The tantivy field of that name; the schema was built from the mapping, so it is there.
pub(crate) fn tantivy_field(schema: &Schema, name: &str) -> Result<Field, Error> {
    Ok(schema.get_field(name)?)
}

fn keyword_options() -> TextOptions {
    let indexing = TextFieldIndexing::default().set_tokenizer("raw").set_fieldnorms(false);
    TextOptions::default().set_indexing_options(indexing.set_index_option(IndexRecordOption::Basic))
}

fn text_options() -> TextOptions {
    // The terms come ready-made from our analyzers; the tokenizer named here is never asked.
    let indexing = TextFieldIndexing::default().set_tokenizer("raw");
    TextOptions::default().set_indexing_options(indexing.set_index_option(IndexRecordOption::WithFreqs))
}

/// A field's kind and whether it can be searched.
fn field(name: &str, definition: &Object, analyzers: &Analyzers, slot: usize) -> Result<(Kind, bool), Error> {
    let kind = definition.get("type").and_then(Value::as_str).unwrap_or("object");
    let known: &[&str] = match kind {
        "keyword" | "boolean" | "integer" | "long" => &["type", "index"],
        "text" => &["type", "index", "analyzer", "search_analyzer"],
        "knn_vector" => &["type", "dimension", "method"],
        _ => {
            return Err(Error::mapping(format!(
                "No handler for type [{kind}] declared on field [{name}]"
            )));
        }
    };
    if let Some(key) = definition.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(Error::mapping(format!(
            "unknown parameter [{key}] on mapper [{name}] of type [{kind}]"
        )));
    }
    let searchable = definition.get("index").is_none_or(|index| index != &Value::Bool(false));
    let kind = match kind {
        "keyword" => Kind::Keyword,
        "boolean" => Kind::Boolean,
        "integer" => Kind::Integer {
            limit: i64::from(i32::MAX),
        },
        "long" => Kind::Integer { limit: i64::MAX },
        "text" => text_kind(name, definition, analyzers)?,
        _ => Kind::Vector {
            dimension: dimension(name, definition)?,
            slot,
        },
    };
    Ok((kind, searchable))
}

fn text_kind(name: &str, definition: &Object, analyzers: &Analyzers) -> Result<Kind, Error> {
    let chosen = |key: &str, default: &str| -> Result<String, Error> {
        let analyzer = definition.get(key).map_or(Ok(default), |value| text(value, key))?;
        if analyzers.get(analyzer).is_none() {
            return Err(Error::mapping(format!(
                "analyzer [{analyzer}] has not been configured in mappings of [{name}]"
            )));
        }
        Ok(analyzer.to_owned())
    };
    let analyzer = chosen("analyzer", "standard")?;
    let search_analyzer = chosen("search_analyzer", &analyzer)?;
    Ok(Kind::Text {
        analyzer,
        search_analyzer,
    })
}

/// Dimension of a `knn_vector`. Only the cosine is computed here, and only engines that agree on its score are let through.
fn dimension(name: &str, definition: &Object) -> Result<usize, Error> {
    let method = definition.get("method").map_or(&Value::Null, |method| method);
    let setting = |key: &str| method.get(key).and_then(Value::as_str);
    if setting("space_type") != Some("cosinesimil") || setting("engine") != Some("lucene") {
        let reason = format!(
            "field [{name}] needs a method with \"engine\": \"lucene\" and \"space_type\": \"cosinesimil\" here"
        );
        return Err(Error::mapping(reason));
    }
    let dimension = definition
        .get("dimension")
        .and_then(Value::as_u64)
        .filter(|d| (1..=LARGEST_DIMENSION).contains(d));
    let dimension = dimension.and_then(|dimension| usize::try_from(dimension).ok());
    dimension.ok_or_else(|| {
        Error::mapping(format!(
            "field [{name}] needs a dimension from 1 to {LARGEST_DIMENSION}"
        ))
    })
}

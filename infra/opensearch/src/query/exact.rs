//! Clauses that ask for exact values: `term`, `terms`, `ids`, `exists`.

use serde_json::Value;
use tantivy::Term;
use tantivy::query::{EmptyQuery, Query, TermQuery, TermSetQuery};
use tantivy::schema::IndexRecordOption;

use crate::error::Error;
use crate::index::{boolean, integer, plain};
use crate::mapping::{ID, Kind, PRESENT, tantivy_field};
use crate::object::{Object, boost, list, only, text};
use crate::query::{Compiled, Compiler, boosted, constant, one_field};

impl Compiler<'_> {
    pub(super) fn term(&self, body: &Object) -> Compiled {
        let (field, condition) = one_field(body, "term")?;
        let (value, factor) = match condition {
            Value::Object(condition) => {
                only(condition, "term", &["value", "boost"])?;
                let value = condition
                    .get("value")
                    .ok_or_else(|| Error::parsing("[term] query needs a [value]"))?;
                (value, boost(condition)?)
            }
            value => (value, 1.0),
        };
        let query = match (self.index.mapping.kind(field), plain(value)) {
            (Some(Kind::Text { .. }), Some(term)) => self.scored_term(field, &term)?,
            _ => self.any_of(field, std::slice::from_ref(value))?,
        };
        boosted(query, factor)
    }

    pub(super) fn terms(&self, body: &Object) -> Compiled {
        let factor = boost(body)?;
        let mut fields = body.iter().filter(|(key, _)| *key != "boost");
        let (Some((field, Value::Array(values))), None) = (fields.next(), fields.next()) else {
            return Err(Error::parsing(
                "[terms] query needs exactly one field with a list of values",
            ));
        };
        boosted(self.any_of(field, values)?, factor)
    }

    pub(super) fn ids(&self, body: &Object) -> Compiled {
        only(body, "ids", &["values", "boost"])?;
        boosted(self.any_of(ID, list(body.get("values")))?, boost(body)?)
    }

    pub(super) fn exists(&self, body: &Object) -> Compiled {
        only(body, "exists", &["field", "boost"])?;
        let field = body
            .get("field")
            .ok_or_else(|| Error::parsing("[exists] must be provided with a [field]"))?;
        let term = Term::from_field_text(tantivy_field(&self.index.schema, PRESENT)?, text(field, "field")?);
        boosted(constant(one(term), 1.0), boost(body)?)
    }

    /// Documents with any of these values in the field, each with score 1. A field that is not mapped has no documents.
    pub(super) fn any_of(&self, field: &str, values: &[Value]) -> Compiled {
        let mut terms = values
            .iter()
            .filter_map(|value| self.exact(field, value).transpose())
            .collect::<Result<Vec<_>, _>>()?;
        let query = match terms.len() {
            0 => return Ok(Box::new(EmptyQuery)),
            1 => one(terms.remove(0)),
            _ => Box::new(TermSetQuery::new(terms)),
        };
        Ok(constant(query, 1.0))
    }

    /// The term for one value of a field; none when the field is not mapped.
    fn exact(&self, field: &str, value: &Value) -> Result<Option<Term>, Error> {
        let unfit = || Error::query(format!("the value {value} does not fit the field [{field}]"));
        let kind = match field {
            ID => Some(&Kind::Keyword),
            _ => self.index.mapping.kind(field),
        };
        let Some(kind) = kind else { return Ok(None) };
        if field != ID && !self.index.mapping.searchable(field) {
            return Err(Error::query(format!(
                "Cannot search on field [{field}] since it is not indexed."
            )));
        }
        let at = tantivy_field(&self.index.schema, field)?;
        Ok(Some(match kind {
            Kind::Keyword | Kind::Text { .. } => Term::from_field_text(at, &plain(value).ok_or_else(unfit)?),
            Kind::Boolean => Term::from_field_bool(at, boolean(value).ok_or_else(unfit)?),
            Kind::Integer { limit } => Term::from_field_i64(at, integer(value, *limit).ok_or_else(unfit)?),
            Kind::Vector { .. } => return Err(unfit()),
        }))
    }
}

fn one(term: Term) -> Box<dyn Query> {
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

//! `bool` and `constant_score`.

use tantivy::query::{BooleanQuery, Occur};

use crate::error::Error;
use crate::object::{Object, boost, count, list, only};
use crate::query::{Compiled, Compiler, all, boosted, constant};

const BOOL_KEYS: [&str; 6] = ["must", "filter", "should", "must_not", "minimum_should_match", "boost"];

impl Compiler<'_> {
    pub(super) fn bool(&self, body: &Object) -> Compiled {
        if let Some(key) = body.keys().find(|key| !BOOL_KEYS.contains(&key.as_str())) {
            let reason = format!("[bool] unknown field [{key}]");
            return Err(Error::new(400, "x_content_parse_exception", reason));
        }
        let mut clauses = Vec::new();
        for clause in list(body.get("must")) {
            clauses.push((Occur::Must, self.clause(clause)?));
        }
        for clause in list(body.get("filter")) {
            clauses.push((Occur::Must, constant(self.clause(clause)?, 0.0)));
        }
        let required = clauses.len();
        for clause in list(body.get("should")) {
            clauses.push((Occur::Should, self.clause(clause)?));
        }
        let optional = clauses.len() - required;
        for clause in list(body.get("must_not")) {
            clauses.push((Occur::MustNot, self.clause(clause)?));
        }
        if clauses.is_empty() {
            return boosted(all(1.0), boost(body)?);
        }
        if required == 0 && optional == 0 {
            clauses.push((Occur::Must, all(0.0)));
        }
        // With nothing else required, at least one of the optional clauses must match, whatever was asked for.
        let least = usize::from(required == 0 && optional > 0);
        let minimum = body
            .get("minimum_should_match")
            .map_or(Ok(least), |value| count(value, "minimum_should_match"))?;
        let query = BooleanQuery::with_minimum_required_clauses(clauses, minimum.max(least));
        boosted(Box::new(query), boost(body)?)
    }

    pub(super) fn constant_score(&self, body: &Object) -> Compiled {
        only(body, "constant_score", &["filter", "boost"])?;
        let filter = body
            .get("filter")
            .ok_or_else(|| Error::parsing("[constant_score] requires a 'filter' element"))?;
        Ok(constant(self.clause(filter)?, boost(body)?))
    }
}

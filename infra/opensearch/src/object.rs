//! Strict reading of JSON objects: a key that nobody understands is refused by name.

use serde_json::{Map, Value};

use crate::error::Error;

pub(crate) type Object = Map<String, Value>;

/// Reads a JSON object out of a request body; an empty body is an empty object.
pub(crate) fn parse(body: &[u8]) -> Result<Object, Error> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Object::new());
    }
    serde_json::from_slice(body).map_err(|cause| Error::parsing(format!("the body is not a JSON object: {cause}")))
}

/// `value` as an object, or an error that names the place.
pub(crate) fn object<'v>(value: &'v Value, place: &str) -> Result<&'v Object, Error> {
    value
        .as_object()
        .ok_or_else(|| Error::parsing(format!("[{place}] must be an object")))
}

/// The only `name: body` pair of an object, as query clauses are written.
pub(crate) fn single<'v>(value: &'v Value, place: &str) -> Result<(&'v str, &'v Value), Error> {
    let mut pairs = object(value, place)?.iter();
    match (pairs.next(), pairs.next()) {
        (Some((name, body)), None) => Ok((name, body)),
        (None, _) => Err(Error::parsing(format!("[{place}] is empty"))),
        _ => Err(Error::parsing(format!("[{place}] must have exactly one name in it"))),
    }
}

/// Refuses any key of `map` outside `known`.
pub(crate) fn only(map: &Object, place: &str, known: &[&str]) -> Result<(), Error> {
    match map.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(Error::parsing(format!("[{place}] does not support [{key}]"))),
        None => Ok(()),
    }
}

/// A list, where a single value stands for a list of one and an absent one for none.
pub(crate) fn list(value: Option<&Value>) -> &[Value] {
    match value {
        None => &[],
        Some(Value::Array(items)) => items,
        Some(one) => std::slice::from_ref(one),
    }
}

/// A string, or an error that names the place.
pub(crate) fn text<'v>(value: &'v Value, place: &str) -> Result<&'v str, Error> {
    value
        .as_str()
        .ok_or_else(|| Error::parsing(format!("[{place}] must be a string")))
}

/// A count of things, or an error that names the place.
pub(crate) fn count(value: &Value, place: &str) -> Result<usize, Error> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    number
        .and_then(|number| usize::try_from(number).ok())
        .ok_or_else(|| Error::parsing(format!("[{place}] must be a whole number, zero or more")))
}

/// A factor on scores; absent means 1.
pub(crate) fn boost(map: &Object) -> Result<f32, Error> {
    match map.get("boost") {
        None => Ok(1.0),
        Some(value) => {
            let boost = value.as_f64().filter(|boost| *boost >= 0.0);
            boost
                .map(|boost| boost as f32)
                .ok_or_else(|| Error::parsing("[boost] must be a number, zero or more"))
        }
    }
}

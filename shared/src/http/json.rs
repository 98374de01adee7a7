//! Bodies, queries and paths whose errors name the field.

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::request::Parts,
};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// A JSON object as body, whatever content type it is sent with.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        parse_json(&body(request, state).await?).map(Self)
    }
}

/// [`Json`] that may be left out.
#[derive(Debug)]
pub struct JsonOrNothing<T>(pub T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for JsonOrNothing<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let bytes = body(request, state).await?;
        match bytes.trim_ascii() {
            b"" | b"null" => Ok(Self(T::default())),
            stated => parse_json(stated).map(Self),
        }
    }
}

async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Error> {
    Bytes::from_request(request, state)
        .await
        .map_err(|_| Error::TooLarge("The body is larger than 10 MB or broke off".to_owned()))
}

/// Reads a JSON object; unknown fields are ignored.
///
/// # Errors
/// 400: no JSON, no object, or a field of the wrong type (named in `fields`).
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(Error::field("body", "must be a JSON object"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if let Some(name) = missing(&inner) {
            let inside = if path == "." { String::new() } else { format!("{path}.") };
            Error::field(format!("{inside}{name}"), "is required")
        } else if inner.is_data() && path != "." {
            Error::field(path, reason(&inner))
        } else {
            Error::field("body", format!("is not valid JSON: {}", reason(&inner)))
        }
    })?;
    deserializer
        .end()
        .map_err(|_| Error::field("body", "has something behind the JSON object"))?;
    Ok(value)
}

/// The field that is not there, when that is what the parser says.
fn missing(error: &serde_json::Error) -> Option<String> {
    let said = reason(error);
    let name = said.strip_prefix("missing field `")?.strip_suffix('`')?;
    Some(name.to_owned())
}

/// What the parser says, without its position.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let reason = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(reason, _)| reason);
    let Some((said, expected)) = reason.split_once("expected ") else {
        return reason.to_owned();
    };
    // What callers send are objects and numbers; structs and u32 are ours.
    let wanted = match expected {
        _ if expected.starts_with("struct ") || expected == "a map" => "an object",
        "u8" | "u16" | "u32" | "u64" | "i64" | "usize" => "a whole number from 0",
        "f64" => "a number",
        "a sequence" => "a list",
        other => other,
    };
    format!("{said}expected {wanted}")
}

/// Query parameters.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let query = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        query
            .map(|query| Self(query.0))
            .map_err(|error| Error::field("query", error.body_text()))
    }
}

/// One path parameter, decoded.
#[derive(Debug)]
pub struct Path(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Path {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        // What cannot be decoded is an id that nothing has.
        let path = axum::extract::Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(path.map(|path| path.0).unwrap_or_default()))
    }
}

/// The path parameters in their order, decoded.
#[derive(Debug)]
pub struct Paths<const N: usize>(pub [String; N]);

impl<S: Send + Sync, const N: usize> FromRequestParts<S> for Paths<N> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        // What cannot be decoded are ids that nothing has.
        let path = axum::extract::Path::<Vec<String>>::from_request_parts(parts, state).await;
        let mut all = path.map(|path| path.0).unwrap_or_default().into_iter();
        Ok(Self(std::array::from_fn(|_| all.next().unwrap_or_default())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct In {
        #[expect(dead_code, reason = "only its type matters here")]
        message: Option<String>,
    }

    fn refused(body: &str) -> String {
        let Error::Invalid { fields, .. } = parse_json::<In>(body.as_bytes()).unwrap_err() else {
            panic!("not 400")
        };
        fields.into_keys().next().unwrap()
    }

    #[test]
    fn a_missing_field_is_named() {
        #[derive(Debug, serde::Deserialize)]
        struct Needs {
            #[expect(dead_code, reason = "only that it is asked for matters here")]
            email: String,
        }
        let Error::Invalid { fields, .. } = parse_json::<Needs>(b"{}").unwrap_err() else {
            panic!("not 400")
        };
        assert_eq!(fields["email"], "is required");
    }

    #[test]
    fn bad_bodies_are_refused_by_name() {
        assert_eq!(refused(""), "body");
        assert_eq!(refused("[\"x\"]"), "body");
        assert_eq!(refused("{\"message\": "), "body");
        assert_eq!(refused("{\"message\": 5}"), "message");
        assert_eq!(refused("{} {}"), "body");
        assert!(parse_json::<In>(b" {\"message\": null, \"more\": 1} ").is_ok());
    }
}

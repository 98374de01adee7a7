//! SSM's parameters: the two operations that functions use, in AWS JSON 1.1.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::parameters::{Parameters, Refused};
use crate::template::{ACCOUNT, REGION};

/// Characters of a value in SSM's standard tier.
const MAX_VALUE: usize = 4096;
/// Characters of a name.
const MAX_NAME: usize = 1011;

/// The service, in front of a file of parameters.
pub fn ssm(parameters: Parameters) -> Router {
    Router::new().fallback(post(answer)).with_state(Arc::new(parameters))
}

/// A refusal: status, name and sentence.
struct Fault(StatusCode, &'static str, String);

impl Fault {
    fn new(name: &'static str, message: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, name, message.into())
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetIn {
    name: String,
    #[serde(default)]
    with_decryption: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutIn {
    name: String,
    value: String,
    #[serde(rename = "Type")]
    kind: Option<String>,
    #[serde(default)]
    overwrite: bool,
}

async fn answer(State(parameters): State<Arc<Parameters>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let outcome = match target.and_then(|target| target.strip_prefix("AmazonSSM.")) {
        Some("GetParameter") => read(&body).and_then(|wanted| get(&parameters, wanted)),
        // Writing blocks its thread.
        Some("PutParameter") => match read(&body) {
            Ok(wanted) => tokio::task::spawn_blocking(move || put(&parameters, &wanted))
                .await
                .unwrap_or_else(|why| Err(internal(&why))),
            Err(fault) => Err(fault),
        },
        _ => Err(Fault::new(
            "UnknownOperationException",
            "The local SSM knows GetParameter and PutParameter",
        )),
    };
    let (status, body) = match outcome {
        Ok(body) => (StatusCode::OK, body),
        Err(Fault(status, name, message)) => (status, json!({ "__type": name, "message": message })),
    };
    let headers = [(header::CONTENT_TYPE, "application/x-amz-json-1.1")];
    (status, headers, body.to_string()).into_response()
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|why| Fault::new("SerializationException", why.to_string()))
}

fn get(parameters: &Parameters, wanted: GetIn) -> Result<Value, Fault> {
    let found = parameters.get(&wanted.name);
    let found = found.ok_or_else(|| Fault::new("ParameterNotFound", format!("{} is not there", wanted.name)))?;
    let value = if found.kind == "SecureString" && !wanted.with_decryption {
        // As from SSM, something that is not the value: who forgets to ask for decryption notices it here.
        STANDARD.encode(format!("sealed:{}:{}", wanted.name, found.version))
    } else {
        found.value
    };
    let modified = std::time::Duration::from_millis(u64::try_from(found.modified).unwrap_or_default()).as_secs_f64();
    Ok(json!({ "Parameter": {
        "Name": wanted.name,
        "Type": found.kind,
        "Value": value,
        "Version": found.version,
        "LastModifiedDate": modified,
        "ARN": format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{}", wanted.name.trim_start_matches('/')),
        "DataType": "text",
    }}))
}

fn put(parameters: &Parameters, wanted: &PutIn) -> Result<Value, Fault> {
    if !is_name(&wanted.name) {
        let message = "A name has letters, digits and .-_ between slashes, and begins with a slash when it has one.";
        return Err(Fault::invalid(message));
    }
    if !(1..=MAX_VALUE).contains(&wanted.value.chars().count()) {
        return Err(Fault::invalid(format!("A value has 1 to {MAX_VALUE} characters.")));
    }
    let kind = wanted.kind.as_deref();
    if kind.is_some_and(|kind| !["String", "StringList", "SecureString"].contains(&kind)) {
        return Err(Fault::invalid("Type is String, StringList or SecureString."));
    }
    let written = parameters.put(&wanted.name, &wanted.value, kind, wanted.overwrite);
    let version = written.map_err(|refused| match refused {
        Refused::Exists => {
            let message = "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.";
            Fault::new("ParameterAlreadyExists", message)
        }
        Refused::NoType => Fault::invalid("A parameter type is required when you create a parameter."),
        Refused::OtherType => Fault::new("HierarchyTypeMismatchException", "A parameter keeps its type."),
        Refused::Broken(why) => internal(&why),
    })?;
    Ok(json!({ "Version": version, "Tier": "Standard" }))
}

fn internal(why: &impl std::fmt::Display) -> Fault {
    tracing::error!(%why, "the parameter could not be written");
    let message = "The parameter could not be written".to_owned();
    Fault(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", message)
}

fn is_name(name: &str) -> bool {
    let parts = || name.strip_prefix('/').unwrap_or(name).split('/');
    let plain = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
    name.len() <= MAX_NAME && parts().all(plain) && (name.starts_with('/') || parts().count() == 1)
}

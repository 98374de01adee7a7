//! The wire: JSON requests named by `X-Amz-Target`, errors that SDKs of both protocols understand.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::Sqs;
use crate::fault::{Code, Fault};
use crate::operations::{self, Call};

/// 1 MiB of messages, each character of which may take six bytes in JSON, and some room for the rest.
const LARGEST_REQUEST: usize = 8 * 1024 * 1024;

const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");

/// The service for one open file.
pub(crate) fn router(sqs: Sqs) -> Router {
    Router::new()
        .fallback(axum::routing::post(answer))
        .layer(DefaultBodyLimit::max(LARGEST_REQUEST))
        .with_state(sqs)
}

async fn answer(State(sqs): State<Sqs>, headers: HeaderMap, body: Bytes) -> Response {
    let target = text(&headers, "x-amz-target");
    let Some(operation) = target.and_then(|target| target.strip_prefix("AmazonSQS.")) else {
        let message = "The request must name its operation in X-Amz-Target: AmazonSQS.<operation>.";
        return refusal(&Fault::new(Code::UnsupportedOperation, message));
    };
    let host = text(&headers, header::HOST.as_str()).unwrap_or("localhost");
    let call = Call {
        sqs,
        base: format!("http://{host}"),
        region: region(&headers).unwrap_or("us-east-1").to_owned(),
    };
    let mut response = match operations::perform(call, operation, &body).await {
        Ok(json) => ([(header::CONTENT_TYPE, JSON)], json).into_response(),
        Err(fault) => {
            tracing::debug!(operation, code = ?fault.code, message = fault.message, "refused");
            refusal(&fault)
        }
    };
    let id = uuid::Builder::from_random_bytes(rand::random()).into_uuid();
    if let Ok(id) = HeaderValue::try_from(id.to_string()) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

fn refusal(fault: &Fault) -> Response {
    let (shape, code) = fault.code.names();
    let (status, side) = match fault.code {
        Code::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "Receiver"),
        Code::ResourceNotFound => (StatusCode::NOT_FOUND, "Sender"),
        _ => (StatusCode::BAD_REQUEST, "Sender"),
    };
    let body = serde_json::json!({"__type": format!("com.amazonaws.sqs#{shape}"), "message": fault.message});
    let mut response = (status, [(header::CONTENT_TYPE, JSON)], body.to_string()).into_response();
    if let Ok(error) = HeaderValue::try_from(format!("{code};{side}")) {
        response.headers_mut().insert("x-amzn-query-error", error);
    }
    response
}

/// The region in the signature: `Credential=<key>/<date>/<region>/sqs/aws4_request`.
fn region(headers: &HeaderMap) -> Option<&str> {
    let (_, credential) = text(headers, header::AUTHORIZATION.as_str())?.split_once("Credential=")?;
    credential.split('/').nth(2)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

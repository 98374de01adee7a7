//! How each service says that a caller is not authorized.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::call::Service;

/// The refusal with this sentence.
pub(super) fn of(service: Service, message: &str) -> Response {
    let status = match service {
        Service::DynamoDb | Service::Sqs | Service::Ssm => StatusCode::BAD_REQUEST,
        Service::S3 | Service::Ses | Service::Bedrock | Service::OpenSearch => StatusCode::FORBIDDEN,
    };
    let (kind, body) = match service {
        Service::S3 => {
            let text = message.replace('&', "&amp;").replace('<', "&lt;");
            let body = format!("<Error><Code>AccessDenied</Code><Message>{text}</Message></Error>");
            ("application/xml", body)
        }
        Service::OpenSearch => ("application/json", json!({ "Message": message }).to_string()),
        _ => {
            let body = json!({ "__type": "AccessDeniedException", "message": message });
            ("application/x-amz-json-1.0", body.to_string())
        }
    };
    let headers = [
        (header::CONTENT_TYPE.as_str(), kind),
        ("x-amzn-errortype", "AccessDeniedException"),
    ];
    (status, headers, body).into_response()
}

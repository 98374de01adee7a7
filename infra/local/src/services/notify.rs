//! Word of new objects in S3 to the queue that the template names.

use std::sync::Arc;

use aws_sdk_sqs::{Client, error::DisplayErrorContext};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use shared::clock::Clock;

use crate::template::REGION;

/// Where word of new objects goes.
#[derive(Debug)]
pub struct Notification {
    /// Only keys that begin so.
    pub prefix: String,
    /// The queue.
    pub queue_url: String,
}

/// Tells queues of new objects.
pub struct Notifier {
    /// The service of the queues.
    pub sqs: Client,
    /// The bucket.
    pub bucket: String,
    /// Who is told.
    pub notifications: Vec<Notification>,
}

/// After an object was written, and before its writer hears of it, tells the queue.
pub async fn notify(State(notifier): State<Arc<Notifier>>, request: Request, next: Next) -> Response {
    let written = written_key(request.method(), request.uri(), &notifier.bucket);
    let size = length(request.headers());
    let response = next.run(request).await;
    let Some(key) = written.filter(|_| response.status().is_success()) else {
        return response;
    };
    let etag = response
        .headers()
        .get(header::ETAG)
        .and_then(|etag| etag.to_str().ok())
        .unwrap_or_default();
    let etag = etag.trim_matches('"');
    for notification in &notifier.notifications {
        if !key.starts_with(&notification.prefix) {
            continue;
        }
        let event = event(&notifier.bucket, &form_encoded(&key), size, etag).to_string();
        let sent = notifier
            .sqs
            .send_message()
            .queue_url(&notification.queue_url)
            .message_body(event)
            .send()
            .await;
        if let Err(why) = sent {
            tracing::error!(why = %DisplayErrorContext(why), key, "word of a new object was not sent");
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    }
    response
}

/// The key when a request writes a whole object: a PUT without a sub-resource such as `?tagging`.
fn written_key(method: &Method, uri: &Uri, bucket: &str) -> Option<String> {
    let names = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| pair.split('=').next());
    let plain = names
        .into_iter()
        .all(|name| name.is_empty() || name.starts_with("X-Amz-") || name.starts_with("x-"));
    let key = uri.path().strip_prefix('/')?.strip_prefix(bucket)?.strip_prefix('/')?;
    let key = urlencoding::decode(key).ok()?;
    (method == Method::PUT && plain && !key.is_empty()).then(|| key.into_owned())
}

/// A key as S3's events spell it: form-encoded, but for its slashes.
fn form_encoded(key: &str) -> String {
    urlencoding::encode(key).replace("%2F", "/").replace("%20", "+")
}

fn length(headers: &HeaderMap) -> u64 {
    const DECODED: HeaderName = HeaderName::from_static("x-amz-decoded-content-length");
    let stated = headers.get(DECODED).or(headers.get(header::CONTENT_LENGTH));
    stated
        .and_then(|length| length.to_str().ok()?.parse().ok())
        .unwrap_or_default()
}

/// The event that S3 sends; its key is form-encoded.
fn event(bucket: &str, key: &str, size: u64, etag: &str) -> Value {
    let at = Clock::default().now();
    json!({ "Records": [{
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": at,
        "eventName": "ObjectCreated:Put",
        "userIdentity": { "principalId": "local" },
        "requestParameters": { "sourceIPAddress": "127.0.0.1" },
        "responseElements": { "x-amz-request-id": shared::ids::fresh(), "x-amz-id-2": "local" },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "local",
            "bucket": { "name": bucket, "ownerIdentity": { "principalId": "local" }, "arn": format!("arn:aws:s3:::{bucket}") },
            "object": { "key": key, "size": size, "eTag": etag, "sequencer": format!("{:016X}", at.millisecond()) },
        },
    }] })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(method: Method, uri: &str) -> Option<String> {
        written_key(&method, &uri.parse().unwrap(), "docent")
    }

    #[test]
    fn only_a_put_of_a_whole_object_is_word_of_a_new_one() {
        assert_eq!(
            written(Method::PUT, "/docent/uploads/t/d/1?X-Amz-Signature=x&x-id=PutObject").unwrap(),
            "uploads/t/d/1"
        );
        assert_eq!(
            written(Method::PUT, "/docent/uploads/a%20b%252").unwrap(),
            "uploads/a b%2"
        );
        assert_eq!(written(Method::PUT, "/docent/uploads/t?partNumber=1&uploadId=2"), None);
        assert_eq!(written(Method::PUT, "/docent/uploads/t?tagging"), None);
        assert_eq!(written(Method::GET, "/docent/uploads/t"), None);
        assert_eq!(written(Method::PUT, "/docent"), None);
        assert_eq!(written(Method::PUT, "/docent2/uploads/t"), None);
    }

    #[test]
    fn the_event_is_what_s3_sends() {
        let event: aws_lambda_events::s3::S3Event =
            serde_json::from_value(event("docent", &form_encoded("uploads/a b+%"), 7, "e")).unwrap();
        let record = &event.records[0];
        assert_eq!(record.event_name.as_deref(), Some("ObjectCreated:Put"));
        assert_eq!(record.s3.bucket.name.as_deref(), Some("docent"));
        assert_eq!(record.s3.object.key.as_deref(), Some("uploads/a+b%2B%25"));
        assert_eq!(record.s3.object.size, Some(7));
    }
}

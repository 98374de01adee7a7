//! S3: s3s on a folder, with CORS for browsers and word of new objects to the queue that the template names.

use std::path::Path;
use std::sync::Arc;

use aws_sdk_sqs::{Client, error::DisplayErrorContext};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use serde_json::{Value, json};
use shared::clock::Clock;
use tower_http::cors::{Any, CorsLayer};

use crate::error::Error;
use crate::template::REGION;

/// Where word of new objects goes.
#[derive(Debug)]
pub struct Notification {
    /// Only keys that begin so.
    pub prefix: String,
    /// The queue.
    pub queue_url: String,
}

struct Notifier {
    sqs: Client,
    bucket: String,
    notifications: Vec<Notification>,
}

/// The service with one bucket in `folder`, open to one key pair.
///
/// # Errors
/// When the folder cannot be made.
pub fn s3(
    folder: &Path,
    bucket: &str,
    (access_key, secret_key): (&str, &str),
    sqs: Client,
    notifications: Vec<Notification>,
) -> Result<Router, Error> {
    std::fs::create_dir_all(folder.join(bucket)).map_err(Error::part("S3"))?;
    let files = FileSystem::new(folder).map_err(|why| Error::part("S3")(format!("{why:?}")))?;
    let mut service = S3ServiceBuilder::new(files);
    service.set_auth(SimpleAuth::from_single(access_key, secret_key));
    let notifier = Arc::new(Notifier { sqs, bucket: bucket.to_owned(), notifications });
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::PUT, Method::GET, Method::HEAD])
        .allow_headers(Any)
        .expose_headers([header::ETAG])
        .max_age(std::time::Duration::from_secs(7200));
    Ok(Router::new()
        .fallback_service(service_of(service.build()))
        .layer(middleware::from_fn_with_state(notifier, notify))
        .layer(cors))
}

fn service_of(
    s3: s3s::service::S3Service,
) -> impl tower::Service<
    Request,
    Response = Response,
    Error = std::convert::Infallible,
    Future = futures::future::BoxFuture<'static, Result<Response, std::convert::Infallible>>,
> + Clone
+ Send
+ Sync
+ 'static {
    tower::service_fn(move |request: Request| {
        let s3 = s3.clone();
        let answer: futures::future::BoxFuture<'static, _> = Box::pin(async move {
            let request = request.map(s3s::Body::http_body_unsync);
            Ok(match s3.call(request).await {
                Ok(response) => response.map(Body::new),
                Err(why) => {
                    tracing::error!(?why, "S3 failed");
                    StatusCode::INTERNAL_SERVER_ERROR.into_response()
                }
            })
        });
        answer
    })
}

/// After an object was written, and before its writer hears of it, tells the queue.
async fn notify(State(notifier): State<Arc<Notifier>>, request: Request, next: Next) -> Response {
    let written = written_key(request.method(), request.uri(), &notifier.bucket);
    let size = length(request.headers());
    let response = next.run(request).await;
    let Some(key) = written.filter(|_| response.status().is_success()) else { return response };
    let etag = response.headers().get(header::ETAG).and_then(|etag| etag.to_str().ok()).unwrap_or_default();
    let etag = etag.trim_matches('"');
    for notification in &notifier.notifications {
        if !urlencoding::decode(&key).is_ok_and(|key| key.starts_with(&notification.prefix)) {
            continue;
        }
        let event = event(&notifier.bucket, &key, size, etag).to_string();
        let sent = notifier.sqs.send_message().queue_url(&notification.queue_url).message_body(event).send().await;
        if let Err(why) = sent {
            tracing::error!(why = %DisplayErrorContext(why), key, "word of a new object was not sent");
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    }
    response
}

/// The key, still URL-encoded, when a request writes a whole object: a PUT without a sub-resource such as `?tagging`.
fn written_key(method: &Method, uri: &Uri, bucket: &str) -> Option<String> {
    let names = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split('=').next());
    let plain = names.into_iter().all(|name| name.is_empty() || name.starts_with("X-Amz-") || name.starts_with("x-"));
    let key = uri.path().strip_prefix('/')?.strip_prefix(bucket)?.strip_prefix('/')?;
    (method == Method::PUT && plain && !key.is_empty()).then(|| key.to_owned())
}

fn length(headers: &HeaderMap) -> u64 {
    const DECODED: HeaderName = HeaderName::from_static("x-amz-decoded-content-length");
    let stated = headers.get(DECODED).or(headers.get(header::CONTENT_LENGTH));
    stated.and_then(|length| length.to_str().ok()?.parse().ok()).unwrap_or_default()
}

/// The event that S3 sends; its key is URL-encoded.
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
        assert_eq!(written(Method::PUT, "/docent/uploads/t/d/1?X-Amz-Signature=x&x-id=PutObject").unwrap(), "uploads/t/d/1");
        assert_eq!(written(Method::PUT, "/docent/uploads/a%20b").unwrap(), "uploads/a%20b");
        assert_eq!(written(Method::PUT, "/docent/uploads/t?partNumber=1&uploadId=2"), None);
        assert_eq!(written(Method::PUT, "/docent/uploads/t?tagging"), None);
        assert_eq!(written(Method::GET, "/docent/uploads/t"), None);
        assert_eq!(written(Method::PUT, "/docent"), None);
        assert_eq!(written(Method::PUT, "/docent2/uploads/t"), None);
    }

    #[test]
    fn the_event_is_what_s3_sends() {
        let event: aws_lambda_events::s3::S3Event = serde_json::from_value(event("docent", "uploads/a%20b", 7, "e")).unwrap();
        let record = &event.records[0];
        assert_eq!(record.event_name.as_deref(), Some("ObjectCreated:Put"));
        assert_eq!(record.s3.bucket.name.as_deref(), Some("docent"));
        assert_eq!(record.s3.object.key.as_deref(), Some("uploads/a%20b"));
        assert_eq!(record.s3.object.size, Some(7));
    }
}

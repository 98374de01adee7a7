//! S3: s3s on a folder, with CORS for browsers and word of new objects to the queue that the template names.

use std::path::Path;
use std::sync::Arc;

use aws_sdk_sqs::{Client, error::DisplayErrorContext};
use aws_types::SdkConfig;
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{Method, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use tower_http::cors::{Any, CorsLayer};

use super::notify::{Notification, Notifier, notify};
use crate::error::{During, Error};

/// The service with one bucket in `folder`, open to these pairs of access key and secret.
///
/// # Errors
/// When the folder cannot be made.
pub fn s3(
    folder: &Path,
    bucket: &str,
    keys: &[(String, String)],
    sqs: Client,
    notifications: Vec<Notification>,
) -> Result<Router, Error> {
    std::fs::create_dir_all(folder.join(bucket)).during("S3")?;
    let files = FileSystem::new(folder).map_err(|why| Error::part("S3", format!("{why:?}")))?;
    let mut service = S3ServiceBuilder::new(files);
    let mut auth = SimpleAuth::new();
    for (access_key, secret) in keys {
        auth.register(access_key.clone(), secret.as_str().into());
    }
    service.set_auth(auth);
    let notifier = Arc::new(Notifier {
        sqs,
        bucket: bucket.to_owned(),
        notifications,
    });
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

/// Makes the bucket in somebody else's S3, unless it is there.
///
/// # Errors
/// When the service refuses.
pub async fn ensure_bucket(sdk: &SdkConfig, bucket: &str) -> Result<(), Error> {
    let s3 = aws_sdk_s3::Client::from_conf(aws_sdk_s3::config::Builder::from(sdk).force_path_style(true).build());
    if s3.head_bucket().bucket(bucket).send().await.is_ok() {
        return Ok(());
    }
    let made = s3.create_bucket().bucket(bucket).send().await;
    made.map(drop)
        .map_err(|why| Error::part(format!("bucket {bucket}"), DisplayErrorContext(why).to_string()))
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

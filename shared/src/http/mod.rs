//! What every HTTP function does around its handlers: credentials, bodies, pages, streams, and one error body.

pub mod ai;
mod caller;
mod end_user;
mod json;
mod page;
pub mod sse;

pub use caller::{Caller, FullCaller};
pub use end_user::EndUser;
pub use json::{Json, Path, Query, parse_json};
pub use page::{PageOut, PageParams, parse_limit};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header};
use lambda_http::{RequestExt, request::RequestContext};

use crate::error::{Error, Unwritten};

/// Most bytes of a request body.
pub const MAX_BODY: usize = 10 * 1024 * 1024;

/// The id of the request that is being answered, as API Gateway gave it.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// Wraps a group's routes: unknown paths and methods, the body limit, the request id, and the error body.
pub fn finish(router: Router) -> Router {
    router
        .fallback(async || Error::NotFound("Endpoint"))
        .method_not_allowed_fallback(async || Error::MethodNotAllowed)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(around))
}

async fn around(mut request: Request, next: Next) -> Response {
    let id = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => context.request_id.clone(),
        Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
        _ => None,
    };
    let id = id.unwrap_or_else(crate::ids::fresh);
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).await;
    if let Some(Unwritten(error)) = response.extensions_mut().remove() {
        response = write(&error, &id);
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}

fn write(error: &Error, request_id: &str) -> Response {
    error.log(request_id);
    let mut response = (error.status().0, axum::Json(error.body(request_id))).into_response();
    if let Error::Unavailable { retry_after, .. } = error {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(*retry_after));
    }
    response
}

//! What every HTTP function does around its handlers: credentials, limits, bodies, pages, streams, and one error body.

pub mod ai;
mod anonymous;
mod base_url;
mod caller;
pub mod channels;
mod credential;
mod end_user;
mod exchange;
mod handled;
mod id_list;
mod idempotency;
mod json;
pub mod openapi;
pub mod origin;
mod page;
pub mod parameters;
mod permission;
pub mod platform;
mod reaching;
pub mod routes;
pub mod sse;

pub use anonymous::Anonymous;
pub use base_url::BaseUrl;
pub use caller::{
    AccountOwner, Admin, Agent, AppReader, Asker, Caller, Chatter, Partner, PartnerAsking, Reader, RoutineAsker,
    RunReader, Searcher, SessionKeeper, SignedIn, Visiting, Who,
};
pub use end_user::EndUser;
pub use exchange::Exchange;
pub use id_list::id_list;
pub use idempotency::Secretive;
pub use json::{Json, JsonOrNothing, Path, Paths, Query, parse_json};
pub use page::{PageOut, PageParams, parse_limit};
pub use permission::Permission;
pub use reaching::Reaching;

use handled::Handled;

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, Request},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use lambda_http::{RequestExt, request::RequestContext};
use tracing::Instrument;

use crate::{
    app::App,
    error::{Error, ErrorBody, Unwritten},
};

/// Most bytes of a request body.
pub const MAX_BODY: usize = 10 * 1024 * 1024;

/// Headers that a page may send.
const ALLOWED_HEADERS: &str = "Authorization, Content-Type, X-API-Key, X-External-Org-Id, X-External-User-Id, \
     X-External-Roles, Idempotency-Key, Last-Event-ID, X-Visitor-Token";

/// Makes a group's routes into a router: unknown paths and methods, preflights, the body limit, the request id, the headers of
/// every answer, and the error body.
pub fn finish(routes: Router<App>, app: App) -> Router {
    let mut router = routes.with_state(app.clone());
    if router.has_routes() {
        router = router.route_layer(middleware::from_fn_with_state(app, idempotency::layer));
    }
    router
        .fallback(async || Error::NotFound("Endpoint"))
        .method_not_allowed_fallback(async || Error::MethodNotAllowed)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(around))
}

/// Gives each request its id, and leaves a line about it.
async fn around(request: Request, next: Next) -> Response {
    let id = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => context.request_id.clone(),
        Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
        _ => None,
    };
    let id = id.unwrap_or_else(crate::ids::fresh);
    let exchange = Exchange::new(&id);
    let handled = Handled::begin(&request, &id, exchange.clone());
    let answer = answer(request, next, &id, exchange).instrument(handled.span());
    let response = answer.await;
    handled.until_sent(response)
}

async fn answer(mut request: Request, next: Next, id: &str, exchange: Exchange) -> Response {
    request.extensions_mut().insert(exchange.clone());
    let origin = request.headers().get(header::ORIGIN).cloned();
    let says_success = credential::takes_key_as_parameter(request.uri().path());
    let mut response = if request.method() == Method::OPTIONS {
        preflight()
    } else {
        match with_body_key(request).await {
            Ok(request) => next.run(request).await,
            Err(error) => error.into_response(),
        }
    };
    if let Some(Unwritten(error)) = response.extensions_mut().remove() {
        exchange.fails(&error);
        response = write(&error, id, says_success);
    }
    let refused = matches!(
        response.status(),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS
    );
    exchange.write_limits(response.headers_mut());
    exchange.write_origin(response.headers_mut(), origin.as_ref(), refused);
    if let Ok(value) = HeaderValue::from_str(id) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}

/// The answer to a preflight, which carries no credential: every page may ask, what it may do is decided then.
fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, PUT, DELETE"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, "7200"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// In the app dialect a key may be part of the body; it is looked for only where no header has one.
async fn with_body_key(request: Request) -> Result<Request, Error> {
    const KEYED: [HeaderName; 2] = [header::AUTHORIZATION, HeaderName::from_static("x-api-key")];
    let elsewhere = KEYED.iter().any(|name| request.headers().contains_key(name));
    if request.method() != Method::POST || elsewhere || !credential::takes_key_as_parameter(request.uri().path()) {
        return Ok(request);
    }
    let (mut parts, body) = request.into_parts();
    let bytes = read(body).await?;
    if let Some(key) = serde_json::from_slice::<KeyIn>(&bytes)
        .ok()
        .and_then(|body| body.api_key)
    {
        parts.extensions.insert(credential::BodyKey(key));
    }
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

/// A whole body.
async fn read(body: Body) -> Result<Bytes, Error> {
    axum::body::to_bytes(body, MAX_BODY)
        .await
        .map_err(|_| Error::TooLarge("The body is larger than 10 MB or broke off".to_owned()))
}

#[derive(serde::Deserialize)]
struct KeyIn {
    api_key: Option<String>,
}

fn write(error: &Error, request_id: &str, says_success: bool) -> Response {
    error.log();
    let body = ErrorBody {
        // The app dialect's clients look at it.
        success: says_success.then_some(false),
        ..error.body(request_id)
    };
    let mut response = (error.status().0, axum::Json(body)).into_response();
    if response.status() == StatusCode::UNAUTHORIZED {
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("ApiKey, Bearer"));
    }
    if let Some(seconds) = error.retry_after() {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

//! API Gateway in front of Lambda, on a laptop: routes by template.yaml, hands each function the real proxy event, and
//! passes its answer on, piece by piece where the route streams.

mod answer;
mod event;
mod fields;
mod invoke;
mod limits;
mod replies;
mod routes;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header, request::Parts};
use hyper::body::Incoming;
use shared::clock::Clock;
use tokio::time::Instant;

use crate::functions::HttpFunction;
use crate::mailbox::{self, Mailbox};
use crate::template::{Event, Function, Template};
use answer::Answer;
pub use limits::MAX_PAYLOAD;
use limits::Refused;
use replies::{Kind, Replies};
use routes::Routes;

/// How long API Gateway waits for a buffered answer.
const BUFFERED_LIMIT: Duration = Duration::from_secs(29);
/// How long API Gateway lets a stream run.
const STREAM_LIMIT: Duration = Duration::from_secs(15 * 60);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// The gateway: routes, the functions behind them, and what it answers by itself.
pub struct Gateway {
    routes: Routes<Target>,
    replies: Replies,
    binary: Vec<String>,
    ready: AtomicBool,
    on_write: Ring,
    mailbox: Option<Mailbox>,
}

/// Called when an invocation may have changed the table.
type Ring = Arc<dyn Fn() + Send + Sync>;

/// A function behind a route.
struct Target {
    function: HttpFunction,
    streams: bool,
    limit: Duration,
}

impl Gateway {
    /// A gateway for the HTTP functions of a template. Routes of functions that are not among `http` are left out.
    /// `on_write` is called after every invocation: the table may have changed.
    #[must_use]
    pub fn new(
        template: &Template,
        functions: &[Function],
        http: &HashMap<String, HttpFunction>,
        on_write: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let mut routes = Vec::new();
        for function in functions {
            let Some(http) = http.get(&function.name) else { continue };
            for event in &function.events {
                let Event::Api(route) = event else { continue };
                let default = if route.streams() { STREAM_LIMIT } else { BUFFERED_LIMIT };
                let integration = route.timeout_in_millis.map_or(default, Duration::from_millis);
                let limit = integration.min(function.timeout).min(STREAM_LIMIT);
                let target = Target {
                    function: http.clone(),
                    streams: route.streams(),
                    limit,
                };
                routes.push((route.path.clone(), route.method.clone(), target));
            }
        }
        Self {
            routes: Routes::new(routes),
            replies: Replies::new(template.gateway_responses()),
            binary: template.binary_media_types(),
            ready: AtomicBool::new(false),
            on_write: Arc::new(on_write),
            mailbox: None,
        }
    }

    /// Shows a mailbox, too. It belongs to the stack and not to the API, so no route can take its path.
    #[must_use]
    pub fn with_mailbox(mut self, mailbox: Mailbox) -> Self {
        self.mailbox = Some(mailbox);
        self
    }

    /// From now on `GET /api/health` is answered by its function; before, it says that the stack is starting.
    pub fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    /// Answers one request.
    pub async fn handle(&self, request: Request<Incoming>, peer: IpAddr) -> Response<Answer> {
        let request_id = shared::ids::fresh();
        let (parts, body) = request.into_parts();
        let shown = self.mailbox.as_ref().filter(|_| parts.uri.path() == mailbox::PATH);
        let answered = match shown {
            Some(mailbox) => Ok(mailbox.answer(&parts, &request_id).map(answer::whole)),
            None => self.answer(parts, body, peer, &request_id).await,
        };
        let mut response = answered.unwrap_or_else(|kind| self.replies.reply(kind, &request_id));
        if let Ok(value) = HeaderValue::from_str(&request_id) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        response
    }

    async fn answer(&self, mut parts: Parts, body: Incoming, peer: IpAddr, id: &str) -> Result<Response<Answer>, Kind> {
        if parts.uri.path() == "/api/health" && !self.ready.load(Ordering::Acquire) {
            return Err(Kind::Starting);
        }
        let body = limits::read(body).await.map_err(|refused| match refused {
            Refused::TooLarge => Kind::TooLarge,
            Refused::Broken => Kind::BadBody,
        })?;
        forwarded(&mut parts.headers, peer);
        let (target, event) = self.event(&parts, &body, peer, id)?;
        let deadline = Instant::now() + target.limit;
        let context = invoke::context(id, target.limit);
        let response = if target.streams {
            let returned = invoke::streaming(target.function.clone(), event, context, deadline).await?;
            answer::streamed(returned, deadline, Arc::clone(&self.on_write))
        } else {
            let accepts_binary = self.is_binary(&parts.headers, &header::ACCEPT);
            let returned = invoke::buffered(target.function.clone(), event, context, deadline).await?;
            (self.on_write)();
            answer::buffered(&returned, accepts_binary).ok_or(Kind::Failure)?
        };
        Ok(response)
    }

    /// Who takes the request, and the event for it.
    fn event<'a>(
        &'a self,
        parts: &'a Parts,
        body: &Bytes,
        peer: IpAddr,
        id: &'a str,
    ) -> Result<(&'a Target, Vec<u8>), Kind> {
        let (entry, path_parameters) = self.routes.find(&parts.method, parts.uri.path()).ok_or(Kind::NoRoute)?;
        let about = event::Circumstances {
            resource: &entry.resource,
            path_parameters,
            peer,
            request_id: id,
            at: Clock::default().now().millisecond(),
            binary: self.is_binary(&parts.headers, &header::CONTENT_TYPE),
        };
        let event = event::encode(parts, body, about).map_err(|_| Kind::Failure)?;
        if event.len() > limits::MAX_PAYLOAD {
            return Err(Kind::TooLarge);
        }
        Ok((&entry.target, event))
    }

    fn is_binary(&self, headers: &HeaderMap, name: &HeaderName) -> bool {
        let first = headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let first = first.split([',', ';']).next().unwrap_or_default().trim();
        self.binary
            .iter()
            .any(|each| each == "*/*" || each.eq_ignore_ascii_case(first))
    }
}

/// What API Gateway adds to a request's headers. A host that is none would break the function's URL.
fn forwarded(headers: &mut HeaderMap, peer: IpAddr) {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    if host.is_none_or(|host| host.parse::<http::uri::Authority>().is_err()) {
        headers.insert(header::HOST, HeaderValue::from_static("localhost"));
    }
    headers.insert("x-forwarded-proto", HeaderValue::from_static("http"));
    let before = headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
    let chain = before.map_or_else(|| peer.to_string(), |before| format!("{before}, {peer}"));
    if let Ok(value) = HeaderValue::from_str(&chain) {
        headers.insert("x-forwarded-for", value);
    }
}

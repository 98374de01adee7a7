//! `Idempotency-Key`: a request that is sent again gets the first answer again.
//!
//! The first request claims the key; its answer is stored with the claim. A claim ends with the invocation that made it, so
//! that a crash between claim and answer does not lock the key: after that the request runs again, unless it had taken effect,
//! which its own transaction says. Only answers of success are kept; after an error the key is free.

use std::{
    borrow::Cow,
    io::{Read, Write},
};

use axum::{
    body::{Body, HttpBody},
    extract::{FromRequestParts, Request, State},
    http::request::Parts,
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use futures::StreamExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use lambda_http::RequestExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc::unbounded_channel;
use tracing::Instrument;

use super::{Caller, EndUser, Exchange, Permission, Who, credential};
use crate::{
    app::App,
    clock::Time,
    error::Error,
    ids,
    limits::Class,
    store::{self, Condition, Key, Partition, Row, Update},
};

const NAME: HeaderName = HeaderName::from_static("idempotency-key");
/// Most characters of a key.
const MAX_CHARS: usize = 255;
/// How long an answer is kept, in seconds.
const KEPT: i64 = 24 * 3600;
/// How long a claim holds where the invocation's deadline is not known, in milliseconds.
const LEASE: i64 = 180_000;
/// Most bytes of a stored answer, compressed: an item has at most 400 KB.
const MAX_STORED: usize = 280 * 1024;
/// Most bytes that a stored answer can become again.
const MAX_ANSWER: u64 = 8 * 1024 * 1024;
/// Headers of the first answer that its repetitions have too.
const KEPT_HEADERS: [HeaderName; 5] = [
    header::CONTENT_TYPE,
    header::LOCATION,
    HeaderName::from_static("x-visitor-token"),
    HeaderName::from_static("x-thread-id"),
    HeaderName::from_static("x-vercel-ai-ui-message-stream"),
];

/// Fields of a JSON answer that are shown once: a repetition is without them. An extension of the response.
#[derive(Clone, Copy, Debug)]
pub struct Secretive(pub &'static [&'static str]);

/// A claim of a key, with the answer once there is one.
#[derive(Debug, Serialize, Deserialize)]
struct Claim {
    tenant: crate::ids::TenantId,
    /// Credential, end user, route and key.
    name: [String; 4],
    /// Tells this claim from another of the same key.
    id: String,
    /// SHA-256 of what was sent, in hex.
    fingerprint: String,
    /// When the invocation that made it is over.
    until: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<Answer>,
    /// Whether the request has had its effect: set in the transaction that is the effect.
    #[serde(default)]
    done: bool,
    /// Seconds since 1970.
    ends: i64,
}

/// A stored answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    /// Compressed, in base64; absent when it was too large to keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

impl Row for Claim {
    fn key(&self) -> Key {
        let [credential, user, route, key] = &self.name;
        Partition::tenant(&self.tenant, &["IDEM", credential, user, route, key]).at("IDEM".to_owned())
    }

    fn expires_at(&self) -> Option<i64> {
        Some(self.ends)
    }
}

/// The layer.
pub(super) async fn layer(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let elsewhere = path.starts_with("/api/v1/auth/") || path.starts_with("/v1/") || path == "/mcp";
    if request.method() != Method::POST || elsewhere || !request.headers().contains_key(NAME) {
        return next.run(request).await;
    }
    once(app, request, next).await.unwrap_or_else(Error::into_response)
}

async fn once(app: App, request: Request, next: Next) -> Result<Response, Error> {
    let until = until(&app, &request);
    let (mut parts, body) = request.into_parts();
    let key = stated(&parts.headers)?;
    let caller = credential::caller(&mut parts, &app).await?;
    let body = super::read(body).await?;
    // Who may not ask for end users is refused by the handler, whatever the request says of them.
    let user = match parts.uri.path().starts_with("/api/ai/") && Permission::Partner.is_held_by(&caller.who) {
        true => Some(EndUser::from_request_parts(&mut parts, &app).await?),
        false => None,
    };
    // Once, whatever comes of it, and before anything is written.
    caller.limit(&app, class(parts.uri.path()), user.as_ref()).await?;
    let claim = Claim {
        tenant: caller.tenant().clone(),
        name: [
            caller.id(),
            user.map_or_else(|| visitor(&caller), |user| user.name()),
            hex::encode(Sha256::digest(parts.uri.path())),
            key,
        ],
        id: ids::fresh(),
        fingerprint: fingerprint(&caller, &parts, &body),
        until,
        answer: None,
        done: false,
        ends: app.clock.now().second() + KEPT,
    };
    if let Some(answer) = claimed(&app, &claim).await? {
        return answer.replayed();
    }
    let exchange = caller.exchange.clone();
    let running = next.run(Request::from_parts(parts, Body::from(body)));
    let response = store::along(claim.mark()?, running).await;
    if !response.status().is_success() {
        claim.release(&app).await;
        return Ok(response);
    }
    Ok(kept(app, claim, exchange, response).await)
}

fn until(app: &App, request: &Request) -> Time {
    let deadline = request
        .lambda_context_ref()
        .and_then(|context| i64::try_from(context.deadline).ok())
        .filter(|deadline| *deadline > 0);
    let now = app.clock.now();
    deadline.map_or_else(
        || now.plus(LEASE),
        |deadline| now.plus(deadline - now.millisecond() + 1_000),
    )
}

fn stated(headers: &HeaderMap) -> Result<String, Error> {
    let key = headers.get(NAME).and_then(|key| key.to_str().ok()).unwrap_or_default();
    match (1..=MAX_CHARS).contains(&key.len()) {
        true => Ok(key.to_owned()),
        false => Err(Error::field(
            "Idempotency-Key",
            format!("must be 1 to {MAX_CHARS} ASCII characters"),
        )),
    }
}

/// What the request counts as.
fn class(path: &str) -> Class {
    let asks = ["/chat", "/chat/stream", "/api/search", "/run"];
    match asks.iter().any(|end| path.ends_with(end)) {
        true => Class::Chat,
        false => Class::Standard,
    }
}

/// Who is behind a credential that pages hold: the visitors at one address.
fn visitor(caller: &Caller) -> String {
    match caller.is_page() {
        true => caller.address.clone(),
        false => String::new(),
    }
}

/// What the caller may do: an answer is not given again to somebody who may do less now.
fn may(caller: &Caller) -> String {
    match &caller.who {
        Who::Key(key) => format!("{:?}", key.scope),
        Who::Member(member) => format!("{:?}", member.role),
        Who::Public => String::new(),
    }
}

/// What makes two requests the same: where they go, on whose behalf, and what they say.
fn fingerprint(caller: &Caller, parts: &Parts, body: &[u8]) -> String {
    let header = |name: &str| {
        parts
            .headers
            .get(name)
            .map(|value| value.as_bytes())
            .unwrap_or_default()
    };
    let may = may(caller);
    // Clients make up another boundary for every try.
    let body = match boundary(&parts.headers) {
        Some(boundary) => Cow::Owned(without_boundary(body, boundary.as_bytes())),
        None => Cow::Borrowed(body),
    };
    let said: [&[u8]; 6] = [
        may.as_bytes(),
        parts.uri.query().unwrap_or_default().as_bytes(),
        header("x-external-roles"),
        header("x-visitor-token"),
        header("accept"),
        &body,
    ];
    let mut digest = Sha256::new();
    for part in said {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    hex::encode(digest.finalize())
}

/// The boundary of a form.
fn boundary(headers: &HeaderMap) -> Option<String> {
    let stated = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let (kind, rest) = stated.split_once(';')?;
    let form = kind.trim().eq_ignore_ascii_case("multipart/form-data");
    let (_, boundary) = rest.split_once("boundary=")?;
    let boundary = boundary.split(';').next()?.trim().trim_matches('"');
    (form && !boundary.is_empty()).then(|| boundary.to_owned())
}

fn without_boundary(body: &[u8], boundary: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(next) = rest.first() {
        match rest.strip_prefix(boundary) {
            Some(behind) => rest = behind,
            None => {
                kept.push(*next);
                rest = &rest[1..];
            }
        }
    }
    kept
}

/// Claims the key; gives the answer of the request that had it before.
async fn claimed(app: &App, claim: &Claim) -> Result<Option<Answer>, Error> {
    if app.table.put_new(claim).await? {
        return Ok(None);
    }
    let busy = || {
        Error::conflict(
            "in_progress",
            "The first request with this Idempotency-Key is still running; try again in a moment",
        )
    };
    let before: Claim = app.table.get(&Row::key(claim)).await?.ok_or_else(busy)?;
    if before.id == claim.id {
        // This very write arrived before; only its answer was lost.
        return Ok(None);
    }
    let now = app.clock.now();
    let expired = before.ends <= now.second();
    if !expired && before.fingerprint != claim.fingerprint {
        return Err(Error::conflict(
            "idempotency_conflict",
            "This Idempotency-Key was used with another request; use a fresh one",
        ));
    }
    if let (Some(answer), false) = (before.answer, expired) {
        return Ok(Some(answer));
    }
    if !expired && now < before.until {
        return Err(busy());
    }
    if before.done && !expired {
        // Whoever had it is gone, but not before it was done: to do it again would be to do it twice.
        return Err(Error::conflict(
            "answer_lost",
            "The first request with this Idempotency-Key took effect, but its answer was lost; look for what it made",
        ));
    }
    // Whoever had it is gone.
    let over = Update::at(Row::key(claim))
        .when(Condition::is("id", &before.id)?)
        .set("id", &claim.id)?
        .set("fingerprint", &claim.fingerprint)?
        .set("until", &claim.until)?
        .set("ends", &claim.ends)?
        .set("done", &false)?
        .set("expires_at", &claim.ends)?
        .set_or_remove("answer", None::<&Answer>)?;
    match app.table.update(over).await? {
        true => Ok(None),
        false => Err(busy()),
    }
}

/// Stores the answer on its way out. It is read to its end whether or not the client stays, and ends only when it is stored.
async fn kept(app: App, claim: Claim, exchange: Exchange, response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let secret = parts.extensions.get::<Secretive>().map_or(&[][..], |secret| secret.0);
    let streams = body.size_hint().exact().is_none();
    let head = Head {
        status: parts.status.as_u16(),
        headers: KEPT_HEADERS
            .iter()
            .filter_map(|name| Some((name.to_string(), parts.headers.get(name)?.to_str().ok()?.to_owned())))
            .collect(),
        secret,
    };
    let (sender, mut receiver) = unbounded_channel::<Bytes>();
    let task = async move {
        let mut frames = body.into_data_stream();
        let mut whole = Vec::new();
        while let Some(Ok(frame)) = frames.next().await {
            whole.extend_from_slice(&frame);
            if sender.send(frame).is_err() {
                tracing::trace!("nobody listens any more; the answer is kept for the next try");
            }
        }
        match exchange.is_broken() {
            true => claim.release(&app).await,
            false => claim.keep(&app, head, &whole).await,
        }
    };
    if !streams {
        task.await;
        let mut whole = Vec::new();
        while let Some(frame) = receiver.recv().await {
            whole.extend_from_slice(&frame);
        }
        return Response::from_parts(parts, Body::from(whole));
    }
    tokio::spawn(task.in_current_span());
    let frames = futures::stream::poll_fn(move |context| receiver.poll_recv(context));
    Response::from_parts(parts, Body::from_stream(frames.map(Ok::<_, std::convert::Infallible>)))
}

/// The first answer without its body.
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
    secret: &'static [&'static str],
}

impl Claim {
    /// What goes along with the request's transaction.
    fn mark(&self) -> Result<Update, Error> {
        let update = Update::at(Row::key(self)).when(Condition::is("id", &self.id)?);
        update.set("done", &true)
    }

    /// Stores the answer. When that fails, the claim ends by itself.
    async fn keep(&self, app: &App, head: Head, body: &[u8]) {
        let stored = async {
            let answer = Answer {
                status: head.status,
                headers: head.headers,
                body: Some(packed(&without(body, head.secret))?).filter(|body| body.len() <= MAX_STORED),
            };
            let update = Update::at(Row::key(self))
                .when(Condition::is("id", &self.id)?)
                .set("answer", &answer)?;
            app.table.update(update).await
        };
        if let Err(error) = stored.await {
            tracing::warn!(cause = %crate::error::chain(&error), "an answer could not be kept for its repetitions");
        }
    }

    /// Frees the key: the request ended in an error and may be sent again.
    async fn release(&self, app: &App) {
        let mut transaction = crate::store::Transaction::default();
        let released = async {
            // What took effect must not happen again, however it ended.
            let conditions = vec![Condition::is("id", &self.id)?, Condition::is("done", &false)?];
            transaction.delete(Row::key(self), conditions);
            app.table.transact(transaction).await.map_err(Error::from)
        };
        if let Err(error) = released.await {
            tracing::warn!(cause = %crate::error::chain(&error), "the key is free only when its claim ends");
        }
    }
}

/// A JSON object without what is shown once.
fn without(body: &[u8], secret: &[&str]) -> Vec<u8> {
    if secret.is_empty() {
        return body.to_vec();
    }
    let parsed = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(body);
    let Ok(mut object) = parsed else { return Vec::new() };
    object.retain(|name, _| !secret.contains(&name.as_str()));
    serde_json::to_vec(&object).unwrap_or_default()
}

fn packed(body: &[u8]) -> Result<String, Error> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(body).map_err(Error::internal)?;
    let packed = packer.finish().map_err(Error::internal)?;
    Ok(STANDARD.encode(packed))
}

impl Answer {
    fn replayed(self) -> Result<Response, Error> {
        let packed = self.body.ok_or_else(|| {
            Error::conflict(
                "not_replayable",
                "The first request succeeded, but its answer was too large to keep",
            )
        })?;
        let packed = STANDARD.decode(packed).map_err(Error::internal)?;
        let mut body = Vec::new();
        GzDecoder::new(packed.as_slice())
            .take(MAX_ANSWER)
            .read_to_end(&mut body)
            .map_err(Error::internal)?;
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::from_u16(self.status).map_err(Error::internal)?;
        for (name, value) in self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                response.headers_mut().insert(name, value);
            }
        }
        let replayed = HeaderValue::from_static("true");
        response.headers_mut().insert("idempotent-replayed", replayed);
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_once_is_not_kept() {
        let kept = without(br#"{"id": "1", "key": "sk_x"}"#, &["key"]);
        assert_eq!(kept, br#"{"id":"1"}"#);
        assert_eq!(without(b"sk_x", &["key"]), b"");
        assert_eq!(without(b"data: x", &[]), b"data: x");
    }

    #[test]
    fn a_kept_body_comes_back() {
        let answer = Answer {
            status: 201,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: Some(packed(b"{}").unwrap()),
        };
        let response = answer.replayed().unwrap();
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers()["idempotent-replayed"], "true");
    }
}

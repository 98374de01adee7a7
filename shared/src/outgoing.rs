//! Requests to addresses that a caller chose: the one HTTP client for webhooks, and its guard against forged requests
//! of ours (SSRF).
//!
//! A caller must not reach through us what only we can reach: this machine, the network that it is in, the metadata of
//! its instance. So a URL is judged when it is registered ([`Outgoing::check`]) and again for every request
//! ([`Outgoing::post`]), when its name is looked up: the connection goes to the addresses that were judged. Redirects
//! are not followed, proxies of the environment not used, cookies not kept, compressed answers not unpacked.
//!
//! No connection is kept for the next request, so each one is looked up and judged anew, and none fails because a
//! receiver has closed a kept connection while this process was frozen, as a Lambda function is between invocations.
//! The price is a handshake each.

mod address;
mod answer;
mod guard;
mod target;
#[cfg(test)]
mod tests;
mod unanswered;

pub use answer::Answer;
pub use unanswered::{Refusal, Unanswered};

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use http::HeaderMap;
use reqwest::{Client, ClientBuilder, Response, Url, dns::Resolve, redirect, retry};
use tokio::time::{Instant, timeout, timeout_at};

use address::Allowed;
use answer::MAX_BODY;
use guard::{Guard, System};
use target::Target;

/// Longest look-up of a name when a URL is registered.
const LOOK_UP: Duration = Duration::from_secs(2);
/// Longest time until there is a connection, TLS included. It is shared among the addresses of a name, so that a dead
/// one leaves time for the next.
const CONNECT: Duration = Duration::from_secs(10);

/// The client. Cloning is cheap, and shares what is made at the first request: to read the system's root certificates takes
/// milliseconds, and most of those who judge a URL send nothing.
#[derive(Clone)]
pub struct Outgoing {
    secure: Way,
    /// Plain http, to this machine; only where that is allowed.
    plain: Option<Way>,
}

/// A client that reaches certain addresses only.
#[derive(Clone)]
struct Way {
    allowed: Allowed,
    guard: Arc<dyn Resolve>,
    client: Arc<OnceLock<Client>>,
}

impl Outgoing {
    /// A client that uses the system's resolver and root certificates. Where `allow_loopback` (the deployment's
    /// parameter `AllowLocalWebhooks`), https and plain http may go to this machine as well, by a loopback address;
    /// other addresses that are not public stay refused.
    #[must_use]
    pub fn new(allow_loopback: bool) -> Self {
        Self::with(Arc::new(System), allow_loopback)
    }

    fn with<R: Resolve + 'static>(resolver: Arc<R>, allow_loopback: bool) -> Self {
        let way = |allowed| Way {
            allowed,
            guard: Arc::new(Guard::new(Arc::clone(&resolver), allowed)),
            client: Arc::default(),
        };
        if allow_loopback {
            Self {
                secure: way(Allowed::PublicOrLoopback),
                plain: Some(way(Allowed::Loopback)),
            }
        } else {
            Self {
                secure: way(Allowed::Public),
                plain: None,
            }
        }
    }

    /// Judges a URL that a caller wants to register. The answer is the URL as to keep it. A name that cannot be looked
    /// up now, or not within 2 s, is accepted: requests to it will say so.
    ///
    /// # Errors
    /// Why it is refused: the rest of a sentence that begins with "the URL", as "must be https".
    pub async fn check(&self, url: &str) -> Result<Url, String> {
        let (target, way) = self.target(url).map_err(|refusal| refusal.to_string())?;
        match timeout(LOOK_UP, way.look_up(&target)).await {
            Ok(Err(Unanswered::Refused(refusal))) => Err(refusal.to_string()),
            Ok(_) | Err(_) => Ok(target.url),
        }
    }

    /// Posts `body` with `headers` and nothing else that tells of us. All of it (look-up, connection, request, answer)
    /// has to be done within `limit`, and the connection within 10 s. Any status is an answer; 64 KiB of its body are
    /// read, then the connection is closed.
    ///
    /// # Errors
    /// Why there was no answer.
    pub async fn post(
        &self,
        url: &str,
        headers: HeaderMap,
        body: Bytes,
        limit: Duration,
    ) -> Result<Answer, Unanswered> {
        let (target, way) = self.target(url).map_err(Unanswered::Refused)?;
        // A day is plenty; an end that is too far away would overflow.
        let end = Instant::now() + limit.min(Duration::from_secs(86_400));
        let client = way.client().map_err(|error| Unanswered::of(error, CONNECT))?;
        let sending = client.post(target.url).headers(headers).body(body).send();
        let response = match timeout_at(end, sending).await {
            Ok(sent) => sent.map_err(|error| Unanswered::of(error, CONNECT))?,
            Err(_) => return Err(Unanswered::TimedOut(limit)),
        };
        finish(response, end, limit).await
    }

    /// What a URL means and the way to it.
    fn target(&self, url: &str) -> Result<(Target, &Way), Refusal> {
        let target = Target::parse(url, self.plain.is_some())?;
        let way = match target.allowed {
            Allowed::Loopback => self.plain.as_ref().ok_or(Refusal::Scheme)?,
            Allowed::Public | Allowed::PublicOrLoopback => &self.secure,
        };
        Ok((target, way))
    }
}

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Outgoing")
    }
}

impl Way {
    fn client(&self) -> Result<&Client, reqwest::Error> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = settings(Arc::clone(&self.guard), self.allowed).build()?;
        Ok(self.client.get_or_init(|| client))
    }

    /// Looks the target's name up, if it has one, and judges its addresses.
    async fn look_up(&self, target: &Target) -> Result<(), Unanswered> {
        let Some(name) = target.name() else { return Ok(()) };
        let name = name.parse().map_err(|_| Unanswered::Unresolved)?;
        match self.guard.resolve(name).await {
            Ok(_) => Ok(()),
            Err(error) => Err(error
                .downcast()
                .map_or(Unanswered::Unresolved, |unanswered| *unanswered)),
        }
    }
}

/// How a client is built. Features that this crate does not ask for are switched off by name: another crate of the same
/// binary may have brought them in.
fn settings(guard: Arc<dyn Resolve>, allowed: Allowed) -> ClientBuilder {
    Client::builder()
        .dns_resolver(guard)
        .https_only(allowed != Allowed::Loopback)
        .http1_only()
        .connect_timeout(CONNECT)
        .pool_max_idle_per_host(0)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .no_proxy()
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
}

/// The answer that has begun, if it ends in time.
async fn finish(response: Response, end: Instant, limit: Duration) -> Result<Answer, Unanswered> {
    let status = response.status().as_u16();
    match timeout_at(end, read(response)).await {
        Ok(answer) => answer.ok_or(Unanswered::BrokenOff { status }),
        Err(_) => Err(Unanswered::Unfinished { status, within: limit }),
    }
}

/// Reads an answer's body as far as it is kept; `None` = it broke off before.
async fn read(mut response: Response) -> Option<Answer> {
    let mut body = Vec::new();
    while body.len() < MAX_BODY
        && let Some(more) = response.chunk().await.ok()?
    {
        let room = MAX_BODY - body.len();
        body.extend_from_slice(&more[..more.len().min(room)]);
    }
    Some(Answer::new(response.status().as_u16(), response.headers(), &body))
}

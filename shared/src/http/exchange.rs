//! What is learnt about a request while it is answered, for the headers of its answer.

use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, HeaderValue, header};

use crate::{
    error::{Error, ErrorBody},
    limits::Standing,
};

/// Shared by the extractors of a request and the layer around them.
#[derive(Clone, Debug, Default)]
pub struct Exchange(Arc<Mutex<Learnt>>);

#[derive(Debug, Default)]
struct Learnt {
    standing: Vec<Standing>,
    origin: Option<String>,
    request_id: String,
    broken: bool,
    fault: Option<&'static str>,
    counted: bool,
}

impl Exchange {
    /// The exchange of the request with this id.
    #[must_use]
    pub fn new(request_id: &str) -> Self {
        Self(Arc::new(Mutex::new(Learnt {
            request_id: request_id.to_owned(),
            ..Learnt::default()
        })))
    }

    /// The id of the request that is being answered, as API Gateway gave it.
    #[must_use]
    pub fn request_id(&self) -> String {
        self.learnt().request_id.clone()
    }

    /// A stream ends with an error: its cause goes to the log, and no repetition gets it as its answer. Gives the error's
    /// body.
    pub fn broke_off(&self, error: &Error) -> ErrorBody {
        error.log();
        self.fails(error);
        self.learnt().broken = true;
        error.body(&self.request_id())
    }

    /// The request ends with this error.
    pub(super) fn fails(&self, error: &Error) {
        self.learnt().fault = Some(error.status().1);
    }

    /// The code of the error that the request ended with.
    pub(super) fn fault(&self) -> Option<&'static str> {
        self.learnt().fault
    }

    /// Whether the request was counted before; from now on it is.
    pub(super) fn counts(&self) -> bool {
        std::mem::replace(&mut self.learnt().counted, true)
    }

    /// Whether the answer broke off.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.learnt().broken
    }

    /// How the caller stands with the limits.
    pub fn set_standing(&self, standing: Vec<Standing>) {
        self.learnt().standing = standing;
    }

    /// The origin whose page may read the answer.
    pub fn set_origin(&self, origin: &str) {
        self.learnt().origin = Some(origin.to_owned());
    }

    /// The origin whose page may read the answer, when the credential allowed one.
    #[must_use]
    pub fn origin(&self) -> Option<String> {
        self.learnt().origin.clone()
    }

    /// Writes `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10).
    pub fn write_limits(&self, headers: &mut HeaderMap) {
        let learnt = self.learnt();
        let listed = |one: fn(&Standing) -> String| learnt.standing.iter().map(one).collect::<Vec<_>>().join(", ");
        if learnt.standing.is_empty() {
            return;
        }
        let policy = listed(|one| format!("\"{}\";q={};w=60", one.policy, one.quota));
        let left = listed(|one| format!("\"{}\";r={};t={}", one.policy, one.remaining, one.reset));
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", left)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
    }

    /// Writes the headers by which a page may read the answer: its origin where the credential allowed it. Refusals may be
    /// read by all pages, so that they can tell why.
    pub fn write_origin(&self, headers: &mut HeaderMap, stated: Option<&HeaderValue>, refused: bool) {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(
                "X-Thread-Id, X-Visitor-Token, X-Request-Id, RateLimit, RateLimit-Policy, Retry-After",
            ),
        );
        let allowed = self.origin();
        let value = match (allowed, stated) {
            _ if refused => Some(HeaderValue::from_static("*")),
            (Some(origin), _) => HeaderValue::from_str(&origin).ok(),
            (None, Some(_)) => Some(HeaderValue::from_static("*")),
            (None, None) => None,
        };
        if let Some(value) = value {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, value);
        }
    }

    fn learnt(&self) -> std::sync::MutexGuard<'_, Learnt> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

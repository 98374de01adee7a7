//! Sending an event to a webhook: signed as Standard Webhooks says, through the guarded client.

use std::{collections::HashMap, time::Duration};

use aws_types::SdkConfig;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio::time::Instant;

use crate::{
    clock::{Clock, Time},
    config::ConfigError,
    deliveries::{Attempt, Delivery, Problem},
    error::{Error, chain},
    outgoing::{Answer, Outgoing},
    sealing::SealingKey,
    secrets::Sealer,
    webhooks::Webhook,
};

/// The longest that an attempt may take, from the connection to the end of the answer.
const WITHIN: Duration = Duration::from_secs(15);
/// Most characters of an answer that the log keeps.
const EXCERPT: usize = 500;

/// A variable that Lambda gives every function, and nobody else does.
const ON_LAMBDA: &str = "AWS_LAMBDA_INITIALIZATION_TYPE";

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("docent-webhooks/", env!("CARGO_PKG_VERSION")));

/// What tells receivers: the guarded client, and the key that opens webhooks' secrets.
#[derive(Clone)]
pub struct Sender {
    outgoing: Outgoing,
    sealer: Sealer,
}

impl Sender {
    /// The sender of a function with these variables.
    ///
    /// # Errors
    /// Names the variable that is missing or malformed.
    pub fn new(vars: &HashMap<String, String>, sdk: &SdkConfig) -> Result<Self, ConfigError> {
        let refused = |why: String| ConfigError::new("ALLOW_LOCAL_WEBHOOKS", why);
        let local = match vars.get("ALLOW_LOCAL_WEBHOOKS").map(String::as_str) {
            // There a receiver on the machine itself would be the interface by which Lambda runs this function.
            Some("yes") if vars.contains_key(ON_LAMBDA) => return Err(refused("must be no on AWS".to_owned())),
            Some("yes") => true,
            Some("no") | None => false,
            Some(other) => return Err(refused(format!("{other:?} is neither yes nor no"))),
        };
        Ok(Self {
            outgoing: Outgoing::new(local),
            sealer: Sealer::new(vars, sdk)?,
        })
    }

    /// The key that seals webhooks' secrets.
    ///
    /// # Errors
    /// When SSM does not answer.
    pub async fn sealing_key(&self) -> Result<std::sync::Arc<SealingKey>, Error> {
        self.sealer.key().await
    }

    /// A URL where events may be sent.
    ///
    /// # Errors
    /// 400 naming `url`, with the reason.
    pub async fn check(&self, url: &str) -> Result<String, Error> {
        let checked = self.outgoing.check(url).await;
        checked.map(String::from).map_err(|why| Error::field("url", why))
    }

    /// Makes one attempt, and gives what came of it: also when it could not be made, because the webhook's secret does not open
    /// or SSM does not answer. So the log tells, and it is attempted again.
    pub async fn attempt(&self, clock: &Clock, webhook: &Webhook, delivery: &Delivery, number: u32) -> Attempt {
        let at = clock.now();
        let attempt = Attempt {
            number,
            at,
            duration_ms: 0,
            response_status: None,
            response_excerpt: None,
            problem: None,
            retry_after: None,
        };
        let headers = match self.signed(webhook, delivery, at).await {
            Ok(headers) => headers,
            Err(error) => {
                tracing::error!(webhook = %webhook.id, cause = %chain(&error), "an attempt could not be signed");
                let message =
                    "The event could not be signed, so it was not sent; the operator finds the reason in the log";
                let problem = Some(Problem::new(Attempt::NOT_SIGNED, message));
                return Attempt { problem, ..attempt };
            }
        };
        let began = Instant::now();
        let body = Bytes::from(delivery.body.clone());
        let answer = self.outgoing.post(&webhook.url, headers, body, WITHIN).await;
        let duration_ms = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
        let attempt = Attempt { duration_ms, ..attempt };
        match answer {
            Ok(answer) => answered(attempt, &answer, clock.now().second()),
            Err(unanswered) => Attempt {
                response_status: unanswered.status(),
                problem: Some(Problem::new(unanswered.code(), unanswered.to_string())),
                ..attempt
            },
        }
    }

    /// The headers of an attempt, with a signature by each secret that is in force.
    async fn signed(&self, webhook: &Webhook, delivery: &Delivery, at: Time) -> Result<HeaderMap, Error> {
        let (key, id) = (self.sealing_key().await?, delivery.event.as_str());
        let secrets = webhook.secrets(&key, at)?;
        let signatures = secrets
            .iter()
            .map(|secret| secret.sign(id, at.second(), &delivery.body));
        headers(id, at.second(), &signatures.collect::<Vec<_>>().join(" "))
    }
}

fn headers(id: &str, timestamp: i64, signatures: &str) -> Result<HeaderMap, Error> {
    let text = |text: &str| HeaderValue::from_str(text).map_err(Error::internal);
    Ok(HeaderMap::from_iter([
        (ID, text(id)?),
        (TIMESTAMP, HeaderValue::from(timestamp)),
        (SIGNATURE, text(signatures)?),
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::USER_AGENT, USER_AGENT),
    ]))
}

fn answered(attempt: Attempt, answer: &Answer, now: i64) -> Attempt {
    let message = match answer.status {
        200..=299 => None,
        300..=399 => {
            Some("The receiver redirects, and redirects are not followed: state the address itself".to_owned())
        }
        410 => Some("The receiver says that it is gone".to_owned()),
        status => Some(format!(
            "The receiver answered {status}; only 200 to 299 say that it took the event"
        )),
    };
    Attempt {
        response_status: Some(answer.status),
        response_excerpt: excerpt(&answer.body),
        problem: message.map(|message| Problem::new("status", message)),
        retry_after: match answer.status {
            429 | 503 => answer
                .retry_after(now)
                .map(|wait| u32::try_from(wait).unwrap_or(u32::MAX)),
            _ => None,
        },
        ..attempt
    }
}

/// The beginning of an answer, without what terminals and pages might obey.
fn excerpt(body: &str) -> Option<String> {
    let shown = body.chars().map(|c| {
        if c.is_control() && c != '\n' && c != '\t' {
            '\u{fffd}'
        } else {
            c
        }
    });
    let excerpt: String = shown.take(EXCERPT).collect();
    (!excerpt.is_empty()).then_some(excerpt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_plain() {
        assert_eq!(excerpt(""), None);
        assert_eq!(excerpt("a\u{1b}[31mb\n").as_deref(), Some("a\u{fffd}[31mb\n"));
        assert_eq!(excerpt(&"ä".repeat(600)).unwrap().chars().count(), EXCERPT);
    }
}

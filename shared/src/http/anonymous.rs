//! Callers of endpoints that ask for no credential.

use std::convert::Infallible;

use axum::{extract::FromRequestParts, http::request::Parts};

use super::{credential, exchange::Exchange};
use crate::{app::App, error::Error, limits::Quota};

/// Somebody who need not be known.
#[derive(Clone, Debug)]
pub struct Anonymous {
    address: String,
    exchange: Exchange,
}

impl Anonymous {
    /// Counts this request by its address and, when one is stated, by its e-mail address; refuses it when there were too
    /// many of either (class `auth`, 5 a minute).
    ///
    /// # Errors
    /// `Rate limit exceeded`, or the table does not answer.
    pub async fn limit(&self, app: &App, email: Option<&str>) -> Result<(), Error> {
        let names = std::iter::once(format!("address:{}", self.address))
            .chain(email.map(|email| format!("email:{}", email.trim().to_lowercase())));
        let quotas: Vec<Quota> = names.map(|name| Quota::anonymous(&name)).collect();
        let tally = app.limits.take_all(&app.table, &quotas, app.clock.now()).await?;
        self.exchange.set_standing(tally.standing);
        tally.outcome
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Anonymous {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self {
            address: credential::address(parts),
            exchange: parts.extensions.get::<Exchange>().cloned().unwrap_or_default(),
        })
    }
}

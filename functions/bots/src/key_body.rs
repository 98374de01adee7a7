//! A key as it is sent.

use serde::Deserialize;
use shared::{clock::Time, error::Error, http::origin, keys::ApiKey, keys::Scope, limits::RateLimits};
use utoipa::ToSchema;

use crate::body::{at_most, stated_limits};

const MAX_NAME: usize = 100;
/// Longest time that a replaced secret may still open its key, in seconds: a week.
const MAX_GRACE: u32 = 604_800;

/// A new key.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct KeyIn {
    /// What it is called in lists.
    #[schema(value_type = String, required, min_length = 1, max_length = 100)]
    name: Option<String>,
    /// What it may do.
    #[schema(value_type = Scope, required)]
    scope: Option<Scope>,
    /// The only bot that it sees; all scopes but `full` need one.
    #[schema(min_length = 1, max_length = 128)]
    pub(crate) bot_id: Option<String>,
    /// The origins of pages that may use it; empty = those of its bot.
    #[schema(max_items = 50)]
    allowed_origins: Option<Vec<String>>,
    /// When it ends, in the future; absent = never.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Other rate limits than the usual ones.
    rate_limits: Option<RateLimits>,
}

/// Changes of a key: absent (or `null`) means unchanged. Its scope and its bot stay what they are.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct KeyPatch {
    /// What it is called in lists.
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// The origins of pages that may use it; empty = those of its bot.
    #[schema(max_items = 50)]
    allowed_origins: Option<Vec<String>>,
    /// When it ends, in the future; an empty text = never.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Other rate limits than the usual ones; `{}` = the usual ones.
    rate_limits: Option<RateLimits>,
}

/// How a key is rotated.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct RotateIn {
    /// Seconds for which the secret that is replaced still opens the key; absent = none.
    #[schema(maximum = 604_800, default = 0)]
    grace_seconds: Option<u32>,
}

impl KeyIn {
    /// Name and scope, and everything else as changes of a key with defaults.
    pub(crate) fn parts(self) -> Result<(String, Scope, KeyPatch), Error> {
        let name = self.name.ok_or_else(|| Error::field("name", "is required"))?;
        let scope = self
            .scope
            .ok_or_else(|| Error::field("scope", "is required: full, app, widget or routine"))?;
        if self.expires_at.as_deref() == Some("") {
            return Err(Error::field(
                "expires_at",
                "must be a time, or absent for a key that does not end",
            ));
        }
        let rest = KeyPatch {
            name: Some(name.clone()),
            allowed_origins: self.allowed_origins,
            expires_at: self.expires_at,
            rate_limits: self.rate_limits,
        };
        Ok((name, scope, rest))
    }
}

impl KeyPatch {
    /// Checks everything that is stated.
    pub(crate) fn check(&self, now: Time) -> Result<(), Error> {
        if self.name.as_ref().is_some_and(|name| name.trim().is_empty()) {
            return Err(Error::field("name", "must not be blank"));
        }
        at_most("name", self.name.as_deref(), MAX_NAME)?;
        if let Some(origins) = &self.allowed_origins {
            origin::check(origins)?;
        }
        let expires = self.expires_at.as_deref().filter(|text| !text.is_empty());
        if let Some(text) = expires {
            let at = Time::parse(text)
                .ok_or_else(|| Error::field("expires_at", "must be a time like 2027-01-31T12:00:00Z"))?;
            if at <= now {
                return Err(Error::field("expires_at", "must be in the future"));
            }
        }
        self.rate_limits.as_ref().map_or(Ok(()), RateLimits::check)
    }

    /// Changes what is stated.
    pub(crate) fn apply(&self, key: &mut ApiKey) {
        if let Some(name) = &self.name {
            name.trim().clone_into(&mut key.name);
        }
        if let Some(origins) = &self.allowed_origins {
            key.allowed_origins.clone_from(origins);
        }
        if let Some(text) = &self.expires_at {
            key.expires = Time::parse(text);
        }
        if let Some(limits) = self.rate_limits {
            key.rate_limits = stated_limits(limits);
        }
    }
}

impl RotateIn {
    /// Seconds for which the secret that is replaced still opens the key.
    pub(crate) fn grace(&self) -> Result<u32, Error> {
        match self.grace_seconds.unwrap_or(0) {
            seconds if seconds > MAX_GRACE => {
                Err(Error::field("grace_seconds", format!("must be from 0 to {MAX_GRACE}")))
            }
            seconds => Ok(seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use shared::clock::Clock;

    fn refused(body: Value) -> String {
        let patch: KeyPatch = serde_json::from_value(body.clone()).unwrap();
        let Err(Error::Invalid { fields, .. }) = patch.check(Clock::default().now()) else {
            panic!("{body} is accepted")
        };
        fields.into_keys().next().unwrap()
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        assert_eq!(refused(json!({"name": ""})), "name");
        assert_eq!(refused(json!({"allowed_origins": ["*"]})), "allowed_origins");
        assert_eq!(refused(json!({"expires_at": "tomorrow"})), "expires_at");
        assert_eq!(refused(json!({"expires_at": "2020-01-01T00:00:00Z"})), "expires_at");
        assert_eq!(refused(json!({"rate_limits": {"cap": 0}})), "rate_limits.cap");
        let long = RotateIn {
            grace_seconds: Some(MAX_GRACE + 1),
        };
        assert!(long.grace().is_err() && RotateIn::default().grace().is_ok_and(|grace| grace == 0));
    }
}

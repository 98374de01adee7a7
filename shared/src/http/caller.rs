//! Who calls: the credential of a request, resolved once.

use axum::{extract::FromRequestParts, http::request::Parts};
use http::{HeaderMap, header};

use crate::{
    app::App,
    error::Error,
    ids::{BotId, TenantId},
    keys::{ApiKey, Scope, Secret},
};

/// A caller with a valid key.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The key.
    pub key: ApiKey,
}

impl Caller {
    /// The tenant that the caller acts for.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.key.tenant
    }

    /// The bot that answers when the request names none.
    #[must_use]
    pub fn bot(&self) -> &BotId {
        self.key.bot.as_ref().unwrap_or(&self.key.default_bot)
    }

    /// Whether something of that bot (`None` = of all bots) may be seen with this key.
    #[must_use]
    pub fn sees(&self, bot: Option<&BotId>) -> bool {
        self.key.bot.is_none() || self.key.bot.as_ref() == bot
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let secret = credential(&parts.headers)
            .and_then(Secret::parse)
            .ok_or(Error::Unauthorized)?;
        let key: Option<ApiKey> = app.table.get(&ApiKey::key(&secret.hash())).await?;
        let key = key
            .filter(|key| key.is_valid(app.clock.now()))
            .ok_or(Error::Unauthorized)?;
        Ok(Self { key })
    }
}

/// A caller whose key may do everything.
#[derive(Clone, Debug)]
pub struct FullCaller(pub Caller);

impl FromRequestParts<App> for FullCaller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let caller = Caller::from_request_parts(parts, app).await?;
        match caller.key.scope {
            Scope::Full => Ok(Self(caller)),
            Scope::App | Scope::Widget | Scope::Routine => Err(Error::Forbidden(
                "This key's scope does not allow this; use a key with scope full".to_owned(),
            )),
        }
    }
}

/// `Authorization: ApiKey sk_…` or `X-API-Key: sk_…`. A Bearer credential is no API key here.
fn credential(headers: &HeaderMap) -> Option<&str> {
    if let Some(authorization) = headers.get(header::AUTHORIZATION) {
        let (scheme, secret) = authorization.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("ApiKey").then(|| secret.trim());
    }
    headers.get("x-api-key")?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(
            http::HeaderName::from_static(name),
            http::HeaderValue::from_static(value),
        )])
    }

    #[test]
    fn a_key_is_read_from_either_header_but_never_as_bearer() {
        assert_eq!(credential(&with("authorization", "ApiKey sk_1")), Some("sk_1"));
        assert_eq!(credential(&with("authorization", "apikey  sk_1")), Some("sk_1"));
        assert_eq!(credential(&with("x-api-key", "sk_1")), Some("sk_1"));
        assert_eq!(credential(&with("authorization", "Bearer sk_1")), None);
        assert_eq!(credential(&with("authorization", "sk_1")), None);
        assert_eq!(credential(&HeaderMap::new()), None);
    }
}

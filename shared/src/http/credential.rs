//! Where a request's credential stands, and whose it is.

use std::{collections::HashMap, sync::Arc};

use axum::{extract::Query, http::request::Parts};
use http::{HeaderMap, header};
use lambda_http::{RequestExt, request::RequestContext};

use super::{
    caller::{Caller, Who},
    exchange::Exchange,
    origin,
};
use crate::{
    app::App,
    bots::{Bot, PublicToken},
    error::Error,
    keys::{Opened, Scope, Secret},
    members::Member,
    sessions::Session,
    telemetry, tokens,
};

/// `api_key` of a JSON body, found by the layer around the routes: the app dialect only.
#[derive(Clone)]
pub(super) struct BodyKey(pub(super) String);

/// What a request states.
enum Stated {
    /// An API key's secret, or a publishable token.
    Secret(Secret),
    /// A member's access token.
    Token(String),
}

/// The caller of a request, resolved on first use.
pub(super) async fn caller(parts: &mut Parts, app: &App) -> Result<Caller, Error> {
    if let Some(known) = parts.extensions.get::<Arc<Caller>>() {
        return Ok(Caller::clone(known));
    }
    let caller = resolve(parts, app).await?;
    parts.extensions.insert(Arc::new(caller.clone()));
    Ok(caller)
}

async fn resolve(parts: &Parts, app: &App) -> Result<Caller, Error> {
    let exchange = parts.extensions.get::<Exchange>().cloned().unwrap_or_default();
    let address = address(parts);
    let caller = match stated(parts).ok_or_else(Error::unauthorized)? {
        Stated::Secret(secret) if secret.is_publishable() => public(app, &secret, exchange, address).await?,
        Stated::Secret(secret) => key(app, &secret, exchange, address).await?,
        Stated::Token(token) => member(app, &token, exchange, address).await?,
    };
    telemetry::tenant(caller.tenant());
    telemetry::credential(caller.kind());
    admit_origin(&caller, &parts.headers)?;
    Ok(caller)
}

/// The address of the caller as API Gateway saw it; headers are not believed.
pub(super) fn address(parts: &Parts) -> String {
    let address = match parts.extensions.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => context.identity.source_ip.clone(),
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.clone(),
        _ => None,
    };
    crate::limits::address_name(&address.unwrap_or_default())
}

/// `Authorization` first, then `X-API-Key`, then what the app dialect and public pages put elsewhere.
fn stated(parts: &Parts) -> Option<Stated> {
    if let Some(authorization) = parts.headers.get(header::AUTHORIZATION) {
        let (scheme, value) = authorization.to_str().ok()?.split_once(' ')?;
        let value = value.trim();
        if scheme.eq_ignore_ascii_case("ApiKey") {
            return Secret::parse(value).map(Stated::Secret);
        }
        if !scheme.eq_ignore_ascii_case("Bearer") {
            return None;
        }
        return match Secret::parse(value) {
            Some(secret) if secret.is_publishable() || takes_bearer_keys(parts.uri.path()) => {
                Some(Stated::Secret(secret))
            }
            Some(_) => None,
            // A mistyped key is no token.
            None if value.starts_with("sk_") || value.starts_with("pk_") => None,
            None => Some(Stated::Token(value.to_owned())),
        };
    }
    if let Some(key) = parts.headers.get("x-api-key") {
        return Secret::parse(key.to_str().ok()?.trim()).map(Stated::Secret);
    }
    let parameters = Query::<HashMap<String, String>>::try_from_uri(&parts.uri);
    let parameters = parameters.map(|query| query.0).unwrap_or_default();
    let body = parts.extensions.get::<BodyKey>().map(|key| key.0.as_str());
    let in_app = body.or_else(|| {
        takes_key_as_parameter(parts.uri.path())
            .then(|| parameters.get("api_key").map(String::as_str))
            .flatten()
    });
    if let Some(key) = in_app {
        return Secret::parse(key).map(Stated::Secret);
    }
    let token = parameters.get("token").and_then(|token| Secret::parse(token))?;
    token.is_publishable().then_some(Stated::Secret(token))
}

/// Only clients of the app dialect, of OpenAI's and of MCP send keys as Bearer; elsewhere Bearer is a member's token.
fn takes_bearer_keys(path: &str) -> bool {
    takes_key_as_parameter(path) || path.starts_with("/v1/") || path == "/mcp"
}

/// The app dialect's paths.
pub(super) fn takes_key_as_parameter(path: &str) -> bool {
    matches!(path, "/api/v1/chat" | "/api/v1/usage" | "/api/v1/sessions")
}

async fn key(app: &App, secret: &Secret, exchange: Exchange, address: String) -> Result<Caller, Error> {
    let opened: Option<Opened> = app.table.get(&Opened::key(&secret.hash())).await?;
    let opened = opened
        .filter(|opened| opened.is_valid(app.clock.now()))
        .ok_or_else(Error::unauthorized)?;
    let key = opened.key;
    // What pages hold is bound by the bot's own list of origins as well.
    let bot = match (key.scope, &key.bot) {
        (Scope::Full | Scope::Routine, _) => None,
        (Scope::App | Scope::Widget, None) => return Err(Error::unauthorized()),
        (Scope::App | Scope::Widget, Some(bot)) => {
            let bot: Option<Bot> = app.table.get(&Bot::key(&key.tenant, bot)).await?;
            Some(Box::new(bot.ok_or_else(Error::unauthorized)?))
        }
    };
    Ok(Caller {
        tenant: key.tenant.clone(),
        default_bot: key.default_bot.clone(),
        who: Who::Key(Box::new(key)),
        bot,
        address,
        exchange,
    })
}

async fn public(app: &App, token: &Secret, exchange: Exchange, address: String) -> Result<Caller, Error> {
    let found: Option<PublicToken> = app.table.get(&PublicToken::key(&token.hash())).await?;
    let found = found.ok_or_else(Error::unauthorized)?;
    let bot: Option<Bot> = app.table.get(&Bot::key(&found.tenant, &found.bot)).await?;
    let bot = bot.ok_or_else(Error::unauthorized)?;
    Ok(Caller {
        tenant: found.tenant,
        default_bot: found.bot,
        who: Who::Public,
        bot: Some(Box::new(bot)),
        address,
        exchange,
    })
}

async fn member(app: &App, token: &str, exchange: Exchange, address: String) -> Result<Caller, Error> {
    let refused = Error::invalid_token;
    let claims = tokens::verify(app, token).await?.ok_or_else(refused)?;
    let keys = [
        Member::key(&claims.tenant, &claims.member),
        Session::key(&claims.tenant, &claims.member, &claims.session),
    ];
    let [member, session] = app.table.get_each(keys).await?;
    let (member, session) = member.zip(session).ok_or_else(refused)?;
    let (member, session) = (member.into::<Member>()?, session.into::<Session>()?);
    if session.is_over(&member, app.clock.now()) {
        return Err(refused());
    }
    Ok(Caller {
        tenant: claims.tenant,
        default_bot: member.default_bot.clone(),
        who: Who::Member(Box::new(member)),
        bot: None,
        address,
        exchange,
    })
}

/// A page's request must come from a listed origin; a page's credential with a list must come from a page.
fn admit_origin(caller: &Caller, headers: &HeaderMap) -> Result<(), Error> {
    let stated = headers
        .get(header::ORIGIN)
        .map(|origin| origin.to_str().unwrap_or_default());
    let of_key = match &caller.who {
        Who::Key(key) => key.allowed_origins.as_slice(),
        Who::Member(_) | Who::Public => &[],
    };
    let of_bot = caller.bot.as_ref().map_or(&[][..], |bot| &bot.allowed_origins);
    let allowed = |listed: &[String]| match stated {
        _ if listed.is_empty() => true,
        Some(origin) => origin::is_listed(origin, listed),
        // A full key's list is about browsers; servers send no origin.
        None => caller.bot.is_none(),
    };
    if !(allowed(of_key) && allowed(of_bot)) {
        return Err(Error::Forbidden {
            code: "origin_not_allowed",
            message: "This origin is not allowed here; list it in allowed_origins of the key or bot".to_owned(),
        });
    }
    if let Some(origin) = stated {
        caller.exchange.set_origin(origin);
    }
    Ok(())
}

//! Staying signed in, and signing out.

use axum::{Extension, Json, extract::State};
use http::StatusCode;
use serde::Deserialize;
use shared::{
    app::App,
    error::Error,
    http::{self as wire, Anonymous, SignedIn},
    members::Member,
    secrets::Secrets,
    sessions::{Refresh, RefreshToken, Session},
    store::{Transaction, TransactionError},
    tenants::Tenant,
};
use utoipa::ToSchema;

use crate::wire::{SignedInOut, UserOut};

/// A refresh token.
#[derive(Deserialize, ToSchema)]
pub(crate) struct RefreshIn {
    /// The token that signing in, or the last refresh, gave.
    #[schema(example = "rt_…")]
    refresh_token: String,
}

/// Refresh the tokens.
///
/// The next tokens. Each refresh token works once; one that comes back ends the whole session,
/// because somebody else may have it.
#[utoipa::path(
    post,
    path = "/api/v1/auth/refresh",
    tag = "auth",
    security(()),
    request_body = RefreshIn,
    responses((status = 200, description = "The next tokens", body = SignedInOut))
)]
pub(crate) async fn refresh_session(
    State(app): State<App>,
    Extension(secrets): Extension<Secrets>,
    anonymous: Anonymous,
    wire::Json(body): wire::Json<RefreshIn>,
) -> Result<Json<SignedInOut>, Error> {
    anonymous.limit(&app, None).await?;
    let now = app.clock.now();
    let refresh = found(&app, &body.refresh_token).await?.ok_or_else(refused)?;
    let (member, tenant, session) = of(&app, &refresh).await?.ok_or_else(refused)?;
    if refresh.until <= now || session.is_over(&member, now) {
        return Err(refused());
    }
    // Before the token is spent: without a key there would be nothing to give for it.
    let signing = secrets.signing_key(&app).await?;
    let (next, token) = session.refreshed(now);
    let mut transaction = Transaction::default();
    next.write_in(&mut transaction, Some(&refresh.hash))?;
    match app.table.transact(transaction).await {
        Ok(()) => {}
        Err(TransactionError::Condition(_)) => {
            tracing::warn!(session = %session.id, "a spent refresh token came back; the session ends");
            app.table.delete(&key(&refresh)).await?;
            return Err(refused());
        }
        Err(TransactionError::Other(error)) => return Err(error),
    }
    let user = UserOut::new(&member, &tenant);
    Ok(Json(SignedInOut::new(&app, &signing, &next, token, user)?))
}

/// Sign out.
///
/// Ends the session of a refresh token. 204 also when there is none any more.
#[utoipa::path(
    post,
    path = "/api/v1/auth/logout",
    tag = "auth",
    security(()),
    request_body = RefreshIn,
    responses((status = 204, description = "Signed out"))
)]
pub(crate) async fn logout_session(
    State(app): State<App>,
    anonymous: Anonymous,
    wire::Json(body): wire::Json<RefreshIn>,
) -> Result<StatusCode, Error> {
    anonymous.limit(&app, None).await?;
    if let Some(refresh) = found(&app, &body.refresh_token).await? {
        app.table.delete(&key(&refresh)).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Read who is signed in.
#[utoipa::path(
    get,
    path = "/api/v1/auth/me",
    tag = "auth",
    responses((status = 200, description = "Who is signed in", body = UserOut))
)]
pub(crate) async fn get_me(State(app): State<App>, SignedIn { member, .. }: SignedIn) -> Result<Json<UserOut>, Error> {
    let tenant: Option<Tenant> = app.table.get(&Tenant::key(&member.tenant)).await?;
    let tenant = tenant.ok_or_else(Error::invalid_token)?;
    Ok(Json(UserOut::new(&member, &tenant)))
}

fn refused() -> Error {
    Error::Unauthorized {
        code: "invalid_refresh_token",
        message: "This refresh token does not work (any more); sign in again",
    }
}

fn key(refresh: &Refresh) -> shared::store::Key {
    Session::key(&refresh.tenant, &refresh.member, &refresh.session)
}

async fn found(app: &App, stated: &str) -> Result<Option<Refresh>, Error> {
    match RefreshToken::parse(stated) {
        Some(token) => app.table.get(&Refresh::key(&token.hash())).await,
        None => Ok(None),
    }
}

/// The session of a token with its member and tenant; `None` when one of them is gone.
async fn of(app: &App, refresh: &Refresh) -> Result<Option<(Member, Tenant, Session)>, Error> {
    let keys = [
        Member::key(&refresh.tenant, &refresh.member),
        Tenant::key(&refresh.tenant),
        key(refresh),
    ];
    let [Some(member), Some(tenant), Some(session)] = app.table.get_each(keys).await? else {
        return Ok(None);
    };
    Ok(Some((member.into()?, tenant.into()?, session.into()?)))
}

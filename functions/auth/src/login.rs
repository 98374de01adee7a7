//! Signing in.

use axum::{Extension, Json, extract::State};
use serde::Deserialize;
use shared::{
    app::App,
    error::Error,
    http::{self as wire, Anonymous},
    logins::{self, Email, Login},
    members::Member,
    secrets::Secrets,
    sessions::Session,
    store::{Transaction, TransactionError},
    tenants::Tenant,
};
use utoipa::ToSchema;

use crate::{
    factor::{self, Stated},
    wire::{SignedInOut, UserOut},
};

/// What somebody signs in with.
#[derive(Deserialize, ToSchema)]
pub(crate) struct LoginIn {
    /// The e-mail address.
    #[schema(example = "ann@example.com")]
    email: String,
    /// The password.
    password: String,
    /// The second factor: the authenticator app's code of now.
    #[schema(example = "123456")]
    totp_code: Option<String>,
    /// Or one of the recovery codes.
    #[schema(example = "ABCDE-FGHIJ")]
    recovery_code: Option<String>,
}

/// The one answer to what does not open, whatever of it is wrong.
pub(crate) fn refused() -> Error {
    Error::Unauthorized {
        code: "invalid_credentials",
        message: "Wrong e-mail address, password or code",
    }
}

/// Sign in.
///
/// 401 `totp_required` when a second factor is due. An address that nobody signs in with takes as
/// long as a wrong password: one read and one hash.
#[utoipa::path(
    post,
    path = "/api/v1/auth/login",
    tag = "auth",
    security(()),
    request_body = LoginIn,
    responses((status = 200, description = "Signed in", body = SignedInOut))
)]
pub(crate) async fn login_member(
    State(app): State<App>,
    Extension(secrets): Extension<Secrets>,
    anonymous: Anonymous,
    wire::Json(body): wire::Json<LoginIn>,
) -> Result<Json<SignedInOut>, Error> {
    let email = Email::parse(&body.email)?;
    anonymous.limit(&app, Some(email.as_str())).await?;
    let login: Option<Login> = app.table.get(&Login::key(&email)).await?;
    let right = logins::verify(login.as_ref(), body.password).await?;
    let login = login.filter(|_| right).ok_or_else(refused)?;
    let mut transaction = Transaction::default();
    if login.factor().is_some() {
        let stated = match (&body.totp_code, &body.recovery_code) {
            (Some(code), _) => Stated::Totp(code),
            (None, Some(code)) => Stated::Recovery(code),
            (None, None) => return Err(totp_required()),
        };
        let right = factor::check(&app, &secrets, &login, stated)
            .await?
            .ok_or_else(refused)?;
        right.spend(&mut transaction, &login)?;
    } else {
        factor::unchanged(&mut transaction, &login)?;
    }
    let (member, tenant) = of(&app, &login).await?;
    let signing = secrets.signing_key(&app).await?;
    let (session, refresh) = Session::begin(&member, app.clock.now());
    session.write_in(&mut transaction, None)?;
    app.table.transact(transaction).await.map_err(|error| match error {
        // The password was changed or the code used at this very moment.
        TransactionError::Condition(_) => refused(),
        TransactionError::Other(error) => error,
    })?;
    let user = UserOut::new(&member, &tenant);
    Ok(Json(SignedInOut::new(&app, &signing, &session, refresh, user)?))
}

fn totp_required() -> Error {
    Error::Unauthorized {
        code: "totp_required",
        message: "A second factor is due: send totp_code or recovery_code, too",
    }
}

/// Whose login it is.
async fn of(app: &App, login: &Login) -> Result<(Member, Tenant), Error> {
    let keys = [Member::key(&login.tenant, &login.member), Tenant::key(&login.tenant)];
    let [member, tenant] = app.table.get_each(keys).await?;
    // An account that is being erased.
    let (member, tenant) = member.zip(tenant).ok_or_else(refused)?;
    Ok((member.into()?, tenant.into()?))
}

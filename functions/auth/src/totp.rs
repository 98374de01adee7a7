//! Turning the second factor on and off.

use axum::{Extension, Json, extract::State};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::{
    app::App,
    error::Error,
    http::{self as wire, Anonymous, SignedIn},
    logins::{self, Login, Totp},
    members::Member,
    secrets::Secrets,
    store::{Condition, Transaction, TransactionError, Update},
};
use utoipa::ToSchema;

use crate::{
    factor::{self, Stated},
    login::refused,
    qr,
};

/// What an authenticator app needs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TotpSetupOut {
    /// The secret in base32, to be typed.
    secret: String,
    /// The same as a URL.
    otpauth_url: String,
    /// The URL as a QR code: a PNG in base64.
    qr_png_base64: String,
}

/// A code.
#[derive(Deserialize, ToSchema)]
pub(crate) struct TotpVerifyIn {
    /// The authenticator app's code of now.
    #[schema(example = "123456")]
    code: String,
}

/// A second factor that is on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TotpVerifiedOut {
    /// Always `true`.
    enabled: bool,
    /// Ten codes for when the app is lost, each good once. Shown only now.
    recovery_codes: Vec<String>,
}

/// Both factors.
#[derive(Deserialize, ToSchema)]
pub(crate) struct TotpDeleteIn {
    /// The password.
    password: String,
    /// The authenticator app's code of now, or a recovery code.
    code: String,
}

/// Set up a second factor.
///
/// A secret for an authenticator app. It is asked for only after a first code was verified;
/// 409 `totp_enabled` when one is on.
#[utoipa::path(
    post,
    path = "/api/v1/auth/totp/setup",
    tag = "auth",
    responses((status = 200, description = "What an authenticator app needs", body = TotpSetupOut))
)]
pub(crate) async fn setup_totp(
    State(app): State<App>,
    Extension(secrets): Extension<Secrets>,
    SignedIn { member, .. }: SignedIn,
    anonymous: Anonymous,
) -> Result<Json<TotpSetupOut>, Error> {
    let login = counted(&app, &anonymous, &member).await?;
    let secret = factor::secret();
    let generator = factor::generator(secret.clone(), &member.email)?;
    let failed = |why: totp_rs::TotpError| Error::internal(why.to_string());
    let otpauth_url = generator.to_url().map_err(failed)?;
    let qr_png_base64 = STANDARD.encode(qr::png(&otpauth_url)?);
    let totp = Totp {
        sealed: secrets.sealing_key().await?.seal(member.id.as_str(), &secret)?,
        enabled: false,
        last_step: 0,
    };
    let unchanged = match &login.totp {
        Some(before) if before.enabled => return Err(already_on()),
        Some(before) => Condition::is("totp", before)?,
        None => Condition::Lacks("totp"),
    };
    let update = Update::at(Login::key(&login.email))
        .when(Condition::is("member", &login.member)?)
        .when(unchanged)
        .set("totp", &totp)?;
    if !app.table.update(update).await? {
        return Err(changed());
    }
    Ok(Json(TotpSetupOut {
        secret: generator.secret().to_base32(),
        otpauth_url,
        qr_png_base64,
    }))
}

/// Turn the second factor on.
///
/// Turns the second factor on, with the first code of the app.
#[utoipa::path(
    post,
    path = "/api/v1/auth/totp/verify",
    tag = "auth",
    request_body = TotpVerifyIn,
    responses((status = 200, description = "The second factor is on", body = TotpVerifiedOut))
)]
pub(crate) async fn verify_totp(
    State(app): State<App>,
    Extension(secrets): Extension<Secrets>,
    SignedIn { member, .. }: SignedIn,
    anonymous: Anonymous,
    wire::Json(body): wire::Json<TotpVerifyIn>,
) -> Result<Json<TotpVerifiedOut>, Error> {
    let login = counted(&app, &anonymous, &member).await?;
    let pending = match &login.totp {
        Some(totp) if totp.enabled => return Err(already_on()),
        Some(totp) => totp,
        None => {
            let message = "Set the second factor up first: POST /api/v1/auth/totp/setup";
            return Err(Error::conflict("totp_not_set_up", message));
        }
    };
    let secret = secrets.sealing_key().await?.open(member.id.as_str(), &pending.sealed)?;
    let generator = factor::generator(secret, &member.email)?;
    let step = factor::step(&generator, &body.code, app.clock.now()).ok_or_else(|| {
        Error::field(
            "code",
            "is not the code of now; check the clock of the device with the app",
        )
    })?;
    let enabled = Totp {
        enabled: true,
        last_step: step,
        ..pending.clone()
    };
    let (recovery_codes, recovery) = factor::recovery(&login);
    let update = Update::at(Login::key(&login.email))
        .when(Condition::is("totp", pending)?)
        .set("totp", &enabled)?
        .set("recovery", &recovery)?;
    let mut transaction = Transaction::default();
    transaction.update(update).update(told(&member, true)?);
    app.table.transact(transaction).await.map_err(or_changed)?;
    Ok(Json(TotpVerifiedOut {
        enabled: true,
        recovery_codes,
    }))
}

/// Turn the second factor off.
///
/// Turns the second factor off. 401 `invalid_credentials` when the password or the code is wrong.
#[utoipa::path(
    delete,
    path = "/api/v1/auth/totp",
    tag = "auth",
    request_body = TotpDeleteIn,
    responses((status = 204, description = "The second factor is off"))
)]
pub(crate) async fn delete_totp(
    State(app): State<App>,
    Extension(secrets): Extension<Secrets>,
    SignedIn { member, .. }: SignedIn,
    anonymous: Anonymous,
    wire::Json(body): wire::Json<TotpDeleteIn>,
) -> Result<StatusCode, Error> {
    let login = counted(&app, &anonymous, &member).await?;
    if login.factor().is_none() {
        return Err(Error::conflict("totp_not_enabled", "The second factor is not on"));
    }
    if !logins::verify(Some(&login), body.password).await? {
        return Err(refused());
    }
    let right = factor::check(&app, &secrets, &login, Stated::Any(&body.code)).await?;
    let mut transaction = Transaction::default();
    right.ok_or_else(refused)?.turn_off(&mut transaction, &login)?;
    transaction.update(told(&member, false)?);
    app.table.transact(transaction).await.map_err(|error| match error {
        TransactionError::Condition(_) => refused(),
        TransactionError::Other(error) => error,
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// The login of a member, whose guesses are counted like those of somebody who is not signed in.
async fn counted(app: &App, anonymous: &Anonymous, member: &Member) -> Result<Login, Error> {
    anonymous.limit(app, Some(&member.email)).await?;
    let login: Option<Login> = app.table.get(&Login::key(&factor::email(&member.email)?)).await?;
    login
        .filter(|login| login.member == member.id)
        .ok_or_else(Error::invalid_token)
}

/// The member's own row says whether a second factor is on.
fn told(member: &Member, enabled: bool) -> Result<Update, Error> {
    Update::at(Member::key(&member.tenant, &member.id))
        .when(Condition::Exists)
        .set("totp_enabled", &enabled)
}

fn already_on() -> Error {
    Error::conflict(
        "totp_enabled",
        "The second factor is on; turn it off before setting up another one",
    )
}

fn changed() -> Error {
    Error::from(TransactionError::Condition(0))
}

fn or_changed(error: TransactionError) -> Error {
    error.into()
}

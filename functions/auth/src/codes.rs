//! What a code from a mail is good for: proving an address, and choosing another password.

use axum::{Json, extract::State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::{
    app::App,
    codes::{self, Purpose},
    error::Error,
    events::Event,
    http::{self as wire, Anonymous},
    logins::{Email, Login, Password},
    members::Member,
    store::{Condition, Transaction, TransactionError, Update},
};
use utoipa::ToSchema;

/// An address to which a code is sent.
#[derive(Deserialize, ToSchema)]
pub(crate) struct EmailIn {
    /// The e-mail address.
    #[schema(example = "ann@example.com")]
    email: String,
}

/// A code, and whose it is.
#[derive(Deserialize, ToSchema)]
pub(crate) struct VerifyEmailIn {
    /// The e-mail address.
    #[schema(example = "ann@example.com")]
    email: String,
    /// The code from the mail.
    #[schema(example = "ABCD2345")]
    code: String,
}

/// A code, and the password that it lets somebody choose.
#[derive(Deserialize, ToSchema)]
pub(crate) struct ResetPasswordIn {
    /// The e-mail address.
    #[schema(example = "ann@example.com")]
    email: String,
    /// The code from the mail.
    #[schema(example = "ABCD2345")]
    code: String,
    /// The new password.
    #[schema(min_length = 8, max_length = 128)]
    password: String,
}

/// What happens next, whoever asked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AcceptedOut {
    /// A sentence.
    message: &'static str,
}

/// An address that was proved.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerifiedOut {
    /// Always `true`.
    email_verified: bool,
}

/// Ask for another password.
///
/// Sends a code for another password. 202 whether or not somebody signs in with the
/// address: the mail tells.
#[utoipa::path(
    post,
    path = "/api/v1/auth/forgot-password",
    tag = "auth",
    security(()),
    request_body = EmailIn,
    responses((status = 202, description = "A code is sent if the address has an account", body = AcceptedOut))
)]
pub(crate) async fn forgot_password(
    State(app): State<App>,
    anonymous: Anonymous,
    wire::Json(body): wire::Json<EmailIn>,
) -> Result<(StatusCode, Json<AcceptedOut>), Error> {
    request(&app, &anonymous, &body, Purpose::ResetPassword).await
}

/// Ask for another verification code.
///
/// Sends another code to prove an address, if that is still to be done. 202
/// whether or not it is.
#[utoipa::path(
    post,
    path = "/api/v1/auth/verify-email/resend",
    tag = "auth",
    security(()),
    request_body = EmailIn,
    responses((status = 202, description = "A code is sent if the address has an account and is not proved", body = AcceptedOut))
)]
pub(crate) async fn resend_verification(
    State(app): State<App>,
    anonymous: Anonymous,
    wire::Json(body): wire::Json<EmailIn>,
) -> Result<(StatusCode, Json<AcceptedOut>), Error> {
    request(&app, &anonymous, &body, Purpose::VerifyEmail).await
}

/// Writes the same event in any case: who it is about is found out behind the answer.
async fn request(
    app: &App,
    anonymous: &Anonymous,
    body: &EmailIn,
    purpose: Purpose,
) -> Result<(StatusCode, Json<AcceptedOut>), Error> {
    let email = Email::parse(&body.email)?;
    anonymous.limit(app, Some(email.as_str())).await?;
    let event = Event::code_requested(None, email, purpose, app.clock.now());
    app.table.put(&event).await?;
    let message = "If this address has an account, a code is on its way to it";
    Ok((StatusCode::ACCEPTED, Json(AcceptedOut { message })))
}

/// Set the password with a code.
///
/// Sets the password and ends every session of the account.
#[utoipa::path(
    post,
    path = "/api/v1/auth/reset-password",
    tag = "auth",
    security(()),
    request_body = ResetPasswordIn,
    responses((status = 204, description = "The password is changed and every session ended"))
)]
pub(crate) async fn reset_password(
    State(app): State<App>,
    anonymous: Anonymous,
    wire::Json(body): wire::Json<ResetPasswordIn>,
) -> Result<StatusCode, Error> {
    let email = Email::parse(&body.email)?;
    anonymous.limit(&app, Some(email.as_str())).await?;
    let password = Password::new(body.password, &email)?;
    let (login, right) = redeemed(&app, Purpose::ResetPassword, &email, &body.code).await?;
    let hash = password.hash().await?;
    // A session that begins in this very millisecond began before.
    let since = app.clock.now().plus(1);
    let mut transaction = Transaction::default();
    right.use_in(&mut transaction)?;
    transaction
        .update(
            Update::at(Login::key(&email))
                .when(Condition::is("member", &login.member)?)
                .set("hash", &hash)?,
        )
        // Whoever reads the mail of an address has proved it.
        .update(
            Update::at(Member::key(&login.tenant, &login.member))
                .when(Condition::Exists)
                .set("sessions_since", &since)?
                .set("email_verified", &true)?,
        );
    written(&app, transaction).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Prove an address with its code.
///
/// Proves an address with the code that was sent there.
#[utoipa::path(
    post,
    path = "/api/v1/auth/verify-email",
    tag = "auth",
    security(()),
    request_body = VerifyEmailIn,
    responses((status = 200, description = "The address is proved", body = VerifiedOut))
)]
pub(crate) async fn verify_email(
    State(app): State<App>,
    anonymous: Anonymous,
    wire::Json(body): wire::Json<VerifyEmailIn>,
) -> Result<Json<VerifiedOut>, Error> {
    let email = Email::parse(&body.email)?;
    anonymous.limit(&app, Some(email.as_str())).await?;
    let (login, right) = redeemed(&app, Purpose::VerifyEmail, &email, &body.code).await?;
    let mut transaction = Transaction::default();
    right.use_in(&mut transaction)?;
    transaction.update(
        Update::at(Member::key(&login.tenant, &login.member))
            .when(Condition::Exists)
            .set("email_verified", &true)?,
    );
    written(&app, transaction).await?;
    Ok(Json(VerifiedOut { email_verified: true }))
}

/// The login of an address whose code is right: the same three requests whoever it is.
async fn redeemed(app: &App, purpose: Purpose, email: &Email, code: &str) -> Result<(Login, codes::Right), Error> {
    let key = Login::key(email);
    let login = app.table.get::<Login>(&key);
    let (login, right) = futures::join!(login, codes::redeem(app, purpose, email, code));
    Ok((login?.ok_or_else(codes::refused)?, right?))
}

async fn written(app: &App, transaction: Transaction) -> Result<(), Error> {
    app.table.transact(transaction).await.map_err(|error| match error {
        // Used by another request at this very moment, or the account is being erased.
        TransactionError::Condition(_) => codes::refused(),
        TransactionError::Other(error) => error,
    })
}

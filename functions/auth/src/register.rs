//! Signing up.

use axum::{Extension, Json, extract::State};
use http::StatusCode;
use serde::Deserialize;
use shared::{
    accounts::{self, Account},
    app::App,
    codes::Purpose,
    error::Error,
    events::Event,
    http::{self as wire, Anonymous},
    logins::{Email, Password},
    secrets::Secrets,
    sessions::Session,
};
use utoipa::ToSchema;

use crate::wire::{SignedInOut, UserOut};

/// Somebody new.
#[derive(Deserialize, ToSchema)]
pub(crate) struct RegisterIn {
    /// What they will sign in with.
    #[schema(example = "ann@example.com", min_length = 3, max_length = 254)]
    email: String,
    /// Their password.
    #[schema(min_length = 8, max_length = 128)]
    password: String,
    /// What they are called.
    #[schema(example = "Ann", min_length = 1, max_length = 200)]
    name: String,
    /// What their organisation is called; their own name when absent.
    #[schema(max_length = 200)]
    organization: Option<String>,
}

/// Register.
///
/// Makes an organisation, its owner and a bot that answers, and sends a code to prove the
/// address. 403 `registration_closed` where the deployment's `Registration` is `invite`, 409 `email_exists`.
#[utoipa::path(
    post,
    path = "/api/v1/auth/register",
    tag = "auth",
    security(()),
    request_body = RegisterIn,
    responses((status = 201, description = "Registered and signed in", body = SignedInOut))
)]
pub(crate) async fn register_member(
    State(app): State<App>,
    Extension(secrets): Extension<Secrets>,
    anonymous: Anonymous,
    wire::Json(body): wire::Json<RegisterIn>,
) -> Result<(StatusCode, Json<SignedInOut>), Error> {
    anonymous.limit(&app, Some(&body.email)).await?;
    if !app.open_registration {
        return Err(Error::Forbidden {
            code: "registration_closed",
            message: "Registration is by invitation here; ask the owner of an organisation to invite you".to_owned(),
        });
    }
    let email = Email::parse(&body.email)?;
    let password = Password::new(body.password, &email)?;
    let name = accounts::name(&body.name, "name")?;
    let organization = body.organization.filter(|organization| !organization.trim().is_empty());
    let organization = accounts::name(organization.as_deref().unwrap_or(&name), "organization")?;
    let hash = password.hash().await?;
    let signing = secrets.signing_key(&app).await?;
    let now = app.clock.now();
    let account = Account::new(email.clone(), hash, name, &organization, now);
    let (session, refresh) = Session::begin(&account.owner, now);
    let mut transaction = account.create()?;
    session.write_in(&mut transaction, None)?;
    let tenant = &account.founded.tenant;
    transaction.create(&Event::code_requested(
        Some(&tenant.id),
        email,
        Purpose::VerifyEmail,
        now,
    ))?;
    app.table.transact(transaction).await.map_err(accounts::taken)?;
    let user = UserOut::new(&account.owner, tenant);
    let answer = SignedInOut::new(&app, &signing, &session, refresh, user)?;
    Ok((StatusCode::CREATED, Json(answer)))
}

//! What members see of themselves.

use serde::Serialize;
use shared::{
    app::App,
    clock::Time,
    error::Error,
    ids::{BotId, MemberId, TenantId},
    members::{Member, Role},
    sessions::{RefreshToken, Session},
    telemetry,
    tenants::Tenant,
    tokens::{self, Claims, SigningKey},
};
use utoipa::ToSchema;

/// A member who just signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignedInOut {
    /// Access token: send it as `Authorization: Bearer`.
    token: String,
    /// Gives the next tokens, once: `POST /api/v1/auth/refresh`. It ends 30 days after the last refresh.
    refresh_token: String,
    /// Seconds until the access token expires.
    #[schema(example = 900)]
    expires_in: u32,
    /// Who signed in.
    user: UserOut,
}

/// A member.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserOut {
    /// Their id.
    id: MemberId,
    /// What they sign in with, in lower case.
    #[schema(example = "ann@example.com")]
    email: String,
    /// What they are called.
    name: String,
    /// What they may do.
    role: Role,
    /// Whether they proved that the address is theirs.
    email_verified: bool,
    /// Whether a second factor is asked for.
    totp_enabled: bool,
    /// Where they belong.
    organization: OrganizationOut,
    /// The bot that answers when a request names none.
    default_bot_id: BotId,
    /// When they joined.
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
}

/// A tenant, as its members see it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrganizationOut {
    /// Its id.
    id: TenantId,
    /// What it is called.
    name: String,
}

impl UserOut {
    pub(crate) fn new(member: &Member, tenant: &Tenant) -> Self {
        Self {
            id: member.id.clone(),
            email: member.email.clone(),
            name: member.name.clone(),
            role: member.role,
            email_verified: member.email_verified,
            totp_enabled: member.totp_enabled,
            organization: OrganizationOut {
                id: tenant.id.clone(),
                name: tenant.name.clone(),
            },
            default_bot_id: member.default_bot.clone(),
            created_at: member.created_at,
        }
    }
}

impl SignedInOut {
    /// The tokens of a session that was written.
    pub(crate) fn new(
        app: &App,
        key: &SigningKey,
        session: &Session,
        refresh: RefreshToken,
        user: UserOut,
    ) -> Result<Self, Error> {
        telemetry::tenant(&session.tenant);
        let claims = Claims {
            tenant: session.tenant.clone(),
            member: session.member.clone(),
            session: session.id.clone(),
        };
        Ok(Self {
            token: key.sign(&claims, app.clock.now())?,
            refresh_token: refresh.reveal(),
            expires_in: tokens::LIFE,
            user,
        })
    }
}

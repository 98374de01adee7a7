//! Sign-ins of members. A session is a family of refresh tokens: each can be spent once, and gives the next one; a spent one
//! that comes back ends the family, because somebody else may have it.

use serde::{Deserialize, Serialize};

use crate::{
    clock::Time,
    ids::{MemberId, SessionId, TenantId},
    store::{Key, Partition, Row, sort},
};

/// A sign-in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// Its id, which access tokens carry.
    pub id: SessionId,
    /// The member's tenant.
    pub tenant: TenantId,
    /// Who signed in.
    pub member: MemberId,
    /// SHA-256 of the refresh token that can be spent next, in hex.
    pub refresh: String,
    /// When it ends unless it is refreshed.
    pub until: Time,
    /// When the member signed in.
    pub created_at: Time,
}

impl Session {
    /// The sort key's kind, for lists.
    pub const KIND: &'static str = "SESSION";

    /// Where a session lives.
    #[must_use]
    pub fn key(tenant: &TenantId, member: &MemberId, session: &SessionId) -> Key {
        Partition::tenant(tenant, &["M", member.as_str()]).at(sort(Self::KIND, &[session.as_str()]))
    }
}

impl Row for Session {
    fn key(&self) -> Key {
        Self::key(&self.tenant, &self.member, &self.id)
    }

    fn expires_at(&self) -> Option<i64> {
        Some(self.until.second())
    }
}

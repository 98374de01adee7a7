//! Sign-ins of members. A session is a family of refresh tokens: each can be spent once, and gives the next one; a spent one
//! that comes back ends the family, because somebody else may have it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    clock::Time,
    error::Error,
    ids::{MemberId, SessionId, TenantId},
    members::Member,
    store::{Condition, Key, Partition, Row, Transaction, sort},
};

/// Begins a refresh token.
const PREFIX: &str = "rt_";
/// Random bytes of one.
const BYTES: usize = 32;
/// How long a session lasts after it was last refreshed, in milliseconds.
const LIFE: i64 = 30 * 24 * 3_600_000;

/// A refresh token: `rt_` and 43 base64url characters. It is shown once; only its hash is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken(String);

impl RefreshToken {
    /// A fresh one.
    #[must_use]
    pub fn generate() -> Self {
        let random = URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; BYTES]>());
        Self(format!("{PREFIX}{random}"))
    }

    /// Reads one; `None` when its form is wrong.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let random = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        (random.len() == BYTES).then(|| Self(text.to_owned()))
    }

    /// SHA-256 of it, in hex. The token is random and long, so a plain hash is enough.
    #[must_use]
    pub fn hash(&self) -> String {
        hex::encode(Sha256::digest(&self.0))
    }

    /// The token itself, to be shown once.
    #[must_use]
    pub fn reveal(self) -> String {
        self.0
    }
}

impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefreshToken(rt_…)")
    }
}

/// How a refresh token leads to its session. It stays after it was spent, so that it is noticed when it comes back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Refresh {
    /// SHA-256 of the token, in hex.
    pub hash: String,
    /// The member's tenant.
    pub tenant: TenantId,
    /// Who signed in.
    pub member: MemberId,
    /// The sign-in.
    pub session: SessionId,
    /// When the token ends, spent or not.
    pub until: Time,
}

impl Refresh {
    /// Where the token with this hash lives. Global: the hash is how its tenant is found.
    #[must_use]
    pub fn key(hash: &str) -> Key {
        Partition::global("SECRET", &[hash]).at("REFRESH".to_owned())
    }
}

impl Row for Refresh {
    fn key(&self) -> Key {
        Self::key(&self.hash)
    }

    fn expires_at(&self) -> Option<i64> {
        Some(self.until.second())
    }
}

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

    /// A new sign-in of a member, and the token that refreshes it.
    #[must_use]
    pub fn begin(member: &Member, now: Time) -> (Self, RefreshToken) {
        let token = RefreshToken::generate();
        let session = Self {
            id: SessionId::new(),
            tenant: member.tenant.clone(),
            member: member.id.clone(),
            refresh: token.hash(),
            until: now.plus(LIFE),
            created_at: now,
        };
        (session, token)
    }

    /// The same sign-in after its token was spent, and the next token.
    #[must_use]
    pub fn refreshed(&self, now: Time) -> (Self, RefreshToken) {
        let token = RefreshToken::generate();
        let session = Self {
            refresh: token.hash(),
            until: now.plus(LIFE),
            ..self.clone()
        };
        (session, token)
    }

    /// Whether it has ended, by itself or because the member's sessions were ended.
    #[must_use]
    pub fn is_over(&self, member: &Member, now: Time) -> bool {
        self.until <= now || member.sessions_since.is_some_and(|since| self.created_at < since)
    }

    /// Adds it to a transaction, with its token; where it was refreshed only as long as `spent` is still the token's hash.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn write_in(&self, transaction: &mut Transaction, spent: Option<&str>) -> Result<(), Error> {
        let condition = match spent {
            Some(hash) => Condition::is("refresh", &hash)?,
            None => Condition::Absent,
        };
        let refresh = Refresh {
            hash: self.refresh.clone(),
            tenant: self.tenant.clone(),
            member: self.member.clone(),
            session: self.id.clone(),
            until: self.until,
        };
        transaction.put(self, vec![condition])?.create(&refresh)?;
        Ok(())
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_fresh_token_is_read_back_and_never_printed() {
        let token = RefreshToken::generate();
        let text = token.clone().reveal();
        assert_eq!(text.len(), 46);
        assert_eq!(RefreshToken::parse(&text), Some(token.clone()));
        assert!(!format!("{token:?}").contains(&text[3..]));
    }

    proptest! {
        #[test]
        fn any_text_is_refused(text in ".{0,60}") {
            prop_assert!(RefreshToken::parse(&text).is_none());
        }
    }
}

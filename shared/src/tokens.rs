//! Access tokens of members: JWTs, signed with Ed25519, that every function verifies with the public key of their `kid`.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    app::App,
    clock::Time,
    error::Error,
    ids::{MemberId, SessionId, TenantId},
    store::{Key, Partition, Row, Table},
};

/// How long an access token opens anything, in seconds.
pub const LIFE: u32 = 900;
/// Who issues them.
const ISSUER: &str = "docent";
/// Longer than any of ours, in bytes.
const MAX_BYTES: usize = 2_048;
/// Bytes of a public key's hash that name it.
const KID_BYTES: usize = 16;
/// How long a process trusts what it read of a public key, in milliseconds: so long a revoked key may live on.
const TRUSTED: i64 = 5 * 60 * 1000;
/// Public keys that a process remembers; in use are one or two.
const REMEMBERED: usize = 16;
/// How long the row of a key that ended is kept, in seconds, so that nobody who still holds the key puts it back.
const TOMBSTONE: i64 = 24 * 3600;

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The member's tenant.
    pub tenant: TenantId,
    /// Who signed in.
    pub member: MemberId,
    /// The sign-in.
    pub session: SessionId,
}

/// The claims as they are written.
#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    iss: String,
    sub: String,
    tenant: String,
    sid: String,
    iat: i64,
    exp: i64,
}

/// The key that signs, which only `auth` holds.
pub struct SigningKey {
    kid: String,
    key: EncodingKey,
    public: Vec<u8>,
}

/// [`SigningKey`] as it is stored.
#[derive(Serialize, Deserialize)]
struct StoredKey {
    kid: String,
    pkcs8: String,
}

impl SigningKey {
    /// A fresh key, and the text by which it is stored.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn generate() -> Result<(Self, String), Error> {
        let failed = |_| Error::internal("no signing key could be made");
        let pkcs8 = Ed25519KeyPair::generate()
            .and_then(|pair| pair.to_pkcs8v1())
            .map_err(failed)?;
        let key = Self::of(pkcs8.as_ref())?;
        let stored = StoredKey {
            kid: key.kid.clone(),
            pkcs8: STANDARD.encode(pkcs8.as_ref()),
        };
        Ok((key, serde_json::to_string(&stored).map_err(Error::internal)?))
    }

    /// Reads a stored key.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(stored: &str) -> Result<Self, Error> {
        let broken = || Error::internal("the signing key cannot be read");
        let stored: StoredKey = serde_json::from_str(stored).map_err(|_| broken())?;
        let pkcs8 = STANDARD.decode(&stored.pkcs8).map_err(|_| broken())?;
        Self::of(&pkcs8)
    }

    fn of(pkcs8: &[u8]) -> Result<Self, Error> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(Error::internal)?;
        let public = pair.public_key().as_ref().to_vec();
        Ok(Self {
            kid: hex::encode(&Sha256::digest(&public)[..KID_BYTES]),
            key: EncodingKey::from_ed_der(pkcs8),
            public,
        })
    }

    /// Its name in tokens: made of the public key's hash.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The row by which its tokens are verified.
    #[must_use]
    pub fn public_key(&self, now: Time) -> PublicKey {
        PublicKey {
            kid: self.kid.clone(),
            public: URL_SAFE_NO_PAD.encode(&self.public),
            until: None,
            created_at: now,
        }
    }

    /// An access token for [`LIFE`].
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn sign(&self, claims: &Claims, now: Time) -> Result<String, Error> {
        let header = Header {
            kid: Some(self.kid.clone()),
            ..Header::new(Algorithm::EdDSA)
        };
        let payload = Payload {
            iss: ISSUER.to_owned(),
            sub: claims.member.as_str().to_owned(),
            tenant: claims.tenant.as_str().to_owned(),
            sid: claims.session.as_str().to_owned(),
            iat: now.second(),
            exp: now.second() + i64::from(LIFE),
        };
        jsonwebtoken::encode(&header, &payload, &self.key).map_err(Error::internal)
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.kid)
    }
}

/// A key that verifies.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PublicKey {
    /// Its name in tokens.
    pub kid: String,
    /// The key, in base64url.
    pub public: String,
    /// When it ends, once another one signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// When it was made.
    pub created_at: Time,
}

impl PublicKey {
    /// Where the key of this name lives. Global: tokens are verified before their tenant is believed.
    #[must_use]
    pub fn key(kid: &str) -> Key {
        Partition::global("JWK", &[kid]).at("KEY".to_owned())
    }
}

impl Row for PublicKey {
    fn key(&self) -> Key {
        Self::key(&self.kid)
    }

    fn expires_at(&self) -> Option<i64> {
        self.until.map(|until| until.second() + TOMBSTONE)
    }
}

/// A public key as a process remembers it.
#[derive(Clone)]
struct Remembered {
    key: DecodingKey,
    until: Option<Time>,
    read: Time,
}

/// Public keys, read once in five minutes.
#[derive(Clone, Default)]
pub struct PublicKeys(Arc<Mutex<HashMap<String, Remembered>>>);

impl PublicKeys {
    async fn get(&self, table: &Table, kid: &str, now: Time) -> Result<Option<DecodingKey>, Error> {
        let fresh = |known: &Remembered| now < known.read.plus(TRUSTED) && known.until.is_none_or(|end| now < end);
        if let Some(known) = self.all().get(kid).filter(|known| fresh(known)) {
            return Ok(Some(known.key.clone()));
        }
        let found: Option<PublicKey> = table.get(&PublicKey::key(kid)).await?;
        let found = found.filter(|found| found.until.is_none_or(|end| now < end));
        let mut all = self.all();
        // A name that leads nowhere is not remembered: anybody can make up names.
        let Some(found) = found else {
            all.remove(kid);
            return Ok(None);
        };
        let key = DecodingKey::from_ed_components(&found.public).map_err(Error::internal)?;
        if all.len() >= REMEMBERED {
            all.clear();
        }
        let remembered = Remembered {
            key: key.clone(),
            until: found.until,
            read: now,
        };
        all.insert(kid.to_owned(), remembered);
        Ok(Some(key))
    }

    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<String, Remembered>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads an access token; `None` when it is malformed, not signed by a key of ours, or expired.
///
/// # Errors
/// When the table does not answer.
pub async fn verify(app: &App, token: &str) -> Result<Option<Claims>, Error> {
    let now = app.clock.now();
    let Some(kid) = kid(token) else { return Ok(None) };
    let Some(key) = app.public_keys.get(&app.table, &kid, now).await? else {
        return Ok(None);
    };
    Ok(read(token, &key, now))
}

/// The key's name in a token that may be one of ours.
fn kid(token: &str) -> Option<String> {
    if token.len() > MAX_BYTES {
        return None;
    }
    let header = jsonwebtoken::decode_header(token).ok()?;
    let kid = header.kid.filter(|_| header.alg == Algorithm::EdDSA)?;
    let named = kid.len() == 2 * KID_BYTES && kid.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    named.then_some(kid)
}

fn read(token: &str, key: &DecodingKey, now: Time) -> Option<Claims> {
    let mut expected = Validation::new(Algorithm::EdDSA);
    expected.set_required_spec_claims(&["iss", "exp", "sub"]);
    expected.set_issuer(&[ISSUER]);
    // By our own clock, to the second.
    expected.validate_exp = false;
    let said = jsonwebtoken::decode::<Payload>(token, key, &expected).ok()?.claims;
    if said.exp <= now.second() {
        return None;
    }
    Some(Claims {
        tenant: TenantId::parse(said.tenant)?,
        member: MemberId::parse(said.sub)?,
        session: SessionId::parse(said.sid)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn now() -> Time {
        Clock::fixed("2026-01-15T10:30:00Z".parse().unwrap()).now()
    }

    fn claims() -> Claims {
        Claims {
            tenant: TenantId::new(),
            member: MemberId::new(),
            session: SessionId::new(),
        }
    }

    fn public(key: &SigningKey) -> DecodingKey {
        DecodingKey::from_ed_components(&key.public_key(now()).public).unwrap()
    }

    fn encoded(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    #[test]
    fn a_token_is_read_until_it_expires_to_the_second() {
        let (key, stored) = SigningKey::generate().unwrap();
        let again = SigningKey::parse(&stored).unwrap();
        assert_eq!(again.kid(), key.kid());
        let claims = claims();
        let token = again.sign(&claims, now()).unwrap();
        assert_eq!(kid(&token).as_deref(), Some(key.kid()));
        let life = i64::from(LIFE) * 1000;
        assert_eq!(read(&token, &public(&key), now().plus(life - 1)), Some(claims));
        assert_eq!(read(&token, &public(&key), now().plus(life)), None);
        assert!(!format!("{again:?}").contains("pkcs8"));
    }

    #[test]
    fn other_keys_algorithms_and_issuers_are_refused() {
        let (key, _) = SigningKey::generate().unwrap();
        let (other, _) = SigningKey::generate().unwrap();
        let token = key.sign(&claims(), now()).unwrap();
        assert_eq!(read(&token, &public(&other), now()), None);
        let payload = token.split('.').nth(1).unwrap();
        let unsigned = format!("{}.{payload}.", encoded(&json!({"alg": "none", "kid": key.kid()})));
        assert!(kid(&unsigned).is_none() && read(&unsigned, &public(&key), now()).is_none());
        // The public key as the secret of a symmetric algorithm.
        let header = Header {
            kid: Some(key.kid().to_owned()),
            ..Header::new(Algorithm::HS256)
        };
        let body = json!({"iss": ISSUER, "sub": "m", "tenant": "t", "sid": "s", "iat": 0, "exp": i64::MAX});
        let forged = jsonwebtoken::encode(&header, &body, &EncodingKey::from_secret(&key.public)).unwrap();
        assert!(kid(&forged).is_none() && read(&forged, &public(&key), now()).is_none());
        let mut body = body;
        body["iss"] = json!("somebody");
        let header = Header::new(Algorithm::EdDSA);
        let foreign = jsonwebtoken::encode(&header, &body, &key.key).unwrap();
        assert!(read(&foreign, &public(&key), now()).is_none());
    }

    proptest! {
        #[test]
        fn any_text_is_refused(text in "[ -~]{0,200}") {
            let (key, _) = SigningKey::generate().unwrap();
            prop_assert!(kid(&text).is_none() || read(&text, &public(&key), now()).is_none());
        }

        #[test]
        fn a_changed_token_is_refused(at in any::<usize>(), to in "[A-Za-z0-9_-]") {
            let (key, _) = SigningKey::generate().unwrap();
            let claims = claims();
            let token = key.sign(&claims, now()).unwrap();
            let at = at % token.len();
            let mut changed = token.clone();
            changed.replace_range(at..=at, &to);
            let read = read(&changed, &public(&key), now());
            prop_assert!(read.is_none() || changed == token);
        }
    }
}

//! API keys: their format, their scopes, and how a secret is looked up.

use rand::RngExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    clock::Time,
    ids::{BotId, KeyId, TenantId},
    store::{Key, Partition, Row},
};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PREFIX: &str = "sk_";
const RANDOM_CHARS: usize = 40;
const CHECKSUM_CHARS: usize = 6;

/// A key's secret, `sk_` + 40 random base62 characters + 6 characters of checksum (CRC-32 in base62), so that a mistyped
/// one is refused without a read. It is shown once and never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A fresh secret with 238 bits of randomness.
    #[must_use]
    pub fn generate() -> Self {
        let mut rng = rand::rng();
        let random: String = (0..RANDOM_CHARS)
            .map(|_| char::from(BASE62[rng.random_range(0..BASE62.len())]))
            .collect();
        Self(format!("{PREFIX}{random}{}", checksum(&random)))
    }

    /// Reads a secret; `None` when its form or checksum is wrong.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let body = text.strip_prefix(PREFIX)?;
        let well_formed =
            body.len() == RANDOM_CHARS + CHECKSUM_CHARS && body.bytes().all(|b| b.is_ascii_alphanumeric());
        if !well_formed {
            return None;
        }
        let (random, sum) = body.split_at(RANDOM_CHARS);
        (checksum(random) == sum).then(|| Self(text.to_owned()))
    }

    /// What is stored instead: the SHA-256, in hex. The secret is random and long, so a plain hash is enough.
    #[must_use]
    pub fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_bytes()))
    }

    /// The secret itself, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(sk_…)")
    }
}

fn checksum(random: &str) -> String {
    let mut rest = crc32fast::hash(random.as_bytes()) as usize;
    let mut digits = [b'0'; CHECKSUM_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[rest % BASE62.len()];
        rest /= BASE62.len();
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everything of its tenant (or of its bot, when bound to one).
    Full,
    /// Its bot's chat, usage and sessions.
    App,
    /// Its bot's widget endpoints.
    Widget,
    /// Running its bot's routines.
    Routine,
}

/// An API key, found by the hash of its secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ApiKey {
    /// SHA-256 of the secret, in hex.
    pub hash: String,
    /// The key's id.
    pub id: KeyId,
    /// Whose key it is.
    pub tenant: TenantId,
    /// What its maker called it.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// The only bot that it sees, when it is bound to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot: Option<BotId>,
    /// The bot that answers when nothing names one: the tenant's default, copied here to save a read.
    pub default_bot: BotId,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Time>,
    /// When it was made.
    pub created_at: Time,
}

impl ApiKey {
    /// Where the key with this hash lives. Global: the hash is how its tenant is found.
    #[must_use]
    pub fn key(hash: &str) -> Key {
        Partition::global("SECRET", &[hash]).at("KEY".to_owned())
    }

    /// Whether the key still opens anything.
    #[must_use]
    pub fn is_valid(&self, now: Time) -> bool {
        self.expires.is_none_or(|end| now < end)
    }
}

impl Row for ApiKey {
    fn key(&self) -> Key {
        Self::key(&self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_fresh_secret_is_well_formed_and_never_printed() {
        let secret = Secret::generate();
        assert_eq!(secret.reveal().len(), 49);
        assert_eq!(Secret::parse(secret.reveal()), Some(secret.clone()));
        assert!(!format!("{secret:?}").contains(&secret.reveal()[3..]));
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in ".{0,60}") {
            prop_assert!(Secret::parse(&text).is_none());
        }

        #[test]
        fn one_wrong_character_is_noticed(at in 3usize..49, to in "[0-9A-Za-z]") {
            let secret = Secret::generate();
            let mut text = secret.reveal().to_owned();
            text.replace_range(at..=at, &to);
            prop_assert_eq!(Secret::parse(&text).is_some(), text == secret.reveal());
        }
    }
}

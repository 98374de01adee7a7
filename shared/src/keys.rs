//! API keys: their format, their scopes, and how a secret is looked up.

use rand::RngExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::{
    clock::Time,
    error::Error,
    ids::{BotId, KeyId, TenantId},
    limits::RateLimits,
    store::{Condition, Key, Partition, Query, Row, Table, Transaction, sort},
};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Begins the secret of an API key.
const SECRET_PREFIX: &str = "sk_";
/// Begins a publishable token.
const PUBLIC_PREFIX: &str = "pk_";
const RANDOM_CHARS: usize = 40;
const CHECKSUM_CHARS: usize = 6;

/// A key's secret (`sk_`) or a bot's publishable token (`pk_`): the prefix, 40 random base62 characters and 6 characters of
/// checksum (CRC-32 in base62), so that a mistyped one is refused without a read. A secret is shown once and never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A fresh secret with 238 bits of randomness.
    #[must_use]
    pub fn generate() -> Self {
        Self::with_prefix(SECRET_PREFIX)
    }

    /// A fresh publishable token.
    #[must_use]
    pub fn publishable() -> Self {
        Self::with_prefix(PUBLIC_PREFIX)
    }

    fn with_prefix(prefix: &str) -> Self {
        let random = random_text();
        Self(format!("{prefix}{random}{}", checksum(&random)))
    }

    /// Reads a secret; `None` when its form or checksum is wrong.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let body = text
            .strip_prefix(SECRET_PREFIX)
            .or_else(|| text.strip_prefix(PUBLIC_PREFIX))?;
        let well_formed =
            body.len() == RANDOM_CHARS + CHECKSUM_CHARS && body.bytes().all(|b| b.is_ascii_alphanumeric());
        if !well_formed {
            return None;
        }
        let (random, sum) = body.split_at(RANDOM_CHARS);
        (checksum(random) == sum).then(|| Self(text.to_owned()))
    }

    /// Whether it is a publishable token.
    #[must_use]
    pub fn is_publishable(&self) -> bool {
        self.0.starts_with(PUBLIC_PREFIX)
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

/// 40 random base62 characters: 238 bits.
#[must_use]
pub fn random_text() -> String {
    let mut rng = rand::rng();
    let mut character = || char::from(BASE62[rng.random_range(0..BASE62.len())]);
    (0..RANDOM_CHARS).map(|_| character()).collect()
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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

/// An API key, as its tenant sees it in lists. A copy of it lies where its secret is looked up: [`Opened`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ApiKey {
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
    /// The origins of pages that may use it; empty = any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_origins: Vec<String>,
    /// Other rate limits than the usual ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limits: Option<RateLimits>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Time>,
    /// SHA-256 of the secret, in hex.
    pub hash: String,
    /// The secret before the last rotation, as long as it still opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
    /// The first characters of the secret, so that people recognise it.
    pub prefix: String,
    /// Counts its changes, so that of two at once none brings back what the other removed.
    #[serde(default)]
    pub revision: u32,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// A secret that was replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// Its SHA-256, in hex.
    pub hash: String,
    /// Until when it still opens.
    pub until: Time,
}

impl ApiKey {
    /// The sort key's kind, for lists.
    pub const KIND: &'static str = "KEY";
    /// Characters of a secret that lists show.
    const PREFIX_CHARS: usize = 10;

    /// A key that `secret` opens, bound to no bot, without limits of its own.
    #[must_use]
    pub fn new(tenant: &TenantId, default_bot: &BotId, name: &str, scope: Scope, secret: &Secret, now: Time) -> Self {
        Self {
            id: KeyId::new(),
            tenant: tenant.clone(),
            name: name.to_owned(),
            scope,
            bot: None,
            default_bot: default_bot.clone(),
            allowed_origins: Vec::new(),
            rate_limits: None,
            expires: None,
            hash: secret.hash(),
            previous: None,
            prefix: Self::prefix_of(secret),
            revision: 0,
            created_at: now,
            updated_at: now,
        }
    }

    fn prefix_of(secret: &Secret) -> String {
        secret.reveal().chars().take(Self::PREFIX_CHARS).collect()
    }

    /// This key with `secret` instead of its own, which still opens it for `grace` seconds. One that was in its grace time
    /// already opens nothing any more.
    #[must_use]
    pub fn rotated(self, secret: &Secret, grace: u32, now: Time) -> Self {
        let previous = (grace > 0).then(|| Previous {
            hash: self.hash.clone(),
            until: now.plus(i64::from(grace) * 1000),
        });
        Self {
            hash: secret.hash(),
            prefix: Self::prefix_of(secret),
            previous,
            ..self
        }
    }

    /// Until when the secret before the last rotation opens it, as long as it does.
    #[must_use]
    pub fn previous_until(&self, now: Time) -> Option<Time> {
        let until = self.previous.as_ref()?.until;
        let until = self.expires.map_or(until, |end| end.min(until));
        (now < until).then_some(until)
    }

    /// Where the key with this id lives.
    #[must_use]
    pub fn key(tenant: &TenantId, id: &KeyId) -> Key {
        Partition::tenant(tenant, &[]).at(sort(Self::KIND, &[id.as_str()]))
    }

    /// Adds a new key to a transaction.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn create_in(&self, transaction: &mut Transaction) -> Result<(), Error> {
        transaction.create(self)?;
        for opened in self.opened() {
            transaction.create(&opened)?;
        }
        Ok(())
    }

    /// Adds this key, changed, to a transaction in place of what it was: its secrets open what it is now, and those that it
    /// no longer has open nothing. The transaction fails when somebody else changed or deleted it meanwhile.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn replace_in(&self, before: &Self, transaction: &mut Transaction) -> Result<(), Error> {
        let after = Self {
            revision: before.revision + 1,
            ..self.clone()
        };
        transaction.put(&after, vec![before.unchanged()?])?;
        let opened = after.opened();
        for gone in before.opened() {
            if !opened.iter().any(|kept| kept.secret == gone.secret) {
                transaction.delete(Row::key(&gone), Vec::new());
            }
        }
        for opened in &opened {
            transaction.put(opened, Vec::new())?;
        }
        Ok(())
    }

    /// Adds the end of this key and of its secrets to a transaction, which fails when somebody else changed or deleted it
    /// meanwhile.
    ///
    /// # Errors
    /// When the condition cannot be written.
    pub fn delete_in(&self, transaction: &mut Transaction) -> Result<(), Error> {
        transaction.delete(Row::key(self), vec![self.unchanged()?]);
        for opened in self.opened() {
            transaction.delete(Row::key(&opened), Vec::new());
        }
        Ok(())
    }

    fn unchanged(&self) -> Result<Condition, Error> {
        Condition::is("revision", &self.revision)
    }

    /// The rows by which its secrets are found: whatever changes the key changes them in the same transaction.
    #[must_use]
    pub fn opened(&self) -> Vec<Opened> {
        let current = Opened {
            secret: self.hash.clone(),
            until: self.expires,
            key: self.clone(),
        };
        let previous = self.previous.as_ref().map(|previous| Opened {
            secret: previous.hash.clone(),
            until: Some(self.expires.map_or(previous.until, |end| end.min(previous.until))),
            key: self.clone(),
        });
        std::iter::once(current).chain(previous).collect()
    }
}

/// The keys that are bound to a bot.
///
/// # Errors
/// When the table does not answer.
pub async fn of_bot(table: &Table, tenant: &TenantId, bot: &BotId) -> Result<Vec<ApiKey>, Error> {
    let mut query = Query::newest(Partition::tenant(tenant, &[]), ApiKey::KIND);
    query.filter.push(Condition::is("bot", bot)?);
    let mut keys = Vec::new();
    let mut pages = table.pages(query);
    while let Some(page) = pages.next::<ApiKey>().await? {
        keys.extend(page);
    }
    Ok(keys)
}

impl Row for ApiKey {
    fn key(&self) -> Key {
        Self::key(&self.tenant, &self.id)
    }
}

/// What a secret opens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Opened {
    /// SHA-256 of the secret, in hex.
    pub secret: String,
    /// When this secret stops to open it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// The key.
    pub key: ApiKey,
}

impl Opened {
    /// Where the secret with this hash lives. Global: the hash is how its tenant is found.
    #[must_use]
    pub fn key(hash: &str) -> Key {
        Partition::global("SECRET", &[hash]).at("KEY".to_owned())
    }

    /// Whether the secret still opens anything.
    #[must_use]
    pub fn is_valid(&self, now: Time) -> bool {
        self.until.is_none_or(|end| now < end)
    }
}

impl Row for Opened {
    fn key(&self) -> Key {
        Self::key(&self.secret)
    }

    fn expires_at(&self) -> Option<i64> {
        // A second later than it opens nothing, because the expiry is in whole seconds.
        self.until.map(|end| end.second() + 1)
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

    #[test]
    fn a_rotated_key_opens_by_its_last_secret_and_for_a_while_by_the_one_before() {
        let now = crate::clock::Clock::default().now();
        let secrets: Vec<Secret> = (0..3).map(|_| Secret::generate()).collect();
        let key = ApiKey::new(&TenantId::new(), &BotId::new(), "k", Scope::Full, &secrets[0], now);
        let once = key.rotated(&secrets[1], 60, now);
        let hashes = |key: &ApiKey| key.opened().into_iter().map(|opened| opened.secret).collect::<Vec<_>>();
        assert_eq!(hashes(&once), [secrets[1].hash(), secrets[0].hash()]);
        assert_eq!(once.previous_until(now), Some(now.plus(60_000)));
        assert_eq!(once.previous_until(now.plus(60_000)), None);
        let twice = once.rotated(&secrets[2], 60, now);
        assert_eq!(hashes(&twice), [secrets[2].hash(), secrets[1].hash()]);
        assert_eq!(hashes(&twice.rotated(&secrets[0], 0, now)), [secrets[0].hash()]);
    }

    #[test]
    fn a_replaced_secret_does_not_outlive_its_key() {
        let now = crate::clock::Clock::default().now();
        let (old, new) = (Secret::generate(), Secret::generate());
        let mut key = ApiKey::new(&TenantId::new(), &BotId::new(), "k", Scope::Full, &old, now).rotated(&new, 600, now);
        key.expires = Some(now.plus(5_000));
        assert_eq!(key.previous_until(now), key.expires);
        assert!(key.opened().iter().all(|opened| opened.until == key.expires));
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

//! Secrets at rest: AES-256-GCM under a key that only few functions may read. What is sealed opens for its owner only.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use rand::RngExt;

use crate::error::Error;

/// Begins what is sealed, so that another way of sealing can be told apart.
const VERSION: &str = "1:";
/// Bytes of a key.
const KEY: usize = 32;

/// The key.
pub struct SealingKey(RandomizedNonceKey);

impl SealingKey {
    /// A fresh key, as it is stored.
    #[must_use]
    pub fn generate() -> String {
        STANDARD_NO_PAD.encode(rand::rng().random::<[u8; KEY]>())
    }

    /// Reads a stored key.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(stored: &str) -> Result<Self, Error> {
        let broken = || Error::internal("the sealing key is not 32 bytes in base64");
        let bytes = STANDARD_NO_PAD
            .decode(stored.trim().trim_end_matches('='))
            .map_err(|_| broken())?;
        let key = RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| broken())?;
        Ok(Self(key))
    }

    /// Seals a secret for `owner`.
    ///
    /// # Errors
    /// When the cipher fails.
    pub fn seal(&self, owner: &str, secret: &[u8]) -> Result<String, Error> {
        let mut sealed = secret.to_vec();
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(owner), &mut sealed)
            .map_err(|_| Error::internal("a secret could not be sealed"))?;
        let mut bytes = nonce.as_ref().to_vec();
        bytes.append(&mut sealed);
        Ok(format!("{VERSION}{}", STANDARD_NO_PAD.encode(bytes)))
    }

    /// Opens what was sealed for `owner`.
    ///
    /// # Errors
    /// When it was not, or not with this key, or was changed since.
    pub fn open(&self, owner: &str, sealed: &str) -> Result<Vec<u8>, Error> {
        let broken = || Error::internal("a sealed secret does not open");
        let bytes = sealed
            .strip_prefix(VERSION)
            .and_then(|text| STANDARD_NO_PAD.decode(text).ok())
            .ok_or_else(broken)?;
        let (nonce, rest) = bytes.split_at_checked(NONCE_LEN).ok_or_else(broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| broken())?;
        let mut rest = rest.to_vec();
        let opened = self
            .0
            .open_in_place(nonce, Aad::from(owner), &mut rest)
            .map_err(|_| broken())?;
        Ok(opened.to_vec())
    }
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_secret_opens_for_its_owner_with_its_key_unchanged(
            secret in proptest::collection::vec(any::<u8>(), 0..64),
            owner in "[a-z]{1,8}",
            other in "[a-z]{1,8}",
            at in any::<usize>(),
        ) {
            let key = SealingKey::parse(&SealingKey::generate()).unwrap();
            let sealed = key.seal(&owner, &secret).unwrap();
            prop_assert_eq!(key.open(&owner, &sealed).unwrap(), secret.clone());
            prop_assert_ne!(key.seal(&owner, &secret).unwrap(), sealed.clone());
            prop_assert_eq!(key.open(&other, &sealed).is_ok(), other == owner);
            let stranger = SealingKey::parse(&SealingKey::generate()).unwrap();
            prop_assert!(stranger.open(&owner, &sealed).is_err());
            let mut bytes = STANDARD_NO_PAD.decode(&sealed[VERSION.len()..]).unwrap();
            let at = at % bytes.len();
            bytes[at] ^= 1;
            let changed = format!("{VERSION}{}", STANDARD_NO_PAD.encode(bytes));
            prop_assert!(key.open(&owner, &changed).is_err());
        }

        #[test]
        fn any_text_is_refused(text in ".{0,60}") {
            let key = SealingKey::parse(&SealingKey::generate()).unwrap();
            prop_assert!(key.open("a", &text).is_err());
        }
    }
}

//! Signatures of *Standard Webhooks* 1.0.0 (<https://github.com/standard-webhooks/standard-webhooks>): HMAC-SHA256 over
//! `id.timestamp.body`, the secret written as `whsec_` and base64.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use rand::RngExt;

/// Begins a secret in text.
const PREFIX: &str = "whsec_";
/// Lengths of a secret in bytes that the specification recommends.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The secret that a webhook's deliveries are signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Vec<u8>);

/// Why a text is no secret.
#[derive(Debug, thiserror::Error)]
#[error("must be whsec_ and the base64 of 24 to 64 bytes, or absent for a fresh one")]
pub struct BadSecret;

impl SigningSecret {
    /// A fresh secret of 32 bytes.
    #[must_use]
    pub fn generate() -> Self {
        Self(rand::rng().random::<[u8; 32]>().to_vec())
    }

    /// Reads a secret that somebody states, with or without its prefix.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, BadSecret> {
        let encoded = text.strip_prefix(PREFIX).unwrap_or(text);
        let bytes = STANDARD.decode(encoded).map_err(|_| BadSecret)?;
        Self::from_bytes(bytes)
    }

    /// A secret of these bytes.
    ///
    /// # Errors
    /// When there are too few or too many.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, BadSecret> {
        match BYTES.contains(&bytes.len()) {
            true => Ok(Self(bytes)),
            false => Err(BadSecret),
        }
    }

    /// Its bytes, to be sealed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The secret in text, as its owner sees it once.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// The signature of one attempt; `timestamp` in seconds since 1970.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        let mut signed = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.0));
        signed.update(format!("{id}.{timestamp}.").as_bytes());
        signed.update(body.as_bytes());
        format!("v1,{}", STANDARD.encode(signed.sign()))
    }
}

impl std::fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("whsec_…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector that the specification's own libraries test with.
    #[test]
    fn the_published_vector_is_signed_as_published() {
        let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_is_read_as_it_is_shown_and_nothing_else_is_one() {
        let secret = SigningSecret::generate();
        assert_eq!(SigningSecret::parse(&secret.reveal()).unwrap(), secret);
        let bare = secret.reveal().replace(PREFIX, "");
        assert_eq!(SigningSecret::parse(&bare).unwrap(), secret);
        let of = |bytes: usize| format!("{PREFIX}{}", STANDARD.encode(vec![7; bytes]));
        assert!(SigningSecret::parse(&of(24)).is_ok() && SigningSecret::parse(&of(64)).is_ok());
        for bad in [
            of(23),
            of(65),
            "whsec_".to_owned(),
            "whsec_äöü".to_owned(),
            "secret".to_owned(),
        ] {
            assert!(SigningSecret::parse(&bad).is_err(), "{bad}");
        }
        assert_eq!(format!("{secret:?}"), "whsec_…");
    }
}

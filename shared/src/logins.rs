//! What members sign in with: an e-mail address, a password, and a second factor where they turned one on.

use std::sync::OnceLock;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc},
};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    ids::{MemberId, TenantId},
    store::{Key, Partition, Row},
};

/// Lengths of an address, in characters (RFC 5321 allows no longer path).
const EMAIL_CHARS: std::ops::RangeInclusive<usize> = 3..=254;
/// Lengths of a password, in characters.
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=128;
/// Memory in KiB, passes and lanes of argon2id: the OWASP Password Storage Cheat Sheet's first choice below 46 MiB.
const ARGON2: (u32, u32, u32) = (19_456, 2, 1);

/// An e-mail address as an identity: without spaces around it, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// Reads an address; whether anybody reads mail there only a code can tell.
    ///
    /// # Errors
    /// 400 naming `email`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let email = text.trim().to_lowercase();
        let well_formed = match email.split_once('@') {
            Some((local, domain)) => is_local_part(local) && is_domain(domain),
            None => false,
        };
        if well_formed && EMAIL_CHARS.contains(&email.chars().count()) {
            Ok(Self(email))
        } else {
            Err(Error::field("email", "must be an e-mail address like ann@example.com"))
        }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What stands before the `@`. Characters that mail headers and lists give a meaning are refused, also in quotes.
fn is_local_part(text: &str) -> bool {
    !text.is_empty()
        && !text
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || "()<>[]:;,\\\"@".contains(c))
}

fn is_domain(text: &str) -> bool {
    is_local_part(text) && text.split('.').all(|label| !label.is_empty())
}

/// A password that somebody chooses.
pub struct Password(String);

impl Password {
    /// Checks a new password.
    ///
    /// # Errors
    /// 400 naming `password`.
    pub fn new(text: String, email: &Email) -> Result<Self, Error> {
        if !PASSWORD_CHARS.contains(&text.chars().count()) {
            let (least, most) = (PASSWORD_CHARS.start(), PASSWORD_CHARS.end());
            return Err(Error::field(
                "password",
                format!("must have {least} to {most} characters"),
            ));
        }
        if text.trim().to_lowercase() == email.as_str() {
            return Err(Error::field("password", "must not be the e-mail address"));
        }
        Ok(Self(text))
    }

    /// What is stored of it: argon2id with a fresh salt, as a PHC string. Takes tens of milliseconds on a thread of its own.
    ///
    /// # Errors
    /// When the hash cannot be made.
    pub async fn hash(self) -> Result<String, Error> {
        on_a_thread(move || hash(&self.0)).await?
    }
}

fn argon2() -> Result<Argon2<'static>, Error> {
    let (memory, passes, lanes) = ARGON2;
    let parameters = Params::new(memory, passes, lanes, None).map_err(|why| Error::internal(why.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters))
}

fn hash(password: &str) -> Result<String, Error> {
    let hashed = argon2()?.hash_password(password.as_bytes());
    hashed
        .map(|hash| hash.to_string())
        .map_err(|why| Error::internal(why.to_string()))
}

/// The hash of a password that nobody has.
fn nobodys() -> Result<&'static str, Error> {
    static NOBODYS: OnceLock<String> = OnceLock::new();
    if let Some(known) = NOBODYS.get() {
        return Ok(known);
    }
    let made = hash(&hex::encode(rand::rng().random::<[u8; 32]>()))?;
    Ok(NOBODYS.get_or_init(|| made))
}

/// Whether `password` is the one of `login`. Without a login it is not, and to find that out takes as long.
///
/// # Errors
/// When the stored hash cannot be read.
pub async fn verify(login: Option<&Login>, password: String) -> Result<bool, Error> {
    let stored = login.map(|login| login.hash.clone());
    let right = on_a_thread(move || {
        // Asked for in either case: the first to ask waits until it is made.
        let nobodys = nobodys()?;
        let stored = phc::PasswordHash::new(stored.as_deref().unwrap_or(nobodys));
        let stored = stored.map_err(|why| Error::internal(why.to_string()))?;
        Ok::<_, Error>(argon2()?.verify_password(password.as_bytes(), &stored).is_ok())
    });
    Ok(right.await?? && login.is_some())
}

async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

/// How an e-mail address leads to its member. One address belongs to one tenant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Login {
    /// The address.
    pub email: Email,
    /// The member's tenant.
    pub tenant: TenantId,
    /// Who signs in with it.
    pub member: MemberId,
    /// The password's hash, as a PHC string.
    pub hash: String,
    /// The second factor, from its setup on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totp: Option<Totp>,
    /// SHA-256 of the recovery codes that are left, in hex.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recovery: Vec<String>,
}

/// A second factor: a secret that an authenticator app has, too.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Totp {
    /// The secret, sealed for the member: see [`crate::sealing`].
    pub sealed: String,
    /// Whether a first code proved that the app has it; only then it is asked for.
    pub enabled: bool,
    /// The last step (of 30 s since 1970) whose code was used; those up to it are spent.
    pub last_step: u64,
}

impl Login {
    /// Where the login of an address lives. Global: the address is how its tenant is found.
    #[must_use]
    pub fn key(email: &Email) -> Key {
        Partition::global("EMAIL", &[email.as_str()]).at("LOGIN".to_owned())
    }

    /// The second factor, when it is turned on.
    #[must_use]
    pub fn factor(&self) -> Option<&Totp> {
        self.totp.as_ref().filter(|totp| totp.enabled)
    }
}

impl Row for Login {
    fn key(&self) -> Key {
        Self::key(&self.email)
    }
}

/// A random text of base32 characters (RFC 4648): nothing that is easily mistaken, 5 bits each.
#[must_use]
pub fn base32(characters: usize) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut rng = rand::rng();
    (0..characters)
        .map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())]))
        .collect()
}

/// A code as people type it, without what they put between its characters.
#[must_use]
pub fn typed(code: &str) -> String {
    let kept = code.chars().filter(|c| !c.is_whitespace() && *c != '-').take(32);
    kept.collect::<String>().to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn email(text: &str) -> Option<String> {
        Email::parse(text).ok().map(|email| email.as_str().to_owned())
    }

    #[test]
    fn an_address_is_its_lower_case_form() {
        assert_eq!(email(" Ann@Example.COM ").as_deref(), Some("ann@example.com"));
        assert_eq!(email("a@b").as_deref(), Some("a@b"));
        for bad in [
            "",
            "@",
            "a@",
            "@b",
            "ann",
            "a@b@c",
            "a b@c.d",
            "a@b..c",
            "a@.c",
            "a@c.",
            "a\r\nbcc:x@y.z",
            "a,b@c.d",
            "<a@b.c>",
            &format!("{}@b.c", "a".repeat(251)),
        ] {
            assert_eq!(email(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_password_is_counted_in_characters_and_is_not_the_address() {
        let email = Email::parse("ann@example.com").unwrap();
        let ok = |text: &str| Password::new(text.to_owned(), &email).is_ok();
        assert!(ok("12345678") && ok(&"ü".repeat(8)) && ok(&"x".repeat(128)) && ok("        "));
        assert!(!ok("1234567") && !ok(&"x".repeat(129)) && !ok("Ann@Example.com"));
    }

    #[tokio::test]
    async fn the_stored_hash_names_the_parameters_and_opens_with_the_password_only() {
        let email = Email::parse("ann@example.com").unwrap();
        let hash = Password::new("correct horse".to_owned(), &email)
            .unwrap()
            .hash()
            .await
            .unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let login = Login {
            email,
            tenant: TenantId::new(),
            member: MemberId::new(),
            hash,
            totp: None,
            recovery: Vec::new(),
        };
        assert!(verify(Some(&login), "correct horse".to_owned()).await.unwrap());
        assert!(!verify(Some(&login), "correct horsf".to_owned()).await.unwrap());
        assert!(!verify(None, "correct horse".to_owned()).await.unwrap());
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_or_refused(text in ".{0,40}") {
            if let Ok(email) = Email::parse(&text) {
                let again = Email::parse(email.as_str()).unwrap();
                prop_assert_eq!(again.as_str(), email.as_str());
                prop_assert_eq!(email.as_str().matches('@').count(), 1);
                prop_assert!(!email.as_str().chars().any(|c| c.is_whitespace() || c.is_control()));
            }
        }

        #[test]
        fn codes_survive_the_way_people_type_them(at in 1usize..7) {
            let code = base32(8);
            let mut typed_code = code.to_lowercase();
            typed_code.insert_str(at, " - ");
            prop_assert_eq!(typed(&typed_code), code);
        }
    }
}

//! The second factor: codes of an authenticator app (RFC 6238: SHA-1, 6 digits, 30 s, one step early or late), each good
//! once, and recovery codes for when the app is lost.

use rand::RngExt;
use sha2::{Digest, Sha256};
use shared::{
    app::App,
    clock::Time,
    codes::Failures,
    error::Error,
    logins::{Email, Login, base32, typed},
    secrets::Secrets,
    store::{Condition, Transaction, Update},
};
use totp_rs::{Builder, Totp};

/// Whose codes an authenticator app says they are.
const ISSUER: &str = "docent";
/// Bytes of a secret: as long as the hash, as RFC 4226 recommends.
const SECRET: usize = 20;
/// Recovery codes of an account.
const RECOVERY: usize = 10;
/// Characters of one, in two halves: 50 bits.
const RECOVERY_CHARS: usize = 10;

/// A fresh secret.
pub(crate) fn secret() -> Vec<u8> {
    rand::rng().random::<[u8; SECRET]>().to_vec()
}

/// The generator of codes with this secret.
pub(crate) fn generator(secret: Vec<u8>, email: &str) -> Result<Totp, Error> {
    Builder::new()
        .with_secret(secret)
        .with_issuer(Some(ISSUER))
        .with_account_name(email)
        .build()
        .map_err(|why| Error::internal(why.to_string()))
}

/// The step whose code this is, if it is one of now.
pub(crate) fn step(generator: &Totp, code: &str, now: Time) -> Option<u64> {
    generator.check(&typed(code), u64::try_from(now.second()).ok()?)
}

/// Fresh recovery codes, as they are shown once, and what is stored of them.
pub(crate) fn recovery(login: &Login) -> (Vec<String>, Vec<String>) {
    let codes: Vec<String> = (0..RECOVERY).map(|_| base32(RECOVERY_CHARS)).collect();
    let hashes = codes.iter().map(|code| recovery_hash(login, code)).collect();
    let shown = codes.iter().map(|code| {
        let (first, second) = code.split_at(RECOVERY_CHARS / 2);
        format!("{first}-{second}")
    });
    (shown.collect(), hashes)
}

fn recovery_hash(login: &Login, code: &str) -> String {
    let mut digest = Sha256::new();
    digest.update(login.member.as_str());
    digest.update([0]);
    digest.update(code);
    hex::encode(digest.finalize())
}

/// What somebody states beside the password.
pub(crate) enum Stated<'a> {
    /// A code of the app.
    Totp(&'a str),
    /// A recovery code.
    Recovery(&'a str),
    /// Either.
    Any(&'a str),
}

/// A second factor that was right: it is spent once its transaction is written.
pub(crate) struct Right {
    used: Used,
    failures: Failures,
}

enum Used {
    Step(u64),
    Recovery { before: Vec<String>, left: Vec<String> },
}

/// Finds out whether what is stated is the account's second factor; `None` when it is not, or the day has had enough wrong
/// ones.
pub(crate) async fn check(
    app: &App,
    secrets: &Secrets,
    login: &Login,
    stated: Stated<'_>,
) -> Result<Option<Right>, Error> {
    let now = app.clock.now();
    let failures = Failures::of("factor", &login.email, now);
    if !failures.count(&app.table).await? {
        return Ok(None);
    }
    let used = match stated {
        Stated::Totp(code) => of_app(secrets, login, code, now).await?,
        Stated::Recovery(code) => of_recovery(login, code),
        Stated::Any(code) => match of_recovery(login, code) {
            Some(used) => Some(used),
            None => of_app(secrets, login, code, now).await?,
        },
    };
    Ok(used.map(|used| Right { used, failures }))
}

async fn of_app(secrets: &Secrets, login: &Login, code: &str, now: Time) -> Result<Option<Used>, Error> {
    let Some(totp) = login.factor() else { return Ok(None) };
    let secret = secrets.sealing_key().await?.open(login.member.as_str(), &totp.sealed)?;
    let step = step(&generator(secret, login.email.as_str())?, code, now);
    Ok(step.filter(|step| totp.last_step < *step).map(Used::Step))
}

fn of_recovery(login: &Login, code: &str) -> Option<Used> {
    let hash = recovery_hash(login, &typed(code));
    let before = login.recovery.clone();
    let left: Vec<String> = before.iter().filter(|one| **one != hash).cloned().collect();
    (left.len() < before.len()).then_some(Used::Recovery { before, left })
}

impl Right {
    /// Spends it, and makes sure that the password is still the one that was checked: of several at once only one
    /// transaction is written.
    pub(crate) fn spend(self, transaction: &mut Transaction, login: &Login) -> Result<(), Error> {
        let update = self.used.condition(Update::at(Login::key(&login.email)), login)?;
        let update = match &self.used {
            Used::Step(step) => update.set("totp.last_step", step)?,
            Used::Recovery { left, .. } => update.set("recovery", left)?,
        };
        transaction.update(update).update(self.failures.forgiven());
        Ok(())
    }

    /// Turns the second factor off instead of spending it.
    pub(crate) fn turn_off(self, transaction: &mut Transaction, login: &Login) -> Result<(), Error> {
        let update = self.used.condition(Update::at(Login::key(&login.email)), login)?;
        let update = update
            .set_or_remove::<()>("totp", None)?
            .set_or_remove::<()>("recovery", None)?;
        transaction.update(update).update(self.failures.forgiven());
        Ok(())
    }
}

impl Used {
    fn condition(&self, update: Update, login: &Login) -> Result<Update, Error> {
        let update = update.when(Condition::is("hash", &login.hash)?);
        Ok(update.when(match self {
            Self::Step(step) => Condition::below("totp.last_step", step)?,
            Self::Recovery { before, .. } => Condition::is("recovery", before)?,
        }))
    }
}

/// The condition that a login's password is still the one that was checked.
pub(crate) fn unchanged(transaction: &mut Transaction, login: &Login) -> Result<(), Error> {
    transaction.check(Login::key(&login.email), Condition::is("hash", &login.hash)?);
    Ok(())
}

/// The address of a member as an identity.
pub(crate) fn email(stored: &str) -> Result<Email, Error> {
    Email::parse(stored).map_err(|_| Error::internal("a member's address is none"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::{
        clock::Clock,
        ids::{MemberId, TenantId},
    };

    fn login() -> Login {
        Login {
            email: Email::parse("ann@example.com").unwrap(),
            tenant: TenantId::new(),
            member: MemberId::new(),
            hash: String::new(),
            totp: None,
            recovery: Vec::new(),
        }
    }

    #[test]
    fn a_code_is_good_one_step_early_or_late() {
        let now = Clock::fixed("2026-01-15T10:30:00Z".parse().unwrap()).now();
        let generator = generator(b"a secret of 20 bytes".to_vec(), "ann@example.com").unwrap();
        let second = u64::try_from(now.second()).unwrap();
        for (shift, good) in [(-60, false), (-30, true), (0, true), (30, true), (60, false)] {
            let code = generator.generate(second.saturating_add_signed(shift)).to_string();
            let found = step(&generator, &format!(" {} {}", &code[..3], &code[3..]), now);
            let expected = good.then(|| second.saturating_add_signed(shift) / 30);
            assert_eq!(found, expected, "{shift}");
        }
        assert_eq!(step(&generator, "12345", now), None);
    }

    #[test]
    fn a_recovery_code_is_good_once_and_for_its_account() {
        let mut login = login();
        let (codes, hashes) = recovery(&login);
        login.recovery = hashes;
        assert!(codes.len() == 10 && codes.iter().all(|code| code.len() == 11 && code.as_bytes()[5] == b'-'));
        let Some(Used::Recovery { left, .. }) = of_recovery(&login, &codes[3].to_lowercase()) else {
            panic!("refused")
        };
        let other = Login {
            recovery: login.recovery.clone(),
            ..self::login()
        };
        assert!(of_recovery(&other, &codes[3]).is_none());
        login.recovery = left;
        assert!(login.recovery.len() == 9 && of_recovery(&login, &codes[3]).is_none());
        assert!(of_recovery(&login, &codes[4]).is_some());
    }
}

//! Codes that prove who reads an account's mail: 8 base32 characters, 15 minutes, 5 tries, one use; at most 5 an hour and 10
//! wrong ones a day per account.
//!
//! Trying a code takes the same two writes whether or not there is one, or an account at all: each try is counted before it
//! is compared, in rows that need nobody behind them.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    app::App,
    clock::Time,
    error::Error,
    ids::EventId,
    logins::{Email, base32, typed},
    store::{Condition, Counted, Key, Partition, Row, Table, Transaction, TransactionError, Update, sort},
};

/// Characters of a code: 40 bits.
const CHARS: usize = 8;
/// How long a code can be used, in milliseconds.
const LIFE: i64 = 15 * 60 * 1000;
/// How often one can be tried.
const TRIES: u32 = 5;
/// Codes of an account in [`HOUR`].
const AN_HOUR: usize = 5;
const HOUR: i64 = 3_600_000;
/// Wrong codes of an account in a [`DAY`] (UTC).
const A_DAY: u32 = 10;
const DAY: i64 = 86_400;
/// Tries of a change that meets another one of the same account.
const MEETINGS: u32 = 10;
/// The counter of wrong codes.
const FAILURES: &str = "failures";

/// What a code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To prove that an address is one's own.
    VerifyEmail,
    /// To choose another password.
    ResetPassword,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
        }
    }
}

/// The code of one purpose that an address has; only a hash of it.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    purpose: Purpose,
    email: Email,
    hash: String,
    until: Time,
    tries: u32,
}

impl Stored {
    /// Global: whoever tries a code is not signed in.
    fn key(purpose: Purpose, email: &Email) -> Key {
        Partition::global("CODE", &[purpose.name(), email.as_str()]).at("CODE".to_owned())
    }
}

impl Row for Stored {
    fn key(&self) -> Key {
        Self::key(self.purpose, &self.email)
    }

    fn expires_at(&self) -> Option<i64> {
        Some(self.until.second())
    }
}

/// A code's row after a try: where none was issued, only the tries.
#[derive(Debug, Deserialize)]
struct Tried {
    hash: Option<String>,
    until: Option<Time>,
    tries: u32,
}

/// The codes that an account was given lately.
#[derive(Debug, Serialize, Deserialize)]
struct Given {
    email: Email,
    codes: Vec<One>,
    revision: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct One {
    event: EventId,
    at: Time,
    sent: bool,
}

impl Given {
    fn key(email: &Email) -> Key {
        Partition::global("CODE", &["given", email.as_str()]).at("GIVEN".to_owned())
    }

    /// What there is, with its next revision, and the condition under which it may be replaced.
    async fn read(table: &Table, email: &Email) -> Result<(Self, Condition), Error> {
        let found: Option<Self> = table.get(&Self::key(email)).await?;
        Ok(match found {
            Some(given) => {
                let unchanged = Condition::is("revision", &given.revision)?;
                let revision = given.revision.wrapping_add(1);
                (Self { revision, ..given }, unchanged)
            }
            None => {
                let email = email.clone();
                let (codes, revision) = (Vec::new(), 0);
                (Self { email, codes, revision }, Condition::Absent)
            }
        })
    }

    /// Notes that `event` asks for a code; `false` when it had one, or the hour has had enough.
    fn admit(&mut self, event: &EventId, now: Time) -> bool {
        self.codes.retain(|one| now < one.at.plus(HOUR));
        match self.codes.iter().find(|one| one.event == *event) {
            // One that was begun before and perhaps not sent is replaced, and not counted again.
            Some(one) => !one.sent,
            None if self.codes.len() >= AN_HOUR => false,
            None => {
                let (event, at, sent) = (event.clone(), now, false);
                self.codes.push(One { event, at, sent });
                true
            }
        }
    }
}

impl Row for Given {
    fn key(&self) -> Key {
        Self::key(&self.email)
    }

    fn expires_at(&self) -> Option<i64> {
        self.codes.last().map(|last| last.at.plus(HOUR).second())
    }
}

/// Makes the code that `event` asks for; the one before it, for the same purpose, is void. `None` when the account had
/// enough of them for this hour, or this event's was sent before.
///
/// # Errors
/// When the table does not answer, or too many codes of the account are made at once.
pub async fn issue(app: &App, purpose: Purpose, email: &Email, event: &EventId) -> Result<Option<String>, Error> {
    for _ in 0..MEETINGS {
        let (mut given, unchanged) = Given::read(&app.table, email).await?;
        if !given.admit(event, app.clock.now()) {
            return Ok(None);
        }
        let code = base32(CHARS);
        let stored = Stored {
            purpose,
            email: email.clone(),
            hash: hash(purpose, email, &code),
            until: app.clock.now().plus(LIFE),
            tries: 0,
        };
        let mut transaction = Transaction::default();
        transaction.put(&given, vec![unchanged])?.put(&stored, Vec::new())?;
        match app.table.transact(transaction).await {
            Ok(()) => return Ok(Some(code)),
            Err(TransactionError::Condition(_)) => {}
            Err(TransactionError::Other(error)) => return Err(error),
        }
    }
    Err(Error::unavailable("codes of one account met again and again"))
}

/// Remembers that an event's code is on its way, so that the event, when it comes again, sends no second one.
///
/// # Errors
/// When the table does not answer.
pub async fn sent(table: &Table, email: &Email, event: &EventId) -> Result<(), Error> {
    for _ in 0..MEETINGS {
        let (mut given, unchanged) = Given::read(table, email).await?;
        let Some(one) = given.codes.iter_mut().find(|one| one.event == *event) else {
            // So long ago that nobody remembers it.
            return Ok(());
        };
        one.sent = true;
        let mut transaction = Transaction::default();
        transaction.put(&given, vec![unchanged])?;
        match table.transact(transaction).await {
            Ok(()) => return Ok(()),
            Err(TransactionError::Condition(_)) => {}
            Err(TransactionError::Other(error)) => return Err(error),
        }
    }
    Err(Error::unavailable("codes of one account met again and again"))
}

/// A code that was right: it counts as used once its transaction is written.
#[derive(Debug)]
pub struct Right {
    key: Key,
    hash: String,
    failures: Failures,
}

impl Right {
    /// Uses the code up; of several at once only one transaction is written.
    ///
    /// # Errors
    /// Never in practice: a hash can be stored.
    pub fn use_in(self, transaction: &mut Transaction) -> Result<(), Error> {
        transaction
            .delete(self.key, vec![Condition::is("hash", &self.hash)?])
            .update(self.failures.forgiven());
        Ok(())
    }
}

/// Tries a code.
///
/// # Errors
/// 400 naming `code` when it is not the one, or no longer, or was tried too often; or the table does not answer.
pub async fn redeem(app: &App, purpose: Purpose, email: &Email, code: &str) -> Result<Right, Error> {
    let now = app.clock.now();
    let failures = Failures::of("code", email, now);
    let (allowed, tried) = futures::try_join!(failures.count(&app.table), count_try(app, purpose, email, now))?;
    let stated = hash(purpose, email, &typed(code));
    let stored = tried.hash.unwrap_or_default();
    let same = verify_slices_are_equal(stated.as_bytes(), stored.as_bytes()).is_ok();
    let alive = tried.until.is_some_and(|until| now < until) && tried.tries <= TRIES;
    if same && alive && allowed {
        let key = Stored::key(purpose, email);
        Ok(Right {
            key,
            hash: stored,
            failures,
        })
    } else {
        Err(refused())
    }
}

/// The one answer to a code that does not work, whatever the reason.
#[must_use]
pub fn refused() -> Error {
    Error::field("code", "is wrong, expired or already used; ask for a new one")
}

async fn count_try(app: &App, purpose: Purpose, email: &Email, now: Time) -> Result<Tried, Error> {
    let update = Update::at(Stored::key(purpose, email))
        .add("tries", 1)
        .set("expires_at", &now.plus(LIFE).second())?;
    app.table.update_and_get(update).await
}

fn hash(purpose: Purpose, email: &Email, code: &str) -> String {
    let mut digest = Sha256::new();
    for part in [purpose.name(), email.as_str(), code] {
        digest.update(part);
        digest.update([0]);
    }
    hex::encode(digest.finalize())
}

/// Wrong codes of an account on one day. Each try is counted as wrong before it is looked at, and forgiven when it was right.
#[derive(Clone, Debug)]
pub struct Failures(Key, i64);

impl Failures {
    /// Those of one kind of code.
    #[must_use]
    pub fn of(kind: &str, email: &Email, now: Time) -> Self {
        let day = now.second().div_euclid(DAY);
        let partition = Partition::global("CODE", &[FAILURES, kind, email.as_str()]);
        Self(partition.at(sort("DAY", &[&day.to_string()])), (day + 2) * DAY)
    }

    /// Counts one; `false` when the day has had enough.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn count(&self, table: &Table) -> Result<bool, Error> {
        let bounds = [(FAILURES.to_owned(), A_DAY)];
        let counted = table.count(&self.0, &bounds, self.1).await?;
        Ok(matches!(counted, Counted::Taken(_)))
    }

    /// Takes one back.
    #[must_use]
    pub fn forgiven(self) -> Update {
        Update::at(self.0).add(FAILURES, -1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_hour_has_five_codes_and_an_event_one_that_was_sent() {
        let now = crate::clock::Clock::fixed("2026-01-15T10:30:00Z".parse().unwrap()).now();
        let mut given = Given {
            email: Email::parse("ann@example.com").unwrap(),
            codes: Vec::new(),
            revision: 0,
        };
        let events: Vec<EventId> = (0..6).map(|_| EventId::new()).collect();
        for event in &events[..5] {
            assert!(given.admit(event, now));
        }
        assert!(!given.admit(&events[5], now.plus(HOUR - 1)));
        assert!(given.admit(&events[0], now), "not sent yet");
        given.codes[0].sent = true;
        assert!(!given.admit(&events[0], now));
        assert!(given.admit(&events[5], now.plus(HOUR)));
    }

    proptest! {
        /// A code is good for its own address and purpose only.
        #[test]
        fn hashes_are_apart(a in "[a-c]{1,2}@x", b in "[a-c]{1,2}@x", code in "[A-B]{8}", other in "[A-B]{8}") {
            let (one, two) = (Email::parse(&a).unwrap(), Email::parse(&b).unwrap());
            let of = |email: &Email, code: &str| hash(Purpose::VerifyEmail, email, code);
            prop_assert_eq!(of(&one, &code) == of(&two, &other), (a, &code) == (b, &other));
            prop_assert_ne!(of(&one, &code), hash(Purpose::ResetPassword, &one, &code));
        }

        #[test]
        fn a_code_has_eight_characters_that_can_be_typed(_ in 0..50) {
            let code = base32(CHARS);
            prop_assert!(code.len() == 8 && typed(&code) == code);
            prop_assert!(code.bytes().all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b)));
        }
    }
}

//! Rate limits: how many requests of a class somebody may make in a minute.
//!
//! One counter item per counted party and minute; a page's visitors and a partner's end users share an item with the cap
//! above them, so that one conditional write counts both and concurrent callers cannot slip past. The window slides: of the
//! minute before, the part that still lies within the last 60 s counts as well (read once per process
//! and minute); signing in is counted second by second.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::{
    clock::{Time, whole_seconds},
    error::Error,
    ids::TenantId,
    store::{Counted, Key, Partition, Table, sort},
};

/// Length of a window, in milliseconds.
const WINDOW: i64 = 60_000;
/// How long a counter is kept, in seconds: the minute after still looks at it.
const KEPT: i64 = 180;
/// How many single limits the cap above them is, unless said otherwise.
const CAP_FACTOR: u32 = 20;
/// The highest limit that can be asked for.
pub const MAX_LIMIT: u32 = 1_000_000;
/// Above this limit users share so many slots, so that an item with many of them stays small.
const SLOTS: u16 = 512;
/// Below so many counted requests an item is not split.
const SHARD: u32 = 1_000;
/// Counters of past minutes that a process remembers.
const REMEMBERED: usize = 10_000;
/// Begins the counter of one second of an item.
const SECOND: &str = "s";
/// The counter of all requests of an item.
const ALL: &str = "t";

/// Requests that are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Everything else.
    Standard,
    /// Questions.
    Chat,
    /// Sign-in and what leads to it.
    Auth,
}

impl Class {
    /// Its name in `RateLimit-Policy`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Chat => "chat",
            Self::Auth => "auth",
        }
    }

    /// Requests per minute, unless a key or bot has its own number.
    #[must_use]
    pub fn usual(self) -> u32 {
        match self {
            Self::Standard => 100,
            Self::Chat => 30,
            Self::Auth => 5,
        }
    }
}

/// Requests per minute that a key or bot has instead of the usual ones; at most 1,000,000 each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RateLimits {
    /// Of each caller, standard endpoints (100 when not said).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub standard: Option<u32>,
    /// Of each caller, questions (30 when not said).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub chat: Option<u32>,
    /// Of all end users or visitors of the key or bot together (20 × the limit of each when not said).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub cap: Option<u32>,
}

impl RateLimits {
    /// As many requests as can be asked for: for load tests.
    pub const HIGHEST: Self = Self {
        standard: Some(MAX_LIMIT),
        chat: Some(MAX_LIMIT),
        cap: Some(MAX_LIMIT),
    };

    /// Checks the numbers.
    ///
    /// # Errors
    /// 400 naming the field.
    pub fn check(&self) -> Result<(), Error> {
        for (name, limit) in [("standard", self.standard), ("chat", self.chat), ("cap", self.cap)] {
            if limit.is_some_and(|limit| !(1..=MAX_LIMIT).contains(&limit)) {
                return Err(Error::field(
                    format!("rate_limits.{name}"),
                    format!("must be from 1 to {MAX_LIMIT}"),
                ));
            }
        }
        Ok(())
    }

    fn of(&self, class: Class) -> u32 {
        let own = match class {
            Class::Standard => self.standard,
            Class::Chat => self.chat,
            Class::Auth => None,
        };
        own.unwrap_or(class.usual())
    }
}

/// What a request is counted against.
#[derive(Clone, Debug)]
pub struct Quota {
    class: Class,
    counter: Partition,
    /// The counter of one among many, and the bound of all together.
    share: Option<(String, u32)>,
    limit: u32,
}

impl Quota {
    /// A caller who is counted alone.
    #[must_use]
    pub fn single(tenant: &TenantId, caller: &str, class: Class, own: &RateLimits) -> Self {
        Self {
            class,
            counter: Partition::tenant(tenant, &["RATE", caller, class.name()]),
            share: None,
            limit: own.of(class),
        }
    }

    /// One `user` among many behind one `caller`, whose requests together have a cap. A cap of more than 1,000 is split
    /// over several items, to which users are dealt by hash: no item grows without end, and the sum stays exact.
    #[must_use]
    pub fn shared(tenant: &TenantId, caller: &str, user: &str, class: Class, own: &RateLimits) -> Self {
        let limit = own.of(class);
        let cap = own.cap.unwrap_or(limit.saturating_mul(CAP_FACTOR));
        let hash = Sha256::digest(user);
        let shards = (cap / SHARD.max(limit.saturating_mul(4))).max(1);
        let shard = (u32::from(hash[0]) << 8 | u32::from(hash[1])) % shards;
        Self {
            class,
            counter: Partition::tenant(tenant, &["RATE", caller, class.name(), &shard.to_string()]),
            share: Some((slot(&hash, limit), cap / shards)),
            limit,
        }
    }

    /// Somebody who is not signed in, by a name of theirs (an address, or an e-mail address).
    #[must_use]
    pub fn anonymous(name: &str) -> Self {
        let class = Class::Auth;
        Self {
            class,
            counter: Partition::global("RATE", &[class.name(), &hex::encode(&Sha256::digest(name)[..16])]),
            share: None,
            limit: class.usual(),
        }
    }

    fn item(&self, minute: i64) -> Key {
        self.counter.clone().at(sort("W", &[&minute.to_string()]))
    }

    /// The counters and how far each may go.
    fn bounds(&self) -> Vec<(String, u32)> {
        match &self.share {
            None => vec![(ALL.to_owned(), self.limit)],
            Some((user, cap)) => vec![(user.clone(), self.limit.min(*cap)), (ALL.to_owned(), *cap)],
        }
    }
}

/// The counter of a user: one of their own, or for load tests' limits one of 512.
fn slot(hash: &[u8], limit: u32) -> String {
    match limit > SHARD {
        true => format!("u{}", (u16::from(hash[2]) << 8 | u16::from(hash[3])) % SLOTS),
        false => format!("u{}", hex::encode(&hash[2..8])),
    }
}

/// How a caller stands with one limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The limit's name.
    pub policy: String,
    /// Requests per minute.
    pub quota: u32,
    /// Requests that are left now.
    pub remaining: u32,
    /// Seconds until more are left.
    pub reset: u32,
}

/// What came of counting a request.
#[derive(Debug)]
pub struct Tally {
    /// How the caller stands with each limit that applies.
    pub standing: Vec<Standing>,
    /// Whether the request may go on.
    pub outcome: Result<(), Error>,
}

/// Counts of one item, by counter.
type Counts = HashMap<String, u32>;
/// Counts of past minutes, by item and minute.
type Past = HashMap<(String, i64), Arc<Counts>>;

/// Counts requests; remembers what was counted in the minute before.
#[derive(Clone, Debug, Default)]
pub struct Limits(Arc<Mutex<Past>>);

impl Limits {
    /// Counts a request.
    ///
    /// # Errors
    /// When the table does not answer. A refusal is part of the [`Tally`].
    pub async fn take(&self, table: &Table, quota: &Quota, now: Time) -> Result<Tally, Error> {
        let window = Window::at(now);
        let before = self.before(table, quota, window).await?;
        let bounds: Vec<(String, u32)> = quota
            .bounds()
            .into_iter()
            .map(|(name, limit)| {
                let carried = window.carried(before.get(&name).copied().unwrap_or(0));
                (name, limit.saturating_sub(carried))
            })
            .collect();
        let until = now.second() + KEPT;
        let counted = table.count(&quota.item(window.minute), &bounds, until).await?;
        let (taken, counts) = match counted {
            Counted::Taken(counts) => (true, counts),
            Counted::Refused(counts) => (false, counts),
        };
        Ok(tally(quota, window, &before, &counts, taken))
    }

    /// Counts a request of somebody who is not signed in, by address and by the e-mail address that they state: both
    /// counters in one transaction, second by second, so that no 60 s whatever hold more than the limit.
    ///
    /// # Errors
    /// When the table does not answer. A refusal is part of the [`Tally`].
    pub async fn take_all(&self, table: &Table, quotas: &[Quota], now: Time) -> Result<Tally, Error> {
        let window = Window::at(now);
        let mut bounded = Vec::new();
        let mut known = Vec::new();
        for quota in quotas {
            let before = self.before(table, quota, window).await?;
            let carried = Seconds::new(&before, &Counts::new(), window).sum();
            bounded.push((quota.item(window.minute), quota.limit.saturating_sub(carried)));
            known.push(before);
        }
        let second = format!("{SECOND}{}", window.elapsed / 1000);
        let refused = table.count_all(&bounded, [ALL, &second], now.second() + KEPT).await?;
        let mut tightest: Option<Standing> = None;
        for (quota, before) in quotas.iter().zip(&known) {
            let counts = table.counters(&quota.item(window.minute)).await?;
            let seconds = Seconds::new(before, &counts, window);
            let standing = Standing {
                policy: quota.class.name().to_owned(),
                quota: quota.limit,
                remaining: quota.limit.saturating_sub(seconds.sum()),
                reset: seconds.wait(quota.limit),
            };
            let rank = |one: &Standing| (one.remaining, std::cmp::Reverse(one.reset));
            if tightest.as_ref().is_none_or(|other| rank(&standing) < rank(other)) {
                tightest = Some(standing);
            }
        }
        let outcome = match (refused, &tightest) {
            (Some(_), Some(standing)) => Err(Error::RateLimited {
                retry_after: standing.reset,
            }),
            _ => Ok(()),
        };
        Ok(Tally {
            standing: tightest.into_iter().collect(),
            outcome,
        })
    }

    async fn before(&self, table: &Table, quota: &Quota, window: Window) -> Result<Arc<Counts>, Error> {
        let minute = window.minute - 1;
        let name = (quota.counter.as_str().to_owned(), minute);
        if let Some(known) = self.remembered().get(&name) {
            return Ok(Arc::clone(known));
        }
        let counts = Arc::new(table.counters(&quota.item(minute)).await?);
        let mut remembered = self.remembered();
        if remembered.len() >= REMEMBERED {
            remembered.retain(|(_, of), _| *of == minute);
        }
        if remembered.len() < REMEMBERED {
            remembered.insert(name, Arc::clone(&counts));
        }
        Ok(counts)
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Past> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tally(quota: &Quota, window: Window, before: &Counts, counts: &Counts, taken: bool) -> Tally {
    let of = |counts: &Counts, name: &str| counts.get(name).copied().unwrap_or(0);
    let standing: Vec<Standing> = quota
        .bounds()
        .iter()
        .enumerate()
        .map(|(at, (name, limit))| {
            let (carried, counted) = (of(before, name), of(counts, name));
            let remaining = limit.saturating_sub(window.carried(carried)).saturating_sub(counted);
            let reset = match remaining {
                0 => window.wait(*limit, carried, counted),
                _ => window.rest(),
            };
            let class = quota.class.name();
            Standing {
                policy: if at == 0 {
                    class.to_owned()
                } else {
                    format!("{class}-cap")
                },
                quota: *limit,
                remaining,
                reset,
            }
        })
        .collect();
    let wait = standing
        .iter()
        .filter(|one| one.remaining == 0)
        .map(|one| one.reset)
        .max();
    let outcome = match taken {
        true => Ok(()),
        false => Err(Error::RateLimited {
            retry_after: wait.unwrap_or(1),
        }),
    };
    Tally { standing, outcome }
}

/// A moment within a minute.
#[derive(Clone, Copy, Debug)]
struct Window {
    minute: i64,
    elapsed: i64,
}

impl Window {
    fn at(now: Time) -> Self {
        Self {
            minute: now.millisecond().div_euclid(WINDOW),
            elapsed: now.millisecond().rem_euclid(WINDOW),
        }
    }

    /// How much of the count of the minute before still lies within the last 60 s, as if its requests had been spread evenly,
    /// rounded up.
    fn carried(self, before: u32) -> u32 {
        let part = (i64::from(before) * (WINDOW - self.elapsed) + WINDOW - 1) / WINDOW;
        u32::try_from(part).unwrap_or(u32::MAX)
    }

    /// Seconds until the next minute, at least 1.
    fn rest(self) -> u32 {
        seconds(WINDOW - self.elapsed)
    }

    /// Seconds until one more request fits, when `before` and `counted` are the counts of the last minute and of this one.
    fn wait(self, limit: u32, before: u32, counted: u32) -> u32 {
        if counted < limit {
            // Enough of the minute before must have passed: before × (1 − x) ≤ limit − counted − 1.
            let room = i64::from(limit - counted - 1);
            let at = WINDOW - room * WINDOW / i64::from(before.max(1));
            return seconds(at - self.elapsed);
        }
        // This minute is full; in the next one it is the minute before.
        let room = i64::from(limit.saturating_sub(1));
        let into_next = WINDOW - room * WINDOW / i64::from(counted.max(1));
        seconds(WINDOW - self.elapsed + into_next.max(0))
    }
}

/// What was counted within the last 60 s, second by second: when it stops to count, in milliseconds from now, and how often.
struct Seconds(Vec<(i64, u32)>);

impl Seconds {
    /// From the counters of the minute before and of this one.
    fn new(before: &Counts, counts: &Counts, window: Window) -> Self {
        let listed = |counts: &Counts, later: i64| -> Vec<(i64, u32)> {
            let counted = counts.iter().filter_map(|(name, count)| {
                let second: i64 = name.strip_prefix(SECOND)?.parse().ok()?;
                Some(((second + 1) * 1000 + later - window.elapsed, *count))
            });
            counted.collect()
        };
        let mut all = listed(before, 0);
        all.extend(listed(counts, WINDOW));
        all.retain(|(ends, _)| *ends > 0);
        all.sort_unstable();
        Self(all)
    }

    fn sum(&self) -> u32 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// Seconds until one more fits than do now, or until the first does.
    fn wait(&self, limit: u32) -> u32 {
        let mut left = self.sum();
        for (ends, count) in &self.0 {
            left = left.saturating_sub(*count);
            if left < limit {
                return seconds(*ends);
            }
        }
        1
    }
}

/// A wait in seconds: at least one, as it is told to somebody who has to wait.
fn seconds(milliseconds: i64) -> u32 {
    whole_seconds(milliseconds).max(1)
}

/// The name under which an address is counted: all of an IPv6 network of 64 bits is one party.
#[must_use]
pub fn address_name(address: &str) -> String {
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V6(v6)) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.to_string(),
            None => {
                let [a, b, c, d, ..] = v6.segments();
                format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        },
        Ok(IpAddr::V4(v4)) => v4.to_string(),
        Err(_) => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millisecond: i64) -> Window {
        Window {
            minute: 0,
            elapsed: millisecond,
        }
    }

    #[test]
    fn the_minute_before_fades() {
        assert_eq!(at(0).carried(5), 5);
        assert_eq!(at(5_000).carried(5), 5);
        assert_eq!(at(30_000).carried(5), 3);
        assert_eq!(at(59_999).carried(5), 1);
        assert_eq!(at(30_000).carried(0), 0);
    }

    #[test]
    fn seconds_stop_to_count_one_after_the_other() {
        let counts = |all: &[(u32, u32)]| -> Counts { all.iter().map(|(at, n)| (format!("s{at}"), *n)).collect() };
        let before = counts(&[(10, 2), (50, 3)]);
        let of = |millisecond| Seconds::new(&before, &Counts::new(), at(millisecond));
        assert_eq!((of(10_999).sum(), of(11_000).sum(), of(51_000).sum()), (5, 3, 0));
        assert_eq!((of(5_000).wait(5), of(20_000).wait(3)), (6, 31));
        let full = Seconds::new(&Counts::new(), &counts(&[(20, 5)]), at(21_000));
        assert_eq!((full.sum(), full.wait(5)), (5, 60));
    }

    #[test]
    fn an_ipv6_network_is_one_party() {
        assert_eq!(address_name("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(address_name("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(address_name("192.0.2.1"), "192.0.2.1");
        assert_eq!(address_name("\"; DROP"), "unknown");
    }

    proptest! {
        /// Whoever waits as long as they are told gets through, and not much earlier.
        #[test]
        fn the_wait_is_long_enough(limit in 1u32..200, before in 0u32..200, counted in 0u32..200, now in 0i64..60_000) {
            let (before, counted) = (before.min(limit), counted.min(limit));
            let window = at(now);
            prop_assume!(limit.saturating_sub(window.carried(before)) <= counted);
            let then = now + i64::from(window.wait(limit, before, counted)) * 1000;
            let fits = match then < WINDOW {
                true => at(then).carried(before) + counted < limit,
                false if then < 2 * WINDOW => at(then - WINDOW).carried(counted) < limit,
                false => true,
            };
            prop_assert!(fits);
        }
    }
}

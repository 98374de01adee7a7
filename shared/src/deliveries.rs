//! Deliveries: one event that one webhook is told of, with every attempt to do so. The log of all that was sent.

use rand::RngExt;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    clock::Time,
    error::Error,
    events::{Deliver, EventType, Told},
    ids::{BotId, DeliveryId, EventId, TenantId, WebhookId},
    store::{Condition, Key, Partition, Row, Update, sort},
    webhooks::Webhook,
};

/// How long a delivery can be looked up, in seconds.
const KEPT: i64 = 30 * 24 * 3600;
/// Seconds between a failed attempt and the next, unless the deployment says otherwise: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h,
/// 10 h (the example of the Standard Webhooks specification, shortened). After the last, the delivery is given up, 27.6 hours
/// after the first.
pub const RETRIES: [u32; 7] = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000];
/// The longest wait that a receiver may ask for, in seconds.
const LONGEST_WAIT: u32 = 24 * 3600;
/// Waits up to this, in milliseconds, are a message's delay (SQS's longest is 15 minutes); longer ones are rows that `tick`
/// sends when they are due.
const LONGEST_DELAY: i64 = 900_000;
/// How long an attempt that is due may take to be noted, in milliseconds, all tries of its message included.
const UNDER_WAY: i64 = 900_000;
/// Partitions of what is due.
pub const SHARDS: u8 = 8;
/// Attempts that the log keeps; of more, the oldest go.
const MOST_ATTEMPTS: usize = 20;

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeliveryStatus)]
pub enum Status {
    /// There is an attempt to come, at `next_attempt_at`.
    Pending,
    /// The receiver took it.
    Succeeded,
    /// It was given up.
    Failed,
}

/// Why something was to be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeliveryTrigger)]
pub enum Trigger {
    /// Something happened.
    Event,
    /// Somebody tried the webhook out.
    Test,
}

/// Why an attempt failed, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = DeliveryProblem)]
pub struct Problem {
    /// For machines.
    pub code: String,
    /// In a sentence.
    pub message: String,
}

impl Problem {
    /// A problem.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
        }
    }
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Which one, from 1. A number may come twice when a worker died before it could note its attempt.
    pub number: u32,
    /// When it began.
    pub at: Time,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
    /// The HTTP status of the answer, when one came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_status: Option<u16>,
    /// The beginning of the answer's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_excerpt: Option<String>,
    /// Why it failed; absent = the receiver took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// The earliest next attempt that the receiver asked for, in seconds from this one's end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
}

impl Attempt {
    /// The code of the problem that the attempt could not be signed, so that nothing was sent.
    pub(crate) const NOT_SIGNED: &str = "not_signed";

    /// Whether the receiver says that it is gone for good.
    #[must_use]
    pub fn says_gone(&self) -> bool {
        self.response_status == Some(410)
    }

    /// Whether it says something about the receiver: it was made.
    #[must_use]
    pub fn was_made(&self) -> bool {
        self.problem
            .as_ref()
            .is_none_or(|problem| problem.code != Self::NOT_SIGNED)
    }
}

/// One event that one webhook is told of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Delivery {
    /// Its id: always the same for one event and one webhook.
    pub id: DeliveryId,
    /// Whose delivery it is.
    pub tenant: TenantId,
    /// The webhook's bot.
    pub bot: BotId,
    /// The webhook.
    pub webhook: WebhookId,
    /// Why.
    pub trigger: Trigger,
    /// The event.
    pub event: EventId,
    /// What happened.
    pub kind: EventType,
    /// What is sent, byte for byte.
    pub body: String,
    /// How far it has come.
    pub status: Status,
    /// The attempts, by when they began.
    pub attempts: Vec<Attempt>,
    /// The number of the last attempt that was made.
    pub number: u32,
    /// The number of the last attempt before somebody asked for it again: from there the waits count anew.
    #[serde(default)]
    pub round: u32,
    /// When the next attempt is due; there exactly as long as the delivery is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Time>,
    /// The same, where `tick` is to send it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Time>,
    /// Why it was given up without another attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// Counts its changes, so that of two at once none is lost.
    #[serde(default)]
    pub revision: u32,
    /// When it was begun.
    pub created_at: Time,
}

impl Delivery {
    /// The sort key's kind, for lists.
    pub const KIND: &'static str = "DELIVERY";

    /// The delivery of an event, before its first attempt.
    #[must_use]
    pub fn new(webhook: &Webhook, told: Told, trigger: Trigger, now: Time) -> Self {
        Self {
            id: DeliveryId::of(&told.event, &webhook.id),
            tenant: webhook.tenant.clone(),
            bot: webhook.bot.clone(),
            webhook: webhook.id.clone(),
            trigger,
            event: told.event,
            kind: told.kind,
            body: told.body,
            status: Status::Pending,
            attempts: Vec::new(),
            number: 0,
            round: 0,
            next_attempt_at: Some(now),
            due_at: None,
            problem: None,
            revision: 0,
            created_at: now,
        }
    }

    /// The deliveries of a bot's webhooks.
    #[must_use]
    pub fn partition(tenant: &TenantId, bot: &BotId) -> Partition {
        Partition::tenant(tenant, &["B", bot.as_str(), "DEL"])
    }

    /// Where a delivery lives.
    #[must_use]
    pub fn key(tenant: &TenantId, bot: &BotId, id: &DeliveryId) -> Key {
        Self::partition(tenant, bot).at(sort(Self::KIND, &[id.as_str()]))
    }

    /// Whether it can still be looked up.
    #[must_use]
    pub fn is_kept(&self, now: Time) -> bool {
        now.second() < self.created_at.second() + KEPT
    }

    /// Notes an attempt. When it failed it says when the next one is, by the waits of `retries` in seconds, or that there is none.
    /// `gone` says that the webhook was disabled because of this attempt.
    pub fn note(&mut self, attempt: Attempt, gone: bool, now: Time, retries: &[u32]) {
        let (taken, newest) = (attempt.problem.is_none(), attempt.number > self.number);
        let asked = attempt.retry_after.map_or(0, |asked| jittered(asked.min(LONGEST_WAIT)));
        let last = self.trigger == Trigger::Test;
        self.number = self.number.max(attempt.number);
        self.attempts.push(attempt);
        self.attempts.sort_by_key(|attempt| attempt.at);
        let too_many = self.attempts.len().saturating_sub(MOST_ATTEMPTS);
        self.attempts.drain(..too_many);
        if taken {
            self.end(Status::Succeeded);
        } else if gone && newest {
            self.give_up(Problem::new(
                "webhook_gone",
                "The receiver answered 410, so the webhook was disabled",
            ));
        } else if newest && self.status == Status::Pending {
            let tries = usize::try_from(self.number - self.round).unwrap_or(usize::MAX);
            match retries.get(tries - 1).filter(|_| !last) {
                Some(wait) => self.wait(jittered(*wait).max(asked), now),
                None => self.end(Status::Failed),
            }
        }
    }

    /// Gives it up before another attempt, if there is one to come.
    pub fn give_up(&mut self, why: Problem) {
        if self.status == Status::Pending {
            self.end(Status::Failed);
            self.problem = Some(why);
        }
    }

    /// Puts its next attempt off, if there is one to come.
    pub fn put_off(&mut self, until: Time) {
        if self.status == Status::Pending {
            (self.next_attempt_at, self.due_at) = (Some(until), None);
        }
    }

    /// Whether it was asked for at once, and nothing came of that yet. After a while nothing will: its message was lost.
    #[must_use]
    pub fn is_under_way(&self, now: Time) -> bool {
        let lately = |next: Time| next <= now && now < next.plus(UNDER_WAY);
        self.status == Status::Pending && self.next_attempt_at.is_some_and(lately)
    }

    /// Lets it begin anew, with an attempt at once.
    pub fn again(&mut self, now: Time) {
        self.status = Status::Pending;
        self.round = self.number;
        self.problem = None;
        (self.next_attempt_at, self.due_at) = (Some(now), None);
    }

    fn wait(&mut self, milliseconds: i64, now: Time) {
        let next = now.plus(milliseconds);
        self.next_attempt_at = Some(next);
        self.due_at = (milliseconds > LONGEST_DELAY).then_some(next);
    }

    fn end(&mut self, status: Status) {
        self.status = status;
        (self.next_attempt_at, self.due_at) = (None, None);
    }

    /// The next attempt's message.
    #[must_use]
    pub fn next(&self) -> Deliver {
        Deliver {
            tenant: self.tenant.clone(),
            bot: self.bot.clone(),
            webhook: self.webhook.clone(),
            delivery: self.id.clone(),
            attempt: self.number + 1,
            put_off: 0,
            told: None,
        }
    }

    /// Writes what was noted, when nobody else changed it since `before`.
    ///
    /// # Errors
    /// When a value cannot be stored.
    pub fn changed(&self, before: &Self) -> Result<Update, Error> {
        let update = Update::at(Row::key(self))
            .when(Condition::is("revision", &before.revision)?)
            .set("status", &self.status)?
            .set("attempts", &self.attempts)?
            .set("number", &self.number)?
            .set("round", &self.round)?
            .set_or_remove("next_attempt_at", self.next_attempt_at.as_ref())?
            .set_or_remove("due_at", self.due_at.as_ref())?
            .set_or_remove("problem", self.problem.as_ref())?
            .add("revision", 1);
        Ok(update.index2_or_remove(self.gsi2().as_ref()))
    }

    /// Takes it out of what is due, when it is still due then: its message was sent.
    ///
    /// # Errors
    /// When a value cannot be stored.
    pub fn sent(&self) -> Result<Update, Error> {
        let update = Update::at(Row::key(self)).when(Condition::is("revision", &self.revision)?);
        let update = update.set_or_remove::<Time>("due_at", None)?.add("revision", 1);
        Ok(update.index2_or_remove(None))
    }

    /// Where those lie that are due some time, by the number of their shard. Global: one look finds those of all tenants.
    #[must_use]
    pub fn due(shard: u8) -> Partition {
        Partition::global("DUE", &["DELIVERY", &shard.to_string()])
    }

    /// Which of [`SHARDS`] it belongs to: one partition of an index takes about 1,000 writes a second.
    fn shard(&self) -> u8 {
        let sum = |sum: u8, byte: u8| sum.wrapping_mul(31).wrapping_add(byte);
        self.id.as_str().bytes().fold(0, sum) % SHARDS
    }
}

impl Row for Delivery {
    fn key(&self) -> Key {
        Self::key(&self.tenant, &self.bot, &self.id)
    }

    fn gsi2(&self) -> Option<Key> {
        let place = |due: Time| sort(&due.to_string(), &[self.tenant.as_str(), self.id.as_str()]);
        self.due_at.map(|due| Self::due(self.shard()).at(place(due)))
    }

    fn expires_at(&self) -> Option<i64> {
        Some(self.created_at.second() + KEPT)
    }
}

/// A wait in milliseconds, up to a fifth longer, so that what failed together does not come back together.
fn jittered(seconds: u32) -> i64 {
    let milliseconds = i64::from(seconds) * 1000;
    milliseconds + rand::rng().random_range(0..=milliseconds / 5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Clock, events::SigningSecret, sealing::SealingKey};

    fn delivery(trigger: Trigger) -> Delivery {
        let now = Clock::default().now();
        let key = SealingKey::parse(&SealingKey::generate()).unwrap();
        let bot = (&TenantId::new(), &BotId::new());
        let url = "https://example.com/".to_owned();
        let webhook = Webhook::new(bot, url, Vec::new(), &SigningSecret::generate(), &key, now).unwrap();
        let told = Told {
            event: EventId::new(),
            kind: EventType::KbUpdated,
            body: "{}".to_owned(),
        };
        Delivery::new(&webhook, told, trigger, now)
    }

    fn attempt(number: u32, at: Time, status: u16) -> Attempt {
        Attempt {
            number,
            at,
            duration_ms: 7,
            response_status: Some(status),
            response_excerpt: None,
            problem: (status >= 300).then(|| Problem::new("status", "no")),
            retry_after: None,
        }
    }

    #[test]
    fn a_failed_delivery_is_tried_eight_times_by_the_schedule() {
        let mut delivery = delivery(Trigger::Event);
        let mut now = delivery.created_at;
        for (n, wait) in (1..).zip(RETRIES) {
            delivery.note(attempt(n, now, 500), false, now, &RETRIES);
            assert_eq!((delivery.status, delivery.next().attempt), (Status::Pending, n + 1));
            let next = delivery.next_attempt_at.unwrap();
            let waited = next.millisecond() - now.millisecond();
            assert!(
                (i64::from(wait) * 1000..=i64::from(wait) * 1200).contains(&waited),
                "{n}: {waited}"
            );
            // Three quarters of an hour and more are rows; five seconds and minutes a message's delay.
            assert_eq!(delivery.due_at.is_some(), n > 2, "{n}");
            assert_eq!(delivery.gsi2().is_some(), n > 2);
            now = next;
        }
        delivery.note(attempt(8, now, 500), false, now, &RETRIES);
        assert_eq!((delivery.status, delivery.next_attempt_at), (Status::Failed, None));
        delivery.again(now);
        delivery.note(attempt(9, now, 500), false, now, &RETRIES);
        let waited = delivery.next_attempt_at.unwrap().millisecond() - now.millisecond();
        assert!((5_000..=6_000).contains(&waited), "the waits count anew: {waited}");
    }

    #[test]
    fn a_receiver_may_ask_for_a_longer_wait_but_not_for_a_shorter_one_or_for_ever() {
        let now = Clock::default().now();
        for (asked, at_least, at_most) in [(1, 5, 6), (120, 120, 144), (1_000_000, 86_400, 103_680)] {
            let mut delivery = delivery(Trigger::Event);
            let busy = Attempt {
                retry_after: Some(asked),
                ..attempt(1, now, 503)
            };
            delivery.note(busy, false, now, &RETRIES);
            let waited = delivery.next_attempt_at.unwrap().millisecond() - now.millisecond();
            assert!(
                (at_least * 1000..=at_most * 1000).contains(&waited),
                "{asked}: {waited}"
            );
        }
    }

    #[test]
    fn gone_and_a_test_have_no_other_attempt() {
        let now = Clock::default().now();
        let (mut gone, mut test) = (delivery(Trigger::Event), delivery(Trigger::Test));
        gone.note(attempt(1, now, 410), true, now, &RETRIES);
        test.note(attempt(1, now, 410), false, now, &RETRIES);
        assert_eq!((gone.status, test.status), (Status::Failed, Status::Failed));
        assert_eq!(gone.problem.unwrap().code, "webhook_gone");
        assert_eq!(test.problem, None);
        let mut moved = delivery(Trigger::Event);
        moved.note(attempt(1, now, 410), false, now, &RETRIES);
        assert_eq!(moved.status, Status::Pending, "its webhook has another address by now");
    }

    #[test]
    fn an_attempt_that_is_noted_late_or_twice_changes_no_plan() {
        let mut delivery = delivery(Trigger::Event);
        let now = delivery.created_at;
        delivery.note(attempt(1, now, 500), false, now, &RETRIES);
        let planned = delivery.next_attempt_at;
        delivery.note(attempt(1, now.plus(-10), 500), false, now.plus(50), &RETRIES);
        assert_eq!((delivery.next_attempt_at, delivery.number), (planned, 1));
        assert!(delivery.attempts.is_sorted_by_key(|attempt| attempt.at));
        delivery.note(attempt(1, now.plus(20), 200), false, now.plus(60), &RETRIES);
        assert_eq!((delivery.status, delivery.next_attempt_at), (Status::Succeeded, None));
        delivery.note(attempt(2, now.plus(30), 500), false, now.plus(70), &RETRIES);
        assert_eq!((delivery.status, delivery.number), (Status::Succeeded, 2));
        assert_eq!(delivery.attempts.len(), 4);
    }

    #[test]
    fn the_log_keeps_the_newest_attempts() {
        let mut delivery = delivery(Trigger::Event);
        let now = delivery.created_at;
        for n in 1..=30 {
            delivery.note(attempt(n, now.plus(i64::from(n)), 500), false, now, &RETRIES);
            delivery.again(now);
        }
        assert_eq!(delivery.attempts.len(), MOST_ATTEMPTS);
        assert_eq!(delivery.attempts[0].number, 11);
    }
}

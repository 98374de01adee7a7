//! The time of day, asked in one place so that tests can hold it still.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use jiff::Timestamp;

/// A clock: the system's, or one that a test sets.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// A clock that stands still at `at` until [`Clock::set`].
    #[must_use]
    pub fn fixed(at: Timestamp) -> Self {
        Self(Some(Arc::new(AtomicI64::new(at.as_millisecond()))))
    }

    /// Moves a fixed clock; the system's does not move.
    pub fn set(&self, at: Timestamp) {
        if let Some(fixed) = &self.0 {
            fixed.store(at.as_millisecond(), Ordering::Relaxed);
        }
    }

    /// Now, in whole milliseconds.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    pub fn now(&self) -> Time {
        let millisecond = match &self.0 {
            Some(fixed) => fixed.load(Ordering::Relaxed),
            None => Timestamp::now().as_millisecond(),
        };
        Time(Timestamp::from_millisecond(millisecond).unwrap_or_default())
    }
}

/// A moment, written as ISO 8601 UTC with milliseconds (`2026-01-15T10:30:00.000Z`), so that text order is time order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(Timestamp);

impl Time {
    /// Milliseconds since 1970.
    #[must_use]
    pub fn millisecond(self) -> i64 {
        self.0.as_millisecond()
    }

    /// The moment itself.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        self.0
    }

    /// So many milliseconds later, or earlier.
    #[must_use]
    pub fn plus(self, milliseconds: i64) -> Self {
        Self(Timestamp::from_millisecond(self.millisecond().saturating_add(milliseconds)).unwrap_or(self.0))
    }

    /// Whole seconds from here until `later`, rounded up; 0 when that is past.
    #[must_use]
    pub fn seconds_until(self, later: Self) -> u32 {
        whole_seconds(later.millisecond().saturating_sub(self.millisecond()))
    }

    /// Seconds since 1970, rounded down: what a DynamoDB TTL wants.
    #[must_use]
    pub fn second(self) -> i64 {
        self.0.as_second()
    }

    /// So many milliseconds after the beginning of 1970; one that is too far away is the last that there is.
    #[must_use]
    pub fn at_millisecond(millisecond: i64) -> Self {
        Self(Timestamp::from_millisecond(millisecond).unwrap_or(Timestamp::MAX))
    }

    /// Reads a moment that somebody states, in ISO 8601 with any offset.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

/// Milliseconds as whole seconds, rounded up; 0 when there are none left.
pub(crate) fn whole_seconds(milliseconds: i64) -> u32 {
    u32::try_from(milliseconds.saturating_add(999) / 1000).unwrap_or(0)
}

impl utoipa::PartialSchema for Time {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(
                utoipa::openapi::KnownFormat::DateTime,
            )))
            .description(Some("ISO 8601, UTC, with milliseconds"))
            .into()
    }
}

impl utoipa::ToSchema for Time {}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl serde::Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Time {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_never_shorter_than_what_is_left_and_never_negative() {
        let now = Time::at_millisecond(10_000);
        let waits = [9_000, 9_999, 10_000, 10_001, 11_000, 11_001].map(Time::at_millisecond);
        assert_eq!(waits.map(|later| now.seconds_until(later)), [0, 0, 0, 1, 1, 2]);
    }

    #[test]
    fn times_are_written_with_milliseconds_and_read_back() {
        let time = Clock::fixed("2026-01-15T10:30:00Z".parse().unwrap()).now();
        let json = serde_json::to_string(&time).unwrap();
        assert_eq!(json, "\"2026-01-15T10:30:00.000Z\"");
        assert_eq!(serde_json::from_str::<Time>(&json).unwrap(), time);
    }
}

//! When a routine runs: `rate(…)` or `cron(…)`, as AWS writes them, in a time zone.

use jiff::tz::TimeZone;

use super::cron::Cron;
use crate::clock::Time;

/// Longest interval of a rate, in days.
const MAX_DAYS: i64 = 3_650;

/// When something happens again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Every so many milliseconds, from its beginning or the last occurrence on.
    Rate(i64),
    /// At the times that match.
    Cron(Box<Cron>),
}

impl Schedule {
    /// Most characters of an expression.
    pub const MAX_CHARS: usize = 256;

    /// Reads an expression.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence that begins with the expression's name.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > Self::MAX_CHARS {
            return Err(format!("must have at most {} characters", Self::MAX_CHARS));
        }
        let (kind, inside) = text
            .trim()
            .strip_suffix(')')
            .and_then(|text| text.split_once('('))
            .unwrap_or_default();
        match kind {
            "cron" => Ok(Self::Cron(Box::new(Cron::parse(inside)?))),
            "rate" => rate(inside).map(Self::Rate),
            _ => Err("must be rate(5 minutes) or cron(0 9 ? * MON-FRI *)".to_owned()),
        }
    }

    /// The first occurrence behind `after`; `None` when there is none any more.
    #[must_use]
    pub fn next(&self, after: Time, zone: &TimeZone) -> Option<Time> {
        match self {
            Self::Rate(interval) => Some(after.plus(*interval)),
            Self::Cron(cron) => {
                let next = cron.next(after.timestamp(), zone)?;
                Some(Time::at_millisecond(next.as_millisecond()))
            }
        }
    }
}

/// The milliseconds of `5 minutes`.
fn rate(text: &str) -> Result<i64, String> {
    const WANTED: &str = "must be like rate(5 minutes), rate(1 hour) or rate(7 days)";
    let parts: Vec<&str> = text.split_whitespace().collect();
    let &[count, unit] = parts.as_slice() else {
        return Err(WANTED.to_owned());
    };
    let minutes: i64 = match unit {
        "minute" | "minutes" => 1,
        "hour" | "hours" => 60,
        "day" | "days" => 1_440,
        _ => return Err(WANTED.to_owned()),
    };
    let digits = count.bytes().all(|b| b.is_ascii_digit());
    let count: Option<i64> = digits.then(|| count.parse().ok()).flatten();
    let minutes = count.and_then(|count| count.checked_mul(minutes));
    minutes
        .filter(|minutes| (1..=MAX_DAYS * 1_440).contains(minutes))
        .map(|minutes| minutes * 60_000)
        .ok_or_else(|| format!("must be a rate from 1 minute to {MAX_DAYS} days"))
}

/// The time zone of this IANA name.
#[must_use]
pub fn zone(name: &str) -> Option<TimeZone> {
    let known = TimeZone::get(name).ok()?;
    (!known.is_unknown()).then_some(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Time {
        Time::parse(text).unwrap()
    }

    #[test]
    fn a_rate_counts_from_where_it_is_told() {
        let from = time("2026-03-29T00:59:12.345Z");
        for (text, expected) in [
            ("rate(1 minute)", "2026-03-29T01:00:12.345Z"),
            ("rate(90 minutes)", "2026-03-29T02:29:12.345Z"),
            ("rate(1 hours)", "2026-03-29T01:59:12.345Z"),
            ("rate(1 day)", "2026-03-30T00:59:12.345Z"),
        ] {
            let zone = zone("Europe/Berlin").unwrap();
            let next = Schedule::parse(text).unwrap().next(from, &zone);
            assert_eq!(next, Some(time(expected)), "{text}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in [
            "",
            "rate",
            "rate()",
            "rate(0 minutes)",
            "rate(-1 minutes)",
            "rate(+1 minutes)",
            "rate(30 seconds)",
            "rate(1.5 hours)",
            "rate(3651 days)",
            "rate(99999999999999999999 days)",
            "every(1 day)",
            "0 9 * * ? *",
            "cron(0 9 * * ? *",
            "cron(0 9 * * ?)",
        ] {
            assert!(Schedule::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn zones_are_known_without_any_file() {
        for name in [
            "UTC",
            "Europe/Berlin",
            "America/New_York",
            "Australia/Lord_Howe",
            "Asia/Kolkata",
        ] {
            assert!(zone(name).is_some(), "{name}");
        }
        for name in [
            "",
            "Mars/Phobos",
            "Etc/Unknown",
            "+02:00",
            "CET-1CEST",
            "../../etc/passwd",
        ] {
            assert!(zone(name).is_none(), "{name}");
        }
    }
}

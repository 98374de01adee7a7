//! A range of days in UTC, and the months that it touches.

use jiff::{ToSpan, civil::Date, tz::Offset};

use crate::{clock::Time, error::Error};

/// Days of a range whose beginning nobody states.
const USUAL: i64 = 30;
/// Longest range, in years.
const MAX_YEARS: i64 = 10;

/// The day of a moment, in UTC.
pub(super) fn day(at: Time) -> Date {
    Offset::UTC.to_datetime(at.timestamp()).date()
}

/// From a first to a last day, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    pub(super) first: Date,
    pub(super) last: Date,
}

impl Days {
    /// The days from `start_date` to `end_date` (`YYYY-MM-DD`): to today when there is no end, and 30 of them when there is no
    /// beginning.
    ///
    /// # Errors
    /// 400 naming the one that is no date, or that makes the range end before it begins or be longer than ten years.
    pub fn parse(start: Option<&str>, end: Option<&str>, now: Time) -> Result<Self, Error> {
        let (start, end) = (date("start_date", start)?, date("end_date", end)?);
        let last = end.unwrap_or_else(|| day(now));
        let first = start.unwrap_or_else(|| last.saturating_sub((USUAL - 1).days()));
        if first > last {
            return Err(match end {
                Some(_) => Error::field("end_date", "must not be before start_date"),
                None => Error::field(
                    "start_date",
                    "must not be after today, which is the last day without an end_date",
                ),
            });
        }
        if first < last.saturating_sub(MAX_YEARS.years()) {
            return Err(Error::field(
                "start_date",
                format!("must be at most {MAX_YEARS} years before the last day"),
            ));
        }
        Ok(Self { first, last })
    }

    /// The month of a moment.
    pub(super) fn month(at: Time) -> Self {
        let day = day(at);
        Self {
            first: day.first_of_month(),
            last: day.last_of_month(),
        }
    }

    /// The range in parts, one for each month.
    pub(super) fn months(self) -> impl Iterator<Item = Self> {
        let next = |first: &Date| first.last_of_month().tomorrow().ok();
        std::iter::successors(Some(self.first), next)
            .take_while(move |first| *first <= self.last)
            .map(move |first| Self {
                first,
                last: first.last_of_month().min(self.last),
            })
    }

    pub(super) fn holds(self, day: Date) -> bool {
        (self.first..=self.last).contains(&day)
    }
}

/// `2026-11`.
pub(super) fn month_name(of: Date) -> String {
    of.strftime("%Y-%m").to_string()
}

/// A date as the contract writes it, and no other way.
fn date(field: &str, stated: Option<&str>) -> Result<Option<Date>, Error> {
    let Some(stated) = stated else { return Ok(None) };
    let date = stated.parse::<Date>().ok().filter(|date| date.to_string() == stated);
    date.map(Some)
        .ok_or_else(|| Error::field(field, "must be a day as YYYY-MM-DD"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use proptest::prelude::*;

    fn now() -> Time {
        Clock::fixed("2026-11-24T23:59:59.999Z".parse().unwrap()).now()
    }

    fn range(start: Option<&str>, end: Option<&str>) -> (String, String) {
        let days = Days::parse(start, end, now()).unwrap();
        (days.first.to_string(), days.last.to_string())
    }

    fn refused(start: Option<&str>, end: Option<&str>) -> String {
        let Err(Error::Invalid { fields, .. }) = Days::parse(start, end, now()) else {
            panic!("not 400: {start:?} {end:?}")
        };
        fields.into_keys().collect()
    }

    #[test]
    fn what_is_not_stated_is_the_last_thirty_days() {
        let owned = |first: &str, last: &str| (first.to_owned(), last.to_owned());
        assert_eq!(range(None, None), owned("2026-10-26", "2026-11-24"));
        assert_eq!(range(None, Some("2024-03-01")), owned("2024-02-01", "2024-03-01"));
        assert_eq!(range(Some("2024-01-01"), None), owned("2024-01-01", "2026-11-24"));
        assert_eq!(range(Some("2026-11-24"), None), owned("2026-11-24", "2026-11-24"));
        assert_eq!(range(Some("2016-11-24"), None), owned("2016-11-24", "2026-11-24"));
        assert_eq!(
            range(Some("2018-02-28"), Some("2028-02-29")),
            owned("2018-02-28", "2028-02-29")
        );
    }

    #[test]
    fn a_bad_range_names_its_field() {
        for bad in [
            "",
            "x",
            "2024-1-1",
            "20240101",
            "2024-02-30",
            "2024-13-01",
            "2024-01-01T00:00:00",
            "+002024-01-01",
        ] {
            assert_eq!(refused(Some(bad), None), "start_date", "{bad}");
            assert_eq!(refused(None, Some(bad)), "end_date", "{bad}");
        }
        assert_eq!(refused(Some("2026-11-02"), Some("2026-11-01")), "end_date");
        assert_eq!(refused(Some("2026-11-25"), None), "start_date");
        assert_eq!(refused(Some("2016-11-23"), None), "start_date");
        assert_eq!(refused(Some("2018-02-27"), Some("2028-02-29")), "start_date");
    }

    #[test]
    fn a_range_is_read_month_by_month() {
        let days = Days::parse(Some("2024-12-31"), Some("2025-03-01"), now()).unwrap();
        let months: Vec<String> = days
            .months()
            .map(|part| format!("{} {} {}", month_name(part.first), part.first, part.last))
            .collect();
        assert_eq!(
            months,
            [
                "2024-12 2024-12-31 2024-12-31",
                "2025-01 2025-01-01 2025-01-31",
                "2025-02 2025-02-01 2025-02-28",
                "2025-03 2025-03-01 2025-03-01",
            ]
        );
        assert_eq!(Days::month(now()).months().count(), 1);
        let longest = Days::parse(Some("2016-11-24"), None, now()).unwrap();
        assert_eq!(longest.months().count(), 121);
    }

    proptest! {
        /// The parts follow each other without a gap, each within one month.
        #[test]
        fn the_months_are_the_range(first in 0..4_000_i64, length in 0..3_650_i64) {
            let first = jiff::civil::date(2015, 1, 1).saturating_add(first.days());
            let days = Days { first, last: first.saturating_add(length.days()) };
            let mut next = days.first;
            for part in days.months() {
                prop_assert_eq!(part.first, next);
                prop_assert_eq!(month_name(part.first), month_name(part.last));
                prop_assert!(days.holds(part.first) && days.holds(part.last));
                next = part.last.tomorrow().unwrap();
            }
            prop_assert_eq!(next, days.last.tomorrow().unwrap());
        }
    }
}

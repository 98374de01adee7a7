//! The fields of a cron expression: sets of numbers, and the days that the two day fields describe.

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday};

/// The numbers that a field admits.
pub(super) type Set = BTreeSet<i16>;

/// What a field is about.
pub(super) struct Field {
    name: &'static str,
    min: i16,
    max: i16,
    /// What may stand for `min`, `min + 1`, ….
    names: &'static [&'static str],
    /// Whether a range may go over the end (`FRI-MON`, `22-2`).
    wraps: bool,
}

pub(super) const MINUTES: Field = Field::numbers("minute", 0, 59);
pub(super) const HOURS: Field = Field::numbers("hour", 0, 23);
const DAYS_OF_MONTH: Field = Field::numbers("day of month", 1, 31);
pub(super) const MONTHS: Field = Field {
    names: &[
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ],
    ..Field::numbers("month", 1, 12)
};
const DAYS_OF_WEEK: Field = Field {
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    ..Field::numbers("day of week", 1, 7)
};
pub(super) const YEARS: Field = Field {
    wraps: false,
    ..Field::numbers("year", 1970, 2199)
};

impl Field {
    const fn numbers(name: &'static str, min: i16, max: i16) -> Self {
        Self {
            name,
            min,
            max,
            names: &[],
            wraps: true,
        }
    }

    /// Reads a list of numbers, ranges and steps.
    pub(super) fn read(&self, text: &str) -> Result<Set, String> {
        let mut set = Set::new();
        for part in text.split(',') {
            self.add(part, &mut set)?;
        }
        Ok(set)
    }

    fn add(&self, part: &str, set: &mut Set) -> Result<(), String> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step)?)),
            None => (part, None),
        };
        let (low, high) = match range.split_once('-') {
            _ if range == "*" => (self.min, self.max),
            Some((low, high)) => (self.number(low)?, self.number(high)?),
            None => {
                let low = self.number(range)?;
                (low, if step.is_some() { self.max } else { low })
            }
        };
        let all = self.max - self.min + 1;
        let high = match low <= high {
            true => high,
            false if self.wraps => high + all,
            false => return Err(format!("has a {} range that ends before it begins", self.name)),
        };
        let step = usize::try_from(step.unwrap_or(1)).unwrap_or(1);
        set.extend((low..=high).step_by(step).map(|n| self.min + (n - self.min) % all));
        Ok(())
    }

    fn step(&self, text: &str) -> Result<i16, String> {
        let step = digits(text).filter(|step| (1..=self.max).contains(step));
        step.ok_or_else(|| format!("has {text:?} as step of the {} field", self.name))
    }

    fn number(&self, text: &str) -> Result<i16, String> {
        let named = self.names.iter().position(|name| *name == text);
        let number = match named {
            Some(at) => i16::try_from(at).ok().map(|at| at + self.min),
            None => digits(text),
        };
        number
            .filter(|number| (self.min..=self.max).contains(number))
            .ok_or_else(|| format!("has {text:?} in the {} field", self.name))
    }
}

/// A number of digits only: `+5` is none.
fn digits(text: &str) -> Option<i16> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Which days match: by one of the two day fields, the other of which is `?`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Days {
    /// Days of the month.
    OfMonth {
        days: Set,
        /// `L`.
        last: bool,
        /// `LW`: the last weekday.
        last_weekday: bool,
        /// `15W`: the weekday that is nearest to a day, in the same month.
        nearest: Set,
    },
    /// Days of the week, 1 = Sunday.
    OfWeek {
        days: Set,
        /// `5L`: the last Thursday.
        last: Set,
        /// `3#2`: the second Tuesday.
        nth: BTreeSet<(i16, i16)>,
    },
}

impl Days {
    pub(super) fn read(of_month: &str, of_week: &str) -> Result<Self, String> {
        match (of_month, of_week) {
            ("?", "?") => Err("has ? in both day fields; only one may be left open".to_owned()),
            (days, "?") => Self::read_of_month(days),
            ("?", days) => Self::read_of_week(days),
            _ => Err("states both days of the month and of the week; one of them must be ?".to_owned()),
        }
    }

    fn read_of_month(text: &str) -> Result<Self, String> {
        let (mut days, mut nearest) = (Set::new(), Set::new());
        let (mut last, mut last_weekday) = (false, false);
        for part in text.split(',') {
            match (part, part.strip_suffix('W')) {
                ("L", _) => last = true,
                ("LW", _) => last_weekday = true,
                (_, Some(day)) => {
                    nearest.insert(DAYS_OF_MONTH.number(day)?);
                }
                (part, None) => DAYS_OF_MONTH.add(part, &mut days)?,
            }
        }
        Ok(Self::OfMonth {
            days,
            last,
            last_weekday,
            nearest,
        })
    }

    fn read_of_week(text: &str) -> Result<Self, String> {
        let (mut days, mut last, mut nth) = (Set::new(), Set::new(), BTreeSet::new());
        for part in text.split(',') {
            if part == "L" {
                days.insert(DAYS_OF_WEEK.max);
            } else if let Some(day) = part.strip_suffix('L') {
                last.insert(DAYS_OF_WEEK.number(day)?);
            } else if let Some((day, n)) = part.split_once('#') {
                let n = digits(n).filter(|n| (1..=5).contains(n));
                let n = n.ok_or_else(|| format!("has {part:?} in the day of week field; # takes 1 to 5"))?;
                nth.insert((DAYS_OF_WEEK.number(day)?, n));
            } else {
                DAYS_OF_WEEK.add(part, &mut days)?;
            }
        }
        Ok(Self::OfWeek { days, last, nth })
    }

    /// Whether it is one of them.
    pub(super) fn hold(&self, date: Date) -> bool {
        let day = i16::from(date.day());
        let end = i16::from(date.days_in_month());
        match self {
            Self::OfMonth {
                days,
                last,
                last_weekday,
                nearest,
            } => {
                days.contains(&day)
                    || *last && day == end
                    || *last_weekday && is_nearest_weekday(date, end)
                    || nearest.iter().any(|wanted| is_nearest_weekday(date, *wanted))
            }
            Self::OfWeek { days, last, nth } => {
                let weekday = i16::from(date.weekday().to_sunday_one_offset());
                days.contains(&weekday)
                    || last.contains(&weekday) && day + 7 > end
                    || nth.contains(&(weekday, (day - 1) / 7 + 1))
            }
        }
    }
}

/// Whether a date is the weekday that is nearest to a day of its month.
fn is_nearest_weekday(date: Date, wanted: i16) -> bool {
    let wanted = i8::try_from(wanted).ok();
    let Some(wanted) = wanted.and_then(|day| Date::new(date.year(), date.month(), day).ok()) else {
        return false;
    };
    let away = match wanted.weekday() {
        Weekday::Saturday if wanted.day() == 1 => 2,
        Weekday::Saturday => -1,
        Weekday::Sunday if wanted.day() == wanted.days_in_month() => -2,
        Weekday::Sunday => 1,
        _ => 0,
    };
    date.day() == wanted.day() + away
}

//! AWS's cron expressions: six fields from minute to year, and when they occur next in a time zone.
//!
//! Where clocks are put forward, a time of a fixed hour that does not exist is the first instant behind the gap; where they
//! are put back, one that exists twice is the first of both. With `*` or a step as hour every instant that matches counts.

mod fields;
#[cfg(test)]
mod tests;

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::{AmbiguousOffset, TimeZone},
};

use fields::{Days, HOURS, MINUTES, MONTHS, Set, YEARS};

/// `cron(minute hour day-of-month month day-of-week year)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    minutes: Set,
    hours: Set,
    /// Whether the hours are `*` or a step: then a repeated hour counts twice, and one that is left out not at all.
    every_hour: bool,
    days: Days,
    months: Set,
    years: Set,
}

impl Cron {
    /// Reads the six fields.
    ///
    /// # Errors
    /// What is wrong, as a sentence's end.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.to_ascii_uppercase();
        let fields: Vec<&str> = text.split_whitespace().collect();
        let &[minutes, hours, of_month, months, of_week, years] = fields.as_slice() else {
            return Err("must have six fields: minute, hour, day of month, month, day of week, year".to_owned());
        };
        Ok(Self {
            minutes: MINUTES.read(minutes)?,
            hours: HOURS.read(hours)?,
            every_hour: hours.contains(['*', '/']),
            days: Days::read(of_month, of_week)?,
            months: MONTHS.read(months)?,
            years: YEARS.read(years)?,
        })
    }

    /// The first instant behind `after`; `None` when there is none any more.
    #[must_use]
    pub fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let today = zone.to_datetime(after).date();
        // What a gap at the end of yesterday moved may be today's.
        let from = today.yesterday().unwrap_or(today);
        self.dates(from)
            .find_map(|date| self.first_of(date, after, zone).unwrap_or_default())
    }

    /// The dates from `from` on that match.
    fn dates(&self, from: Date) -> impl Iterator<Item = Date> {
        let months = move |year: i16| self.months.iter().map(move |month| (year, *month));
        self.years
            .range(from.year()..)
            .flat_map(move |year| months(*year))
            .filter(move |month| *month >= (from.year(), i16::from(from.month())))
            .filter_map(|(year, month)| Date::new(year, i8::try_from(month).ok()?, 1).ok())
            .flat_map(|first| {
                first
                    .series(jiff::Span::new().days(1))
                    .take_while(move |date| date.month() == first.month())
            })
            .filter(move |date| *date >= from && self.days.hold(*date))
    }

    /// The first instant of a date behind `after`.
    fn first_of(&self, date: Date, after: Timestamp, zone: &TimeZone) -> Result<Option<Timestamp>, jiff::Error> {
        let begin = zone.to_timestamp(date.at(0, 0, 0, 0))?;
        let end = zone.to_timestamp(date.tomorrow()?.at(0, 0, 0, 0))?;
        let just_before = Timestamp::from_second(begin.as_second() - 1)?;
        let change = zone.following(just_before).next().map(|change| change.timestamp());
        if change.is_some_and(|change| change < end) {
            return Ok(self.first_of_irregular(date, after, zone));
        }
        let offset = zone.to_offset(begin);
        let now = offset.to_datetime(after);
        let from = match now.date().cmp(&date) {
            std::cmp::Ordering::Less => (0, 0),
            std::cmp::Ordering::Equal => (i16::from(now.hour()), i16::from(now.minute()) + 1),
            std::cmp::Ordering::Greater => return Ok(None),
        };
        let minute = |hour| self.minutes.range(if hour == from.0 { from.1 } else { 0 }..).next();
        let found = self
            .hours
            .range(from.0..)
            .find_map(|hour| Some((*hour, *minute(*hour)?)));
        let time = found.and_then(|(hour, minute)| at(date, hour, minute));
        time.map(|time| offset.to_timestamp(time)).transpose()
    }

    /// [`Cron::first_of`] for a date on which clocks are changed.
    fn first_of_irregular(&self, date: Date, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let times = self
            .hours
            .iter()
            .flat_map(|hour| self.minutes.iter().map(|minute| (*hour, *minute)));
        times
            .filter_map(|(hour, minute)| at(date, hour, minute))
            .flat_map(|time| self.instants(time, zone))
            .flatten()
            .filter(|instant| *instant > after)
            .min()
    }

    /// The instants that a local time stands for.
    fn instants(&self, time: DateTime, zone: &TimeZone) -> [Option<Timestamp>; 2] {
        match zone.to_ambiguous_timestamp(time).offset() {
            AmbiguousOffset::Unambiguous { offset } => [offset.to_timestamp(time).ok(), None],
            AmbiguousOffset::Fold { before, after } => {
                let second = self.every_hour.then(|| after.to_timestamp(time).ok()).flatten();
                [before.to_timestamp(time).ok(), second]
            }
            AmbiguousOffset::Gap { .. } if self.every_hour => [None, None],
            AmbiguousOffset::Gap { before, .. } => {
                let behind = before.to_timestamp(time).ok();
                let behind = behind.and_then(|behind| Timestamp::from_second(behind.as_second() + 1).ok());
                let change = behind.and_then(|behind| zone.preceding(behind).next().map(|change| change.timestamp()));
                [change, None]
            }
        }
    }
}

fn at(date: Date, hour: i16, minute: i16) -> Option<DateTime> {
    Some(date.at(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0))
}

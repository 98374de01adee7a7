//! Occurrences are compared with those that a walk through all minutes finds.

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Weekday},
    tz::TimeZone,
};
use proptest::{collection::btree_set, prelude::*, sample::select};

use super::Cron;
use crate::routines::schedule::zone;

const MINUTE: i64 = 60;
/// When clocks are changed.
const CHANGES: [&str; 6] = [
    "2026-03-29T01:00:00Z",
    "2026-10-25T01:00:00Z",
    "2026-03-08T07:00:00Z",
    "2026-11-01T06:00:00Z",
    "2026-04-04T15:00:00Z",
    "2026-10-03T15:30:00Z",
];

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The first `n` occurrences behind an instant, in the zone's own time.
fn upcoming(text: &str, zone_name: &str, after: &str, n: usize) -> Vec<String> {
    let (cron, zone) = (Cron::parse(text).unwrap(), zone(zone_name).unwrap());
    let mut last = at(after);
    let mut all = Vec::new();
    while all.len() < n {
        last = cron.next(last, &zone).unwrap();
        let (local, offset) = (zone.to_datetime(last), zone.to_offset(last).seconds());
        let sign = if offset < 0 { '-' } else { '+' };
        let (hours, minutes) = (offset.abs() / 3600, offset.abs() / 60 % 60);
        all.push(format!(
            "{}{sign}{hours:02}:{minutes:02}",
            local.strftime("%Y-%m-%dT%H:%M")
        ));
    }
    all
}

/// An hour field: how it is written, what it admits, and whether every instant counts.
fn hour() -> impl Strategy<Value = (String, Vec<i8>, bool)> {
    let list = btree_set(0..24i8, 1..4).prop_map(|hours| {
        let text: Vec<String> = hours.iter().map(i8::to_string).collect();
        (text.join(","), hours.into_iter().collect(), false)
    });
    let step = (0..24i8, 1..12i8).prop_map(|(from, step)| {
        let hours = (from..24).step_by(usize::try_from(step).unwrap()).collect();
        (format!("{from}/{step}"), hours, true)
    });
    prop_oneof![list, step, Just(("*".to_owned(), (0..24).collect(), true))]
}

/// The two day fields, and which days they admit.
type Holds = fn(Date, i8) -> bool;

fn days() -> impl Strategy<Value = (String, String, i8, Holds)> {
    let nearest: Holds = |date, day| {
        let Ok(wanted) = Date::new(date.year(), date.month(), day) else {
            return false;
        };
        let weekdays = |date: &Date| !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
        let month = (1..=date.days_in_month()).map(|day| Date::new(date.year(), date.month(), day).unwrap());
        // Of two that are as near, Saturdays go back and Sundays forward: there are never two.
        let best = month
            .filter(weekdays)
            .min_by_key(|near| (near.day() - wanted.day()).abs());
        best == Some(date)
    };
    let last: Holds = |date, day| {
        let mut later =
            (date.day() + 1..=date.days_in_month()).map(|d| Date::new(date.year(), date.month(), d).unwrap());
        date.weekday().to_sunday_one_offset() == day && later.all(|later| later.weekday() != date.weekday())
    };
    let second: Holds = |date, day| {
        let until = (1..=date.day()).map(|d| Date::new(date.year(), date.month(), d).unwrap());
        date.weekday().to_sunday_one_offset() == day && until.filter(|d| d.weekday() == date.weekday()).count() == 2
    };
    prop_oneof![
        Just(("*".to_owned(), "?".to_owned(), 0, (|_, _| true) as Holds)),
        (1..=31i8).prop_map(|day| (
            day.to_string(),
            "?".to_owned(),
            day,
            (|date, day| date.day() == day) as Holds
        )),
        (1..=31i8).prop_map(move |day| (format!("{day}W"), "?".to_owned(), day, nearest)),
        Just((
            "L".to_owned(),
            "?".to_owned(),
            0,
            (|date, _| date.tomorrow().unwrap().month() != date.month()) as Holds
        )),
        (1..=7i8).prop_map(|day| {
            let holds: Holds = |date, day| date.weekday().to_sunday_one_offset() == day;
            ("?".to_owned(), day.to_string(), day, holds)
        }),
        (1..=7i8).prop_map(move |day| ("?".to_owned(), format!("{day}L"), day, last)),
        (1..=7i8).prop_map(move |day| ("?".to_owned(), format!("{day}#2"), day, second)),
    ]
}

/// The first occurrence by looking at each minute; `None` when there is none in so many.
fn walk(
    matches: &dyn Fn(DateTime) -> bool,
    every_hour: bool,
    after: Timestamp,
    minutes: i64,
    zone: &TimeZone,
) -> Option<Timestamp> {
    let begin = after.as_second().div_euclid(MINUTE) * MINUTE;
    (1..=minutes).find_map(|n| {
        let instant = Timestamp::from_second(begin + n * MINUTE).unwrap();
        let before = zone.to_datetime(Timestamp::from_second(begin + (n - 1) * MINUTE).unwrap());
        let local = zone.to_datetime(instant);
        if every_hour {
            return matches(local).then_some(instant);
        }
        let again = zone.to_timestamp(local).unwrap() != instant;
        let mut skipped = before.checked_add(jiff::Span::new().minutes(1)).unwrap();
        let mut moved = false;
        while skipped < local {
            moved |= matches(skipped);
            skipped = skipped.checked_add(jiff::Span::new().minutes(1)).unwrap();
        }
        (moved || (!again && matches(local))).then_some(instant)
    })
}

/// Instants, many of them shortly before a change of clocks.
fn instant() -> impl Strategy<Value = i64> {
    let near = (select(&CHANGES), -200_000..20_000i64).prop_map(|(change, off)| at(change).as_second() + off);
    prop_oneof![near, 1_700_000_000..1_900_000_000i64]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_next_occurrence_is_the_first_that_matches(
        minutes in btree_set(0..60i8, 1..4),
        (hour, hours, every_hour) in hour(),
        (of_month, of_week, day, holds) in days(),
        after in instant(),
        zone_name in select(&["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
    ) {
        let zone = zone(zone_name).unwrap();
        let list: Vec<String> = minutes.iter().map(i8::to_string).collect();
        let cron = Cron::parse(&format!("{} {hour} {of_month} * {of_week} *", list.join(","))).unwrap();
        let matches = |time: DateTime| {
            minutes.contains(&time.minute()) && hours.contains(&time.hour()) && holds(time.date(), day)
        };
        let after = Timestamp::from_second(after).unwrap();
        let next = cron.next(after, &zone).unwrap();
        prop_assert!(next > after);
        let horizon = 20 * 24 * 60;
        match walk(&matches, every_hour, after, horizon, &zone) {
            Some(walked) => prop_assert_eq!(next, walked),
            None => prop_assert!(next.as_second() - after.as_second() > (horizon - 1) * MINUTE),
        }
    }

    #[test]
    fn no_text_is_too_strange(text in "[0-9*?/,#LWA-Z -]{0,30}") {
        if let Ok(cron) = Cron::parse(&text) {
            let now = at("2026-01-01T00:00:00Z");
            prop_assert!(cron.next(now, &TimeZone::UTC).is_none_or(|next| next > now));
        }
    }
}

#[test]
fn a_time_that_clocks_leave_out_is_the_first_instant_behind() {
    let next = upcoming("30 2 * * ? *", "Europe/Berlin", "2026-03-27T12:00:00Z", 3);
    assert_eq!(
        next,
        [
            "2026-03-28T02:30+01:00",
            "2026-03-29T03:00+02:00",
            "2026-03-30T02:30+02:00"
        ]
    );
    let next = upcoming("0,30 2,3 * * ? *", "America/New_York", "2026-03-08T06:00:00Z", 3);
    assert_eq!(
        next,
        [
            "2026-03-08T03:00-04:00",
            "2026-03-08T03:30-04:00",
            "2026-03-09T02:00-04:00"
        ]
    );
    // Half an hour only.
    let next = upcoming("15,45 2 * * ? *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", 3);
    assert_eq!(
        next,
        [
            "2026-10-04T02:30+11:00",
            "2026-10-04T02:45+11:00",
            "2026-10-05T02:15+11:00"
        ]
    );
}

#[test]
fn a_time_that_comes_twice_counts_once_unless_every_hour_does() {
    let next = upcoming("30 2 * * ? *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2);
    assert_eq!(next, ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]);
    let next = upcoming("30 1 * * ? *", "America/New_York", "2026-11-01T05:45:00Z", 1);
    assert_eq!(next, ["2026-11-02T01:30-05:00"], "the second 1:30 is not another one");
    let next = upcoming("45 1 * * ? *", "Australia/Lord_Howe", "2026-04-04T12:00:00Z", 2);
    assert_eq!(next, ["2026-04-05T01:45+11:00", "2026-04-06T01:45+10:30"]);
    let next = upcoming("30 * * * ? *", "Europe/Berlin", "2026-10-24T23:45:00Z", 4);
    assert_eq!(
        next,
        [
            "2026-10-25T02:30+02:00",
            "2026-10-25T02:30+01:00",
            "2026-10-25T03:30+01:00",
            "2026-10-25T04:30+01:00"
        ]
    );
    let next = upcoming("30 0/1 * * ? *", "America/New_York", "2026-03-08T06:00:00Z", 2);
    assert_eq!(next, ["2026-03-08T01:30-05:00", "2026-03-08T03:30-04:00"]);
}

#[test]
fn the_forms_of_the_manual_are_understood() {
    for (text, expected) in [
        ("0 10 * * ? *", "2026-01-01T10:00+00:00"),
        ("15 12 * * ? *", "2026-01-01T12:15+00:00"),
        ("0 18 ? * MON-FRI *", "2026-01-01T18:00+00:00"),
        ("0 8 1 * ? *", "2026-01-01T08:00+00:00"),
        ("0/15 * * * ? *", "2026-01-01T00:15+00:00"),
        ("0/10 * ? * mon-fri *", "2026-01-01T00:10+00:00"),
        ("0/5 8-17 ? * MON-FRI *", "2026-01-01T08:00+00:00"),
        ("0 9 ? * 2#1 *", "2026-01-05T09:00+00:00"),
        ("0 0 ? * TUE#5 *", "2026-03-31T00:00+00:00"),
        ("15 10 ? * 6L 2027-2030", "2027-01-29T10:15+00:00"),
        ("0 0 L * ? *", "2026-01-31T00:00+00:00"),
        ("0 0 LW 1 ? *", "2026-01-30T00:00+00:00"),
        ("0 0 3W * ? *", "2026-01-02T00:00+00:00"),
        ("0 0 1W 8 ? *", "2026-08-03T00:00+00:00"),
        ("0 0 31W MAY ? *", "2026-05-29T00:00+00:00"),
        ("0 0 ? * L *", "2026-01-03T00:00+00:00"),
        ("0 0 ? * SAT-MON *", "2026-01-03T00:00+00:00"),
        ("0 22-2 * * ? *", "2026-01-01T01:00+00:00"),
        ("0 0 29 FEB ? *", "2028-02-29T00:00+00:00"),
        ("59 23 31 12 ? 2199", "2199-12-31T23:59+00:00"),
    ] {
        assert_eq!(upcoming(text, "UTC", "2026-01-01T00:00:00Z", 1), [expected], "{text}");
    }
}

#[test]
fn what_never_comes_is_known() {
    for text in ["0 0 30 2 ? *", "0 0 31W FEB ? *", "0 0 1 1 ? 1999", "0 0 29 2 ? 2027"] {
        let next = Cron::parse(text)
            .unwrap()
            .next(at("2026-01-01T00:00:00Z"), &TimeZone::UTC);
        assert_eq!(next, None, "{text}");
    }
}

#[test]
fn what_is_no_expression_is_refused() {
    for text in [
        "",
        "* * * * *",
        "* * * * ? * *",
        "* * * * * *",
        "* * ? * ? *",
        "60 * * * ? *",
        "0 24 * * ? *",
        "0 0 0 * ? *",
        "0 0 32 * ? *",
        "0 0 1 13 ? *",
        "0 0 ? * 8 *",
        "0 0 ? * 0 *",
        "0 0 ? * 3#6 *",
        "0 0 ? * #1 *",
        "0 0 * * ? 2200",
        "0 0 * * ? 2030-2026",
        "0/0 * * * ? *",
        "*/x * * * ? *",
        "1,, * * * ? *",
        "-1 * * * ? *",
        "+1 * * * ? *",
        "0 0 ? JANUARY MON *",
        "? * * * ? *",
        "0 0 W * ? *",
    ] {
        assert!(Cron::parse(text).is_err(), "{text}");
    }
}

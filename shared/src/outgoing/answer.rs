//! What a receiver answered.

use http::{HeaderMap, header::RETRY_AFTER};
use jiff::{civil::DateTime, tz::TimeZone};

/// Most bytes of an answer that are read, and kept.
pub(super) const MAX_BODY: usize = 64 * 1_024;

/// The forms of a date in HTTP (RFC 9110 §5.6.7): the one to write, and the two obsolete ones that must be read too.
const DATES: [&str; 3] = [
    "%a, %d %b %Y %H:%M:%S GMT",
    "%A, %d-%b-%y %H:%M:%S GMT",
    "%a %b %e %H:%M:%S %Y",
];

/// An answer, whatever its status: a redirect is one, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// What came with it: the first 64 KiB at most, as text; what is not UTF-8 is replaced by U+FFFD.
    pub body: String,
    retry_after: Option<RetryAfter>,
}

/// When a receiver wants to be asked again (RFC 9110 §10.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RetryAfter {
    /// So many seconds after its answer.
    Seconds(u64),
    /// At a time, in seconds since 1970.
    At(i64),
}

impl Answer {
    /// An answer of these parts; a body that is too long is cut.
    pub(super) fn new(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let mut body = String::from_utf8_lossy(body).into_owned();
        body.truncate(body.floor_char_boundary(MAX_BODY));
        Self {
            status,
            body,
            retry_after: headers
                .get(RETRY_AFTER)
                .and_then(|value| RetryAfter::parse(value.to_str().ok()?)),
        }
    }

    /// Seconds from `now` (in seconds since 1970) until the receiver wants to be asked again, as it may state by
    /// `Retry-After`: any number, so cap it. 0 where its moment is past; `None` where it states none, or not in a form
    /// of RFC 9110.
    #[must_use]
    pub fn retry_after(&self, now: i64) -> Option<u64> {
        self.retry_after.map(|after| match after {
            RetryAfter::Seconds(seconds) => seconds,
            RetryAfter::At(time) => u64::try_from(time.saturating_sub(now)).unwrap_or(0),
        })
    }
}

impl RetryAfter {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(Self::Seconds(text.parse().unwrap_or(u64::MAX)));
        }
        let date = DATES.iter().find_map(|form| DateTime::strptime(form, text).ok())?;
        let time = TimeZone::UTC.to_timestamp(date).ok()?;
        Some(Self::At(time.as_second()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 1994-11-06 08:49:37, the moment of RFC 9110's examples.
    const MOMENT: i64 = 784_111_777;

    fn retry_after(text: &str, now: i64) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, text.parse().unwrap());
        Answer::new(503, &headers, b"").retry_after(now)
    }

    #[test]
    fn retry_after_is_read_as_seconds() {
        assert_eq!(retry_after("120", MOMENT), Some(120));
        assert_eq!(retry_after("0", MOMENT), Some(0));
        assert_eq!(retry_after("99999999999999999999999", MOMENT), Some(u64::MAX));
    }

    #[test]
    fn retry_after_is_read_as_a_date_in_all_three_forms() {
        for date in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(retry_after(date, MOMENT - 90), Some(90), "{date}");
            assert_eq!(retry_after(date, MOMENT), Some(0), "{date}");
            assert_eq!(retry_after(date, MOMENT + 90), Some(0), "{date}");
        }
    }

    #[test]
    fn any_other_retry_after_is_none() {
        let others = [
            "",
            "soon",
            "-5",
            "+5",
            "1.5",
            "5s",
            "0x10",
            "1994-11-06T08:49:37Z",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 31 Feb 1994 08:49:37 GMT",
        ];
        for other in others {
            assert_eq!(retry_after(other, MOMENT), None, "{other}");
        }
        assert_eq!(Answer::new(503, &HeaderMap::new(), b"").retry_after(MOMENT), None);
    }

    proptest! {
        #[test]
        fn any_retry_after_is_read_or_passed_over(
            text in "[ -~]{0,40}|[0-9]{1,30}|[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT",
            now in any::<i64>(),
        ) {
            let _ = retry_after(&text, now);
        }

        #[test]
        fn a_body_is_text_of_at_most_64_kib(
            body in proptest::collection::vec(any::<u8>(), 0..64),
            times in 1..4_000usize,
        ) {
            let body = body.repeat(times);
            let answer = Answer::new(200, &HeaderMap::new(), &body);
            let whole = String::from_utf8_lossy(&body);
            prop_assert!(answer.body.len() <= MAX_BODY && whole.starts_with(&answer.body));
            prop_assert!(answer.body.len() == whole.len() || answer.body.len() > MAX_BODY - 4);
        }
    }
}

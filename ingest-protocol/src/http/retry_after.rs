//! `Retry-After` ([RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)).

use ::http::HeaderMap;
use ::http::header::RETRY_AFTER;
use chrono::{DateTime, NaiveDateTime, Utc};

/// The date's three forms, of which the last two are obsolete, and still to be read (RFC 9110,
/// section 5.6.7).
const FORMS: [&str; 3] = [
    "%a, %d %b %Y %H:%M:%S GMT",
    "%A, %d-%b-%y %H:%M:%S GMT",
    "%a %b %e %H:%M:%S %Y",
];

/// How many seconds to wait, where the headers say so with `Retry-After`: as a number, which is
/// `u64::MAX` if it is greater, or as a date in one of the three forms of RFC 9110, which is counted
/// from `now` and rounded up. Nobody has to wait as long as a server says: bound it.
///
/// ```
/// use http::{HeaderMap, header::RETRY_AFTER};
/// use ingest_protocol::http::retry_after;
///
/// let headers = HeaderMap::from_iter([(RETRY_AFTER, "Sat, 28 Nov 2026 12:00:30 GMT".parse()?)]);
/// assert_eq!(retry_after(&headers, "2026-11-28T12:00:00Z".parse()?), Some(30));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<u64> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse().unwrap_or(u64::MAX));
    }
    let mut times = FORMS
        .iter()
        .map(|form| NaiveDateTime::parse_from_str(text, form));
    let time = times.find_map(Result::ok)?.and_utc();
    let wait = u64::try_from((time - now).num_milliseconds()).unwrap_or(0);
    Some(wait.div_ceil(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<u64> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
        retry_after(&headers, "1994-11-06T08:49:07.500Z".parse().unwrap())
    }

    #[test]
    fn seconds_and_the_three_forms_of_a_date() {
        for (text, wanted) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("99999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(30)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(30)),
            ("Sun Nov  6 08:49:37 1994", Some(30)),
            ("Sun, 06 Nov 1994 08:49:07 GMT", Some(0)),
            ("Sat, 01 Jan 0000 00:00:00 GMT", Some(0)),
            ("", None),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
            ("Sun, 06 Nov 1994 08:49:37 CET", None),
            ("Sun, 32 Nov 1994 08:49:37 GMT", None),
        ] {
            assert_eq!(read(text), wanted, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), DateTime::default()), None);
    }
}

//! Times as the sources write them: FILETIME, MIM's two text forms, and the
//! many of Entra exports. All are UTC unless they carry an offset.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};

/// Seconds between 1601-01-01 and 1970-01-01 (FILETIME's epoch and Unix's).
const EPOCH_SECONDS: i64 = 11_644_473_600;

/// The order of day and month in short dates such as `3/4/2021 7:05:09 AM`.
///
/// MIM writes the short form in its service's culture; only the American order
/// was ever seen, so that is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "there are no other orders")]
pub enum DateOrder {
    /// `3/4/2021` is 4 March.
    #[default]
    MonthFirst,
    /// `3/4/2021` is 3 April.
    DayFirst,
}

/// What a time field can hold besides a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeText {
    At(DateTime<Utc>),
    /// Blank, or the year 0001, which MIM writes for "no time".
    None,
}

/// FILETIME (100 ns ticks since 1601) to UTC; `None` out of `chrono`'s range.
#[must_use]
pub fn from_filetime(ticks: u64) -> Option<DateTime<Utc>> {
    // Both divisors are constants, and no step can overflow.
    let seconds = (ticks / 10_000_000) as i64 - EPOCH_SECONDS;
    let nanos = (ticks % 10_000_000 * 100) as u32;
    DateTime::from_timestamp(seconds, nanos)
}

/// UTC to FILETIME, cut to 100 ns; `None` before 1601.
#[must_use]
pub fn to_filetime(time: DateTime<Utc>) -> Option<u64> {
    let ticks = i128::from(time.timestamp()) * 10_000_000
        + i128::from(time.timestamp_subsec_nanos() / 100)
        + i128::from(EPOCH_SECONDS) * 10_000_000;
    u64::try_from(ticks).ok()
}

/// Reads a time in any text form that MIM or an Entra export was seen to write.
///
/// - ISO: `2026-03-02T08:15:09.58602+00:00`, `2026-03-02 08:15:09.123`, date
///   only, 0 to 9 decimals, `Z`, an offset, or neither (UTC);
/// - short: `3/4/2021 7:05:09 AM`, `6/10/2026, 5:04:38.398 PM`,
///   `16.11.2022 16:24:03`, in the given order;
/// - PowerShell: `28-May-24 11:49:02 AM`, `/Date(1717000000000)/`.
///
/// # Errors
/// A short text that says what is wrong, without the value.
pub(crate) fn parse(text: &str, order: DateOrder) -> Result<TimeText, &'static str> {
    match of_long_shape(text).or_else(|| of_short_shape(text, order)) {
        Some(time) => Ok(TimeText::At(time)),
        None => parse_any(text, order),
    }
}

/// One of the two forms that MIM writes most, `2019-12-17 01:19:42.633`, at once; `None`
/// for any other, and for what is no time in it.
fn of_long_shape(text: &str) -> Option<DateTime<Utc>> {
    const FORM: &[u8; 23] = b"0000-00-00 00:00:00.000";
    let bytes: &[u8; 23] = text.as_bytes().try_into().ok()?;
    let fits = |(byte, form): (&u8, &u8)| match form {
        b'0' => byte.is_ascii_digit(),
        mark => byte == mark,
    };
    if !bytes
        .iter()
        .zip(FORM)
        .fold(true, |all, pair| all & fits(pair))
    {
        return None;
    }
    let number = |from: usize, to: usize| {
        let digits = bytes.get(from..to).unwrap_or_default();
        digits
            .iter()
            .fold(0, |value, digit| value * 10 + u32::from(digit - b'0'))
    };
    let year = number(0, 4);
    let date = NaiveDate::from_ymd_opt(year.cast_signed(), number(5, 7), number(8, 10))?;
    let time = date.and_hms_milli_opt(
        number(11, 13),
        number(14, 16),
        number(17, 19),
        number(20, 23),
    )?;
    // The year 1 means that there is no time.
    (year > 1).then(|| time.and_utc())
}

/// The other one, `3/4/2021 7:05:09 AM`.
fn of_short_shape(text: &str, order: DateOrder) -> Option<DateTime<Utc>> {
    fn digit(byte: u8) -> Option<u32> {
        byte.is_ascii_digit().then(|| u32::from(byte - b'0'))
    }
    fn two(tens: u8, ones: u8) -> Option<u32> {
        Some(digit(tens)? * 10 + digit(ones)?)
    }
    /// A number of one or two digits, and what is behind the mark that ends it.
    fn up_to(bytes: &[u8], mark: u8) -> Option<(u32, &[u8])> {
        match *bytes {
            [ones, found, ref rest @ ..] if found == mark => Some((digit(ones)?, rest)),
            [tens, ones, found, ref rest @ ..] if found == mark => Some((two(tens, ones)?, rest)),
            _ => None,
        }
    }
    let (first, rest) = up_to(text.as_bytes(), b'/')?;
    let (second, rest) = up_to(rest, b'/')?;
    let [y0, y1, y2, y3, b' ', ref rest @ ..] = *rest else {
        return None;
    };
    let (hour, rest) = up_to(rest, b':')?;
    let [m0, m1, b':', s0, s1, b' ', half @ (b'A' | b'P'), b'M'] = *rest else {
        return None;
    };
    let year = two(y0, y1)? * 100 + two(y2, y3)?;
    let (month, day) = match order {
        DateOrder::MonthFirst => (first, second),
        DateOrder::DayFirst => (second, first),
    };
    let noon = if half == b'P' { 12 } else { 0 };
    let hour = matches!(hour, 1..=12).then_some(hour % 12 + noon)?;
    let date = NaiveDate::from_ymd_opt(year.cast_signed(), month, day)?;
    let time = date.and_hms_opt(hour, two(m0, m1)?, two(s0, s1)?)?;
    (year > 1).then(|| time.and_utc())
}

fn parse_any(text: &str, order: DateOrder) -> Result<TimeText, &'static str> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    if text.is_empty() {
        return Ok(TimeText::None);
    }
    if let Some(millis) = text
        .strip_prefix("/Date(")
        .and_then(|rest| rest.strip_suffix(")/"))
    {
        let end = millis
            .char_indices()
            .skip(1)
            .find(|(_, c)| matches!(c, '+' | '-'))
            .map_or(millis.len(), |(at, _)| at);
        let millis = millis[..end].parse().map_err(|_| "no number in /Date()/")?;
        return DateTime::from_timestamp_millis(millis)
            .map(TimeText::At)
            .ok_or("out of range");
    }
    let mut cursor = Cursor { rest: text };
    let first = cursor.number().ok_or("no date")?;
    let separator = cursor.next().ok_or("no date")?;
    let (year, month, day) = match separator {
        '-' if first.1 == 4 => {
            let month = cursor.number().ok_or("no month")?;
            cursor.expect('-')?;
            let day = cursor.number().ok_or("no day")?;
            (first.0, month.0, day.0)
        }
        '-' if cursor.rest.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            let month = cursor.month_name()?;
            cursor.expect('-')?;
            let year = cursor.number().ok_or("no year")?;
            (
                if year.1 <= 2 { 2000 + year.0 } else { year.0 },
                month,
                first.0,
            )
        }
        '/' | '.' | '-' => {
            let second = cursor.number().ok_or("no day or month")?;
            cursor.expect(separator)?;
            let year = cursor.number().ok_or("no year")?;
            if year.1 != 4 {
                return Err("a year needs four digits");
            }
            let (month, day) = match order {
                DateOrder::MonthFirst => (first.0, second.0),
                DateOrder::DayFirst => (second.0, first.0),
            };
            if month > 12 {
                return Err(match order {
                    DateOrder::MonthFirst => {
                        "the month comes first and is over 12; is this day-first?"
                    }
                    DateOrder::DayFirst => {
                        "the month comes second and is over 12; is this month-first?"
                    }
                });
            }
            (year.0, month, day)
        }
        _ => return Err("not a date"),
    };
    let date = i32::try_from(year)
        .ok()
        .and_then(|year| NaiveDate::from_ymd_opt(year, month, day))
        .ok_or("no such day")?;
    let (time, offset) = cursor.clock()?;
    if year <= 1 {
        return Ok(TimeText::None);
    }
    let local = NaiveDateTime::new(date, time);
    local
        .checked_sub_signed(offset)
        .map(|utc| TimeText::At(utc.and_utc()))
        .ok_or("out of range")
}

#[derive(Clone, Copy)]
struct Cursor<'a> {
    rest: &'a str,
}

impl Cursor<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn eat(&mut self, wanted: char) -> bool {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, wanted: char) -> Result<(), &'static str> {
        if self.eat(wanted) {
            Ok(())
        } else {
            Err("not a date")
        }
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Value and number of digits, up to nine.
    fn number(&mut self) -> Option<(u32, usize)> {
        let (mut value, mut digits) = (0, 0);
        for byte in self.rest.bytes().take_while(u8::is_ascii_digit) {
            if digits == 9 {
                return None;
            }
            value = value * 10 + u32::from(byte - b'0');
            digits += 1;
        }
        if digits == 0 {
            return None;
        }
        self.rest = self.rest.get(digits..)?;
        Some((value, digits))
    }

    fn month_name(&mut self) -> Result<u32, &'static str> {
        const NAMES: [&str; 12] = [
            "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
        ];
        let letters = self
            .rest
            .bytes()
            .take_while(u8::is_ascii_alphabetic)
            .count();
        let (name, rest) = self.rest.split_at(letters);
        self.rest = rest;
        NAMES
            .iter()
            .position(|known| name.len() >= 3 && name[..3].eq_ignore_ascii_case(known))
            .map(|at| at as u32 + 1)
            .ok_or("no such month")
    }

    /// Time of day and offset from UTC, both optional, up to the end.
    fn clock(&mut self) -> Result<(chrono::NaiveTime, TimeDelta), &'static str> {
        let midnight = chrono::NaiveTime::MIN;
        if self.rest.is_empty() {
            return Ok((midnight, TimeDelta::zero()));
        }
        if !self.eat('T') && !self.eat('t') {
            self.eat(',');
            self.blanks();
        }
        let mut hour = self.number().ok_or("no hour")?.0;
        self.expect(':')?;
        let minute = self.number().ok_or("no minute")?.0;
        let (mut second, mut nanos) = (0, 0);
        if self.eat(':') {
            second = self.number().ok_or("no second")?.0;
            if self.eat('.') {
                let (value, digits) = self.number().ok_or("no decimals")?;
                nanos = value * 10_u32.pow(9 - digits as u32);
            }
        }
        self.blanks();
        // `get`, not a slice: the rest may begin with a character of several bytes.
        let half = self.rest.get(..2);
        if half
            .is_some_and(|half| half.eq_ignore_ascii_case("AM") || half.eq_ignore_ascii_case("PM"))
        {
            if !(1..=12).contains(&hour) {
                return Err("an hour with AM or PM is 1 to 12");
            }
            hour = hour % 12
                + if self.rest.starts_with(['P', 'p']) {
                    12
                } else {
                    0
                };
            self.rest = &self.rest[2..];
            self.blanks();
        }
        let time = chrono::NaiveTime::from_hms_nano_opt(hour, minute, second, nanos)
            .ok_or("no such time of day")?;
        let mut offset = TimeDelta::zero();
        if self.eat('Z') || self.eat('z') {
        } else if self.eat('+') {
            offset = self.offset()?;
        } else if self.eat('-') {
            offset = -self.offset()?;
        }
        self.blanks();
        if self.rest.is_empty() {
            Ok((time, offset))
        } else {
            Err("text after the time")
        }
    }

    fn offset(&mut self) -> Result<TimeDelta, &'static str> {
        let (value, digits) = self.number().ok_or("no offset")?;
        let (hours, minutes) = match digits {
            4 => (value / 100, value % 100),
            1 | 2 if self.eat(':') => (value, self.number().ok_or("no offset minutes")?.0),
            1 | 2 => (value, 0),
            _ => return Err("no such offset"),
        };
        if hours > 14 || minutes > 59 {
            return Err("no such offset");
        }
        Ok(TimeDelta::minutes(i64::from(hours * 60 + minutes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(text: &str, wanted: &str) {
        let wanted = DateTime::parse_from_rfc3339(wanted).unwrap().to_utc();
        assert_eq!(
            parse(text, DateOrder::MonthFirst),
            Ok(TimeText::At(wanted)),
            "{text}"
        );
    }

    #[test]
    fn every_form_that_was_seen() {
        reads("2019-12-17 01:19:42.633", "2019-12-17T01:19:42.633Z");
        reads("2/13/2020 10:23:08 PM", "2020-02-13T22:23:08Z");
        reads("3/4/2021 12:05:09 AM", "2021-03-04T00:05:09Z");
        reads("01/09/2007 09:41:00", "2007-01-09T09:41:00Z");
        reads(
            "2026-03-02T08:15:09.58602+00:00",
            "2026-03-02T08:15:09.58602Z",
        );
        reads("2026-03-02T08:15:09.5860200Z", "2026-03-02T08:15:09.58602Z");
        reads(
            "2024-12-10 14:33:09.049661100",
            "2024-12-10T14:33:09.0496611Z",
        );
        reads("1/9/2007 9:41:00 AM +01:00", "2007-01-09T08:41:00Z");
        reads("6/10/2026, 5:04:38.398 PM", "2026-06-10T17:04:38.398Z");
        reads("06/19/2024 9:52:22 am", "2024-06-19T09:52:22Z");
        reads("28-May-24 11:49:02 AM", "2024-05-28T11:49:02Z");
        reads("/Date(1717000000000)/", "2024-05-29T16:26:40Z");
        reads("2026-03-02", "2026-03-02T00:00:00Z");
        reads(" 2026-03-02T08:15:09-0330\0", "2026-03-02T11:45:09Z");
    }

    #[test]
    fn day_first_is_an_option_and_never_a_guess() {
        let text = "16.11.2022 16:24:03";
        assert!(
            parse(text, DateOrder::MonthFirst)
                .unwrap_err()
                .contains("over 12")
        );
        let wanted = DateTime::parse_from_rfc3339("2022-11-16T16:24:03Z")
            .unwrap()
            .to_utc();
        assert_eq!(parse(text, DateOrder::DayFirst), Ok(TimeText::At(wanted)));
    }

    #[test]
    fn the_year_one_and_blanks_are_no_time() {
        for text in ["", "  ", "0001-01-01 00:00:00.000", "1/1/0001 12:00:00 AM"] {
            assert_eq!(
                parse(text, DateOrder::MonthFirst),
                Ok(TimeText::None),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_time_is_an_error() {
        for text in [
            "soon",
            "2026-02-30 00:00:00",
            "2026-03-02 25:00:00",
            "3/4/21",
            "2026-03-02 08:15:09 later",
            "2026-03-02 0:0:0 é",
            "2026-03-02 13:00 PM",
            "-",
            "/Date(x)/",
            "2026-03-02T08:15:09+99:00",
        ] {
            assert!(parse(text, DateOrder::MonthFirst).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_usual_form_reads_as_by_the_long_way(
            text in "([01]|20)[0-9]{2,3}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-6][0-9]:[0-6][0-9]\\.[0-9]{3}"
        ) {
            let order = DateOrder::MonthFirst;
            proptest::prop_assert_eq!(parse(&text, order), parse_any(&text, order));
        }
    }

    proptest::proptest! {
        #[test]
        fn the_short_form_reads_as_by_the_long_way(
            text in "[0-3]?[0-9]/[0-3]?[0-9]/([01]|20)[0-9]{2,3} [0-2]?[0-9]:[0-6]?[0-9]:[0-6][0-9]( [APap][Mm])?.?",
            day_first in proptest::bool::ANY,
        ) {
            let order = if day_first { DateOrder::DayFirst } else { DateOrder::MonthFirst };
            proptest::prop_assert_eq!(parse(&text, order), parse_any(&text, order));
        }
    }

    #[test]
    fn the_usual_forms_are_read_at_once() {
        assert!(of_long_shape("2019-12-17 01:19:42.633").is_some());
        assert!(of_short_shape("12/7/2021 12:05:09 PM", DateOrder::MonthFirst).is_some());
    }

    #[test]
    fn filetime_and_back() {
        assert_eq!(
            from_filetime(0).unwrap().to_rfc3339(),
            "1601-01-01T00:00:00+00:00"
        );
        let time = from_filetime(132_210_599_826_330_001).unwrap();
        assert_eq!(to_filetime(time), Some(132_210_599_826_330_001));
        assert!(from_filetime(u64::MAX).is_some());
    }
}

//! Times as arguments.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

/// Reads a time: RFC 3339 (`2026-03-02T08:15:00+01:00`), the same without an
/// offset (UTC), or a date alone (its first moment, UTC).
///
/// # Errors
/// A sentence for the user if it is none of these.
pub fn parse(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    for form in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(&text.replace(' ', "T"), form) {
            return Ok(time.and_utc());
        }
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .map(|date| date.and_time(NaiveTime::MIN).and_utc())
        .map_err(|_| "a time is written 2026-03-02 or 2026-03-02T08:15:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form() {
        let wanted = DateTime::from_timestamp(1_772_439_300, 0);
        for text in [
            "2026-03-02T08:15:00Z",
            "2026-03-02T09:15:00+01:00",
            "2026-03-02T08:15:00",
            "2026-03-02 08:15",
        ] {
            assert_eq!(parse(text).ok(), wanted, "{text}");
        }
        assert_eq!(parse("2026-03-02"), parse("2026-03-02T00:00:00Z"));
        assert!(parse("yesterday").is_err());
    }
}

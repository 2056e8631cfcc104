//! How this machine's clock stands to the service's.

use chrono::{DateTime, Utc};

/// A clock that differs by more seconds makes times wrong, tokens fail, and new streams too old.
const MOST: i64 = 60;

/// By how many seconds this machine's clock is ahead; negative if it is behind.
pub(crate) fn ahead(ours: DateTime<Utc>, theirs: DateTime<Utc>) -> i64 {
    (ours - theirs).num_seconds()
}

/// Whether somebody has to set it.
pub(crate) fn is_off(ahead: i64) -> bool {
    ahead.unsigned_abs() > MOST.unsigned_abs()
}

/// What to do about it.
pub(crate) fn told(ahead: i64) -> String {
    let side = if ahead < 0 { "behind" } else { "ahead of" };
    let seconds = ahead.unsigned_abs();
    format!("this machine's clock is {seconds} s {side} the service's: set it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_no_matter_and_more_is_told_with_its_side() {
        assert!(!is_off(60) && !is_off(-60) && is_off(61) && is_off(-61));
        assert!(is_off(i64::MIN));
        assert!(told(7200).contains("7200 s ahead of the service's"));
        assert!(told(-7200).contains("7200 s behind the service's"));
    }
}

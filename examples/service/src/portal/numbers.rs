//! Numbers as people read them: grouped digits, shares, sizes.

use chrono::TimeDelta;

/// Digits in groups of three, with narrow spaces that do not break.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 * 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// `1 activity`, `12 activities`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!(
        "{} {}",
        grouped(number),
        if number == 1 { one } else { many }
    )
}

/// A share with one decimal: `1.9 %`. Of nothing there is none.
pub fn percent(part: u64, whole: u64) -> Option<String> {
    (whole > 0).then(|| decimal(part as f64 * 100.0 / whole as f64))
}

fn decimal(percent: f64) -> String {
    format!("{percent:.1}\u{202f}%")
}

/// How much more or fewer than before: the share without a sign, and whether it is more.
pub fn change(now: u64, before: u64) -> Option<(String, bool)> {
    if before == 0 {
        return None;
    }
    let percent = (now as f64 - before as f64) * 100.0 / before as f64;
    Some((decimal(percent.abs()), now > before))
}

/// A size in decimal units: `12.4 MB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1000.0;
    let mut unit = 0;
    while size >= 999.95 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS.get(unit).unwrap_or(&"TB"))
}

/// A length of time in its two largest units: `6 h 3 min`.
pub fn duration(length: TimeDelta) -> String {
    let seconds = length.num_seconds().max(0);
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let Some(first) = parts.iter().position(|(number, _)| *number > 0) else {
        return "0 s".to_owned();
    };
    let shown = parts.iter().skip(first).take(2);
    let words: Vec<String> = shown
        .filter(|(number, _)| *number > 0)
        .map(|(number, unit)| format!("{number} {unit}"))
        .collect();
    words.join(" ")
}

/// The top of an axis that begins at zero: 1, 2, 3, 5 or 8 times a power of ten, even
/// enough that its half is a whole number, too.
pub fn axis_top(most: u64) -> u64 {
    let mut power: u64 = 1;
    loop {
        for step in [2, 4, 6, 10, 16] {
            let top = power.saturating_mul(step);
            if top >= most {
                return top;
            }
        }
        power = power.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(26_180), "26\u{202f}180");
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
    }

    #[test]
    fn shares_and_changes() {
        assert_eq!(percent(19, 1000).as_deref(), Some("1.9\u{202f}%"));
        assert_eq!(percent(1, 0), None);
        assert_eq!(change(110, 100), Some(("10.0\u{202f}%".to_owned(), true)));
        assert_eq!(change(90, 100), Some(("10.0\u{202f}%".to_owned(), false)));
        assert_eq!(change(1, 0), None);
    }

    #[test]
    fn sizes_and_lengths() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(12_400_000), "12.4 MB");
        assert_eq!(bytes(999_999), "1.0 MB");
        assert_eq!(duration(TimeDelta::seconds(21_780)), "6 h 3 min");
        assert_eq!(duration(TimeDelta::seconds(86_400 * 4)), "4 d");
        assert_eq!(duration(TimeDelta::seconds(86_430)), "1 d");
        assert_eq!(duration(TimeDelta::zero()), "0 s");
    }

    #[test]
    fn the_top_of_an_axis_holds_the_most_and_halves() {
        for most in [0, 1, 7, 10, 11, 99, 2_917, 123_456] {
            let top = axis_top(most);
            assert!(
                top >= most && top.is_multiple_of(2) && top <= 2 * most.max(1) + 8,
                "{most}: {top}"
            );
        }
    }
}

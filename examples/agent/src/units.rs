//! Times and sizes as people write them: `10m`, `1 GiB`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error as _};

/// Reads `90s`, `10m`, `2h`, `1d` or a number of seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let seconds = match unit {
        "ms" => {
            return number
                .parse()
                .map(Duration::from_millis)
                .map_err(|_| wrong_duration());
        }
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(wrong_duration()),
    };
    let number: u64 = number.parse().map_err(|_| wrong_duration())?;
    let seconds = number.checked_mul(seconds).filter(|s| *s < 1 << 40);
    seconds.map(Duration::from_secs).ok_or_else(wrong_duration)
}

/// Reads `64 KiB`, `10 MiB`, `1 GiB` or a number of bytes.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || "a size is written 65536, 64 KiB, 10 MiB or 1 GiB".to_owned();
    let (number, unit) = split(text);
    let shift = match unit {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).ok_or_else(wrong)
}

fn wrong_duration() -> String {
    "a time is written 500ms, 90s, 10m, 2h or 1d".to_owned()
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    (number, unit.trim())
}

/// A time of a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

/// A size of a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(u64),
    Text(String),
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer);
        match written.map_err(|_| D::Error::custom(wrong_duration()))? {
            Written::Number(seconds) => Ok(Self(Duration::from_secs(seconds.min(1 << 40)))),
            Written::Text(text) => duration(&text).map(Self).map_err(D::Error::custom),
        }
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::Number(number) => Ok(Self(number)),
            Written::Text(text) => bytes(&text).map(Self).map_err(D::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form() {
        assert_eq!(duration("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration(" 2 h"), Ok(Duration::from_secs(7200)));
        assert_eq!(bytes("1 GiB"), Ok(1 << 30));
        assert_eq!(bytes("4096"), Ok(4096));
        for wrong in ["", "m", "-1m", "1w", "99999999999999999999s", "1.5h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "GiB", "1 GB", "18446744073709551615 KiB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}

//! A cell as text, for the writers that write text.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};

use super::json;
use crate::schema::DataType;
use crate::value::Value;

/// How moments are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Times {
    /// `2026-03-02 08:15:09`, for people; UTC.
    Seconds,
    /// `2026-03-02T08:15:09.31Z` (RFC 3339), for machines.
    Rfc3339,
}

/// A moment as machines read it, with as many digits as it has.
pub(super) fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// A cell as text: null is empty, items of a list are joined by `, `. What holds
/// records is written as JSON, since only there a field keeps its name.
pub(super) fn text<'a>(value: &'a Value, data_type: &DataType, times: Times) -> Cow<'a, str> {
    match (value, data_type) {
        (Value::Null, _) => Cow::Borrowed(""),
        (Value::Text(text), _) => Cow::Borrowed(text),
        (Value::Time(time), _) => Cow::Owned(match times {
            Times::Seconds => time.format("%Y-%m-%d %H:%M:%S").to_string(),
            Times::Rfc3339 => rfc3339(*time),
        }),
        (Value::List(items), DataType::List(item)) if !holds_records(item) => {
            let mut joined = String::new();
            for value in items.iter().filter(|value| !value.is_null()) {
                if !joined.is_empty() {
                    joined.push_str(", ");
                }
                joined.push_str(&text(value, item, times));
            }
            Cow::Owned(joined)
        }
        (Value::List(_) | Value::Record(_), _) => {
            let mut written = String::new();
            json::push_value(&mut written, value, data_type);
            Cow::Owned(written)
        }
        _ => Cow::Owned(value.to_string()),
    }
}

fn holds_records(data_type: &DataType) -> bool {
    match data_type {
        DataType::Record(_) => true,
        DataType::List(item) => holds_records(item),
        _ => false,
    }
}

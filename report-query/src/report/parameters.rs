//! The parameters of a report: what may be given, and how a text becomes a value.

use std::fmt;

use chrono::{DateTime, Days, Months, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::value::Value;

/// A parameter of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ParameterDefinition {
    /// The name, as the query and those who run the report use it.
    pub name: String,
    /// The type of its value.
    #[serde(rename = "type")]
    pub data_type: ParameterType,
    /// What it means, in one sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The value if none is given, as text. Without it the query runs without
    /// a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Which end of a day is meant when only the day is given (type `time`).
    #[serde(default, skip_serializing_if = "DayPart::is_start")]
    pub day: DayPart,
    /// The values that there are (type `text`); any text if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ParameterType {
    /// A text.
    Text,
    /// A moment.
    Time,
    /// True or false.
    Bool,
    /// A whole number.
    Int,
}

impl fmt::Display for ParameterType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "a text",
            Self::Time => "a time: 2026-03-02T08:15:00Z, 2026-03-02, newest or newest-P1M",
            Self::Bool => "true or false",
            Self::Int => "a whole number",
        })
    }
}

/// Which end of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DayPart {
    /// Its first moment.
    #[default]
    Start,
    /// The first moment of the next day.
    End,
}

impl DayPart {
    #[allow(
        clippy::trivially_copy_pass_by_ref,
        reason = "the shape serde asks for"
    )]
    fn is_start(&self) -> bool {
        *self == Self::Start
    }
}

/// A value that a parameter may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Choice {
    /// The value that the query gets; none if this choice means "not given".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The name that is shown.
    pub label: String,
    /// Other names for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
}

impl Choice {
    fn is_called(&self, name: &str) -> bool {
        let names = self.value.iter().chain([&self.label]).chain(&self.aliases);
        let name = name.to_lowercase();
        names.into_iter().any(|known| known.to_lowercase() == name)
    }
}

impl ParameterDefinition {
    /// A parameter without default and choices.
    #[must_use]
    pub fn new(name: impl Into<String>, data_type: ParameterType) -> Self {
        Self {
            name: name.into(),
            data_type,
            description: String::new(),
            default: None,
            day: DayPart::Start,
            choices: Vec::new(),
        }
    }

    /// What would do, for an error.
    pub(super) fn expected(&self) -> String {
        if self.choices.is_empty() {
            return self.data_type.to_string();
        }
        let labels: Vec<&str> = self
            .choices
            .iter()
            .map(|choice| choice.label.as_str())
            .collect();
        format!("one of {}", labels.join(", "))
    }

    /// The value as the query gets it, or nothing if it is of no use. `newest` is
    /// what times may be relative to; without it they mean nothing and become null.
    pub(super) fn read(&self, value: &Value, newest: Option<DateTime<Utc>>) -> Option<Value> {
        let text = match (self.data_type, value) {
            (_, Value::Null) => return Some(Value::Null),
            (_, Value::Text(text)) => text.trim(),
            (ParameterType::Time, Value::Time(_))
            | (ParameterType::Bool, Value::Bool(_))
            | (ParameterType::Int, Value::Int(_)) => return Some(value.clone()),
            _ => return None,
        };
        match self.data_type {
            // An empty field of a form is not given.
            _ if text.is_empty() => Some(Value::Null),
            ParameterType::Text if self.choices.is_empty() => Some(text.into()),
            ParameterType::Text => {
                let choice = self.choices.iter().find(|choice| choice.is_called(text))?;
                Some(choice.value.as_ref().into())
            }
            ParameterType::Time => read_time(text, self.day, newest),
            ParameterType::Bool => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "1" => Some(true.into()),
                "false" | "no" | "0" => Some(false.into()),
                _ => None,
            },
            ParameterType::Int => text.parse::<i64>().ok().map(Value::from),
        }
    }
}

fn read_time(text: &str, day: DayPart, newest: Option<DateTime<Utc>>) -> Option<Value> {
    if let Some(offset) = text.strip_prefix("newest") {
        let period = match offset {
            "" => None,
            _ => Some(Period::read(offset.strip_prefix('-')?)?),
        };
        let Some(newest) = newest else {
            return Some(Value::Null);
        };
        let time = period.map_or(Some(newest), |period| period.before(newest));
        return time.map(Value::from);
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc().into());
    }
    let date: NaiveDate = text.parse().ok()?;
    let date = match day {
        DayPart::Start => date,
        DayPart::End => date.checked_add_days(Days::new(1))?,
    };
    Some(date.and_time(NaiveTime::MIN).and_utc().into())
}

/// A stretch of time as ISO 8601 writes it, of one unit: `P1M`, `P14D`, `PT6H`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Period {
    Months(u32),
    Seconds(i64),
}

impl Period {
    fn read(text: &str) -> Option<Self> {
        let text = text.strip_prefix('P')?;
        let (number, unit, of_day) = match text.strip_prefix('T') {
            Some(text) => (text, text.chars().next_back()?, true),
            None => (text, text.chars().next_back()?, false),
        };
        let number: u32 = number.strip_suffix(unit)?.parse().ok()?;
        let seconds = |each: i64| Some(Self::Seconds(i64::from(number) * each));
        match (of_day, unit) {
            (false, 'Y') => Some(Self::Months(number.checked_mul(12)?)),
            (false, 'M') => Some(Self::Months(number)),
            (false, 'W') => seconds(7 * 86_400),
            (false, 'D') => seconds(86_400),
            (true, 'H') => seconds(3_600),
            (true, 'M') => seconds(60),
            (true, 'S') => seconds(1),
            _ => None,
        }
    }

    fn before(self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Months(months) => time.checked_sub_months(Months::new(months)),
            Self::Seconds(seconds) => time.checked_sub_signed(TimeDelta::try_seconds(seconds)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Value {
        Value::Time(text.parse().unwrap())
    }

    fn read(parameter: &ParameterDefinition, value: impl Into<Value>) -> Option<Value> {
        let newest = "2026-03-31T12:00:00Z".parse().unwrap();
        parameter.read(&value.into(), Some(newest))
    }

    #[test]
    fn times() {
        let mut from = ParameterDefinition::new("from", ParameterType::Time);
        for (text, expected) in [
            ("2026-03-02T08:15:00+01:00", "2026-03-02T07:15:00Z"),
            ("2026-03-02", "2026-03-02T00:00:00Z"),
            (" newest ", "2026-03-31T12:00:00Z"),
            ("newest-P1M", "2026-02-28T12:00:00Z"),
            ("newest-P1Y", "2025-03-31T12:00:00Z"),
            ("newest-P2W", "2026-03-17T12:00:00Z"),
            ("newest-P14D", "2026-03-17T12:00:00Z"),
            ("newest-PT6H", "2026-03-31T06:00:00Z"),
        ] {
            assert!(read(&from, text) == Some(time(expected)), "{text}");
        }
        from.day = DayPart::End;
        assert!(read(&from, "2026-03-31") == Some(time("2026-04-01T00:00:00Z")));
        assert!(read(&from, "2026-03-31T00:00:00Z") == Some(time("2026-03-31T00:00:00Z")));
        for text in [
            "yesterday",
            "02/04/2026",
            "2026-13-01",
            "newest-1",
            "newest+P1D",
            "newest-P",
            "newest-P1",
            "newest-P99999999Y",
            "newest-PT4294967295H",
        ] {
            assert!(read(&from, text).is_none(), "{text}");
        }
        assert!(read(&from, 1).is_none());
        assert!(from.read(&Value::from("newest-P1M"), None) == Some(Value::Null));
        assert!(from.read(&Value::from("newest-x"), None).is_none());
    }

    #[test]
    fn other_types() {
        let hidden = ParameterDefinition::new("hidden", ParameterType::Bool);
        assert!(
            read(&hidden, "Yes") == Some(true.into()) && read(&hidden, false) == Some(false.into())
        );
        assert!(read(&hidden, "maybe").is_none());
        let limit = ParameterDefinition::new("limit", ParameterType::Int);
        assert!(read(&limit, "-7") == Some((-7).into()) && read(&limit, "7.5").is_none());
        let actor = ParameterDefinition::new("actor", ParameterType::Text);
        assert!(read(&actor, " alice ") == Some("alice".into()));
        assert!(read(&actor, "  ") == Some(Value::Null) && read(&actor, 5).is_none());
    }

    #[test]
    fn choices_have_many_names() {
        let mut source = ParameterDefinition::new("source", ParameterType::Text);
        source.choices = vec![
            Choice {
                value: Some("entra".into()),
                label: "Entra ID".into(),
                aliases: vec!["Azure AD".into()],
            },
            Choice {
                value: None,
                label: "all".into(),
                aliases: vec![],
            },
        ];
        for name in ["entra", "ENTRA ID", "azure ad"] {
            assert!(read(&source, name) == Some("entra".into()), "{name}");
        }
        assert!(read(&source, "All") == Some(Value::Null));
        assert!(read(&source, "okta").is_none());
        assert_eq!(source.expected(), "one of Entra ID, all");
    }
}

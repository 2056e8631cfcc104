//! The fields that a filter may speak of, one parameter each, and what each asks of a row.

use report_query::activity::columns as c;
use report_query::{Expr, TimePart, Zone, field, item, lit};

/// A field of the filter. The order is that of parameters in an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    Source,
    Service,
    Category,
    Operation,
    Activity,
    Kind,
    ResourceType,
    Result,
    InitiatedBy,
    Target,
    Correlation,
    Weekday,
    Hour,
}

/// What a filter says of a field's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// One of them.
    Is,
    /// None of them.
    Not,
    /// Begins with one of them.
    Starts,
}

pub const ON_PREMISES: &str = "onPremises";
pub const CLOUD: &str = "cloud";
/// What the service of Identity Manager is called in activities.
pub const MIM: &str = "MIM Service";
/// What it is called, too.
const MIM_LONG: &str = "Microsoft Identity Manager";

/// Results, by key and word, in the order in which pages list them.
pub const RESULTS: [(&str, &str); 7] = [
    ("success", "Succeeded"),
    ("failure", "Failed"),
    ("denied", "Denied"),
    ("pending", "Waiting"),
    ("canceled", "Canceled"),
    ("expired", "Expired"),
    ("unknown", "Unknown"),
];

const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// The word for a result's key.
pub fn result_word(key: &str) -> &str {
    RESULTS
        .iter()
        .find(|(known, _)| *known == key)
        .map_or(key, |(_, word)| word)
}

impl Op {
    pub const ALL: [Self; 3] = [Self::Is, Self::Not, Self::Starts];

    const fn suffix(self) -> &'static str {
        match self {
            Self::Is => "",
            Self::Not => ".not",
            Self::Starts => ".starts",
        }
    }

    pub const fn words(self) -> &'static str {
        match self {
            Self::Is => "is",
            Self::Not => "is not",
            Self::Starts => "starts with",
        }
    }
}

impl Field {
    pub const ALL: [Self; 13] = [
        Self::Source,
        Self::Service,
        Self::Category,
        Self::Operation,
        Self::Activity,
        Self::Kind,
        Self::ResourceType,
        Self::Result,
        Self::InitiatedBy,
        Self::Target,
        Self::Correlation,
        Self::Weekday,
        Self::Hour,
    ];

    /// Graph's name where Graph has the property.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Service => "loggedByService",
            Self::Category => "category",
            Self::Operation => "operationType",
            Self::Activity => "activityDisplayName",
            Self::Kind => "kind",
            Self::ResourceType => "resourceType",
            Self::Result => "result",
            Self::InitiatedBy => "initiatedBy",
            Self::Target => "target",
            Self::Correlation => "correlationId",
            Self::Weekday => "weekday",
            Self::Hour => "hour",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Source => "Source",
            Self::Service => "Service",
            Self::Category => "Category",
            Self::Operation => "Operation",
            Self::Activity => "Activity",
            Self::Kind => "Kind",
            Self::ResourceType => "Resource type",
            Self::Result => "Result",
            Self::InitiatedBy => "Initiated by",
            Self::Target => "Target",
            Self::Correlation => "Related to",
            Self::Weekday => "Weekday",
            Self::Hour => "Hour",
        }
    }

    /// The parameter's name for an operator; none where the field does not take it.
    pub fn parameter(self, op: Op) -> Option<String> {
        let takes = op != Op::Starts || self.names_people();
        takes.then(|| format!("{}{}", self.name(), op.suffix()))
    }

    pub fn of_parameter(name: &str) -> Option<(Self, Op)> {
        let (base, op) = match name.split_once('.') {
            None => (name, Op::Is),
            Some((base, "not")) => (base, Op::Not),
            Some((base, "starts")) => (base, Op::Starts),
            Some(_) => return None,
        };
        let field = Self::ALL.into_iter().find(|field| field.name() == base)?;
        field.parameter(op).map(|_| (field, op))
    }

    /// Whether its values name people, so that a reader needs the right to see them.
    pub const fn names_people(self) -> bool {
        matches!(self, Self::InitiatedBy | Self::Target)
    }

    /// A value as the address has it, or why it can't be one.
    pub fn value(self, text: &str) -> Result<String, String> {
        let text = text.trim();
        let known = |choices: &[&str]| {
            let found = choices
                .iter()
                .find(|choice| choice.eq_ignore_ascii_case(text));
            found
                .map(|choice| (*choice).to_owned())
                .ok_or_else(|| format!("must be one of {}", choices.join(", ")))
        };
        let number = |least: u8, most: u8| {
            let number = text
                .parse::<u8>()
                .ok()
                .filter(|number| (least..=most).contains(number));
            number
                .map(|number| number.to_string())
                .ok_or_else(|| format!("must be a number from {least} to {most}"))
        };
        match self {
            Self::Source => known(&[ON_PREMISES, CLOUD]),
            Self::Result => known(&RESULTS.map(|(key, _)| key)),
            Self::Weekday => number(1, 7),
            Self::Hour => number(0, 23),
            Self::Service | Self::Category if text.eq_ignore_ascii_case(MIM_LONG) => {
                Ok(MIM.to_owned())
            }
            _ if text.chars().count() > 500 => Err("is longer than 500 characters".to_owned()),
            _ => Ok(text.to_owned()),
        }
    }

    /// A value as a chip or a list shows it.
    pub fn show(self, value: &str) -> String {
        match self {
            Self::Source if value == ON_PREMISES => "On-premises".to_owned(),
            Self::Source => "Cloud".to_owned(),
            Self::Result => result_word(value).to_owned(),
            Self::Weekday => {
                let day = value
                    .parse::<usize>()
                    .ok()
                    .and_then(|day| WEEKDAYS.get(day.checked_sub(1)?));
                day.map_or(value, |day| day).to_owned()
            }
            Self::Hour => format!("{value:0>2}:00–{value:0>2}:59"),
            _ => value.to_owned(),
        }
    }

    /// What is asked of a row: any of the values, or none of them. Never null.
    pub fn predicate(self, op: Op, values: &[&str], zone: Zone) -> Expr {
        let found = match op {
            Op::Starts => any_of(values, |value| self.starts(value)),
            Op::Is | Op::Not => self.is(values, zone),
        };
        if op == Op::Not { found.not() } else { found }
    }

    fn is(self, values: &[&str], zone: Zone) -> Expr {
        let texts = || values.iter().map(|value| lit(*value));
        let numbers = || {
            values
                .iter()
                .filter_map(|value| value.parse::<i64>().ok())
                .map(lit)
        };
        match self {
            Self::Source => c::SOURCE.in_list(values.iter().map(|value| {
                lit(if *value == ON_PREMISES {
                    "identity_manager"
                } else {
                    "entra"
                })
            })),
            Self::Service => c::SERVICE.in_list(texts()),
            // In 2017 the portal listed the service among the categories.
            Self::Category if values.contains(&MIM) => c::CATEGORY
                .in_list(texts())
                .or(c::SOURCE.eq("identity_manager")),
            Self::Category => c::CATEGORY.in_list(texts()),
            Self::Operation => sure(c::OPERATION.in_list(texts())),
            Self::Activity => c::ACTIVITY.in_list(texts()),
            Self::Kind => c::KIND.in_list(texts()),
            Self::ResourceType => c::TARGET_TYPES.any(item().in_list(texts())),
            Self::Result => c::RESULT.in_list(texts()),
            Self::InitiatedBy => any_of(values, |value| {
                let ways = [
                    c::ACTOR_ID,
                    c::ACTOR,
                    c::ACTOR_NAME,
                    c::ACTOR_ACCOUNT,
                    c::ACTOR_UPN,
                ];
                one_of(ways.map(|way| sure(way.eq_ci(value))))
            }),
            Self::Target => any_of(values, |value| {
                let ways = ["id", "name", "account", "upn"];
                c::TARGETS.any(one_of(ways.map(|way| sure(field(way).eq_ci(value)))))
            }),
            Self::Correlation => sure(c::CORRELATION.in_list(texts())),
            Self::Weekday => c::TIME.part_in(TimePart::Weekday, zone).in_list(numbers()),
            Self::Hour => c::TIME.part_in(TimePart::Hour, zone).in_list(numbers()),
        }
    }

    fn starts(self, value: &str) -> Expr {
        if self == Self::Target {
            let ways = ["id", "name", "account", "upn"];
            return c::TARGETS.any(one_of(ways.map(|way| sure(field(way).starts_with(value)))));
        }
        // A line for each way to name the actor; the account stands after its domain.
        sure(
            c::ACTOR_SEARCH
                .starts_with(value)
                .or(c::ACTOR_SEARCH.contains(format!("\n{value}")))
                .or(c::ACTOR_SEARCH.contains(format!("\\{value}"))),
        )
    }
}

/// Null, which is what a comparison with nothing gives, is no.
fn sure(expr: Expr) -> Expr {
    expr.coalesce(false)
}

fn one_of<const N: usize>(exprs: [Expr; N]) -> Expr {
    exprs
        .into_iter()
        .reduce(Expr::or)
        .unwrap_or_else(|| lit(false))
}

fn any_of(values: &[&str], each: impl Fn(&str) -> Expr) -> Expr {
    values
        .iter()
        .map(|value| each(value))
        .reduce(Expr::or)
        .unwrap_or_else(|| lit(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_fields_are_one_to_one() {
        for field in Field::ALL {
            for op in Op::ALL {
                match field.parameter(op) {
                    Some(name) => assert_eq!(Field::of_parameter(&name), Some((field, op))),
                    None => assert_eq!(op, Op::Starts),
                }
            }
        }
        for name in [
            "results",
            "result.",
            "result.starts",
            "result.not.not",
            ".not",
            "",
        ] {
            assert_eq!(Field::of_parameter(name), None, "{name}");
        }
    }

    #[test]
    fn values_are_checked() {
        assert_eq!(Field::Source.value("onpremises").unwrap(), ON_PREMISES);
        assert_eq!(
            Field::Service.value("microsoft identity manager").unwrap(),
            MIM
        );
        assert!(Field::Source.value("both").is_err());
        assert!(Field::Weekday.value("0").is_err() && Field::Hour.value("24").is_err());
        assert_eq!(Field::Hour.show("9"), "09:00–09:59");
        assert_eq!(Field::Weekday.show("1"), "Monday");
    }
}

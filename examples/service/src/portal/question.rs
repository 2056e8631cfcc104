//! The filter as other systems ask it: Graph's `$filter`, and KQL over `AuditLogs`.

use std::fmt::Write as _;

use super::field::{CLOUD, Field, Op};
use super::filter::Filter;
use super::time::{Clock, utc};

/// A question in another language, and what of the filter that language can't say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub text: String,
    pub left_out: Vec<String>,
}

struct Parts {
    parts: Vec<String>,
    left_out: Vec<String>,
}

impl Parts {
    fn of(
        filter: &Filter,
        each: impl Fn(Field, Op, &str) -> Option<String>,
        or: &str,
        not: impl Fn(&str) -> String,
    ) -> Self {
        let mut found = Self {
            parts: Vec::new(),
            left_out: Vec::new(),
        };
        for field in Field::ALL {
            for op in Op::ALL {
                let values: Vec<&str> = filter.values(field, op).collect();
                if values.is_empty() {
                    continue;
                }
                let parts: Option<Vec<String>> =
                    values.iter().map(|value| each(field, op, value)).collect();
                match parts {
                    Some(parts) => {
                        let one = if parts.len() == 1 {
                            parts.concat()
                        } else {
                            format!("({})", parts.join(or))
                        };
                        found
                            .parts
                            .push(if op == Op::Not { not(&one) } else { one });
                    }
                    None => found
                        .left_out
                        .push(format!("{} {}", field.label(), op.words())),
                }
            }
        }
        if filter.text.is_some() {
            found.left_out.push("Text contains".to_owned());
        }
        found
    }
}

/// Graph's `$filter`, in the documented properties and operators.
pub fn odata(filter: &Filter, clock: &Clock) -> Question {
    let quoted = |value: &str| format!("'{}'", value.replace('\'', "''"));
    let each = |field: Field, op: Op, value: &str| {
        let value = quoted(value);
        let eq = |property: &str| Some(format!("{property} eq {value}"));
        match (field, op) {
            (Field::Service, _) => eq("loggedByService"),
            (Field::Category, _) => eq("category"),
            (Field::Activity, _) => eq("activityDisplayName"),
            (Field::Correlation, _) => eq("correlationId"),
            (Field::Result, _) if ["'success'", "'failure'"].contains(&value.as_str()) => {
                eq("result")
            }
            (Field::InitiatedBy, Op::Starts) => Some(format!(
                "startswith(initiatedBy/user/userPrincipalName, {value})"
            )),
            (Field::InitiatedBy, _) => eq("initiatedBy/user/id"),
            (Field::Target, Op::Starts) => Some(format!(
                "targetResources/any(t: startswith(t/displayName, {value}))"
            )),
            (Field::Target, _) => Some(format!("targetResources/any(t: t/id eq {value})")),
            (Field::ResourceType, _) => Some(format!("targetResources/any(t: t/type eq {value})")),
            _ => None,
        }
    };
    let mut found = Parts::of(filter, each, " or ", |part| {
        if part.starts_with('(') {
            format!("not {part}")
        } else {
            format!("not ({part})")
        }
    });
    let (from, to) = filter.period.bounds(clock);
    let mut parts: Vec<String> = Vec::new();
    parts.extend(from.map(|from| format!("activityDateTime ge {}", utc(from))));
    parts.extend(to.map(|to| format!("activityDateTime lt {}", utc(to))));
    parts.append(&mut found.parts);
    Question {
        text: parts.join(" and "),
        left_out: found.left_out,
    }
}

/// KQL over the table `AuditLogs`.
pub fn kql(filter: &Filter, clock: &Clock) -> Question {
    let quoted = |value: &str| format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
    let each = |field: Field, op: Op, value: &str| {
        let text = quoted(value);
        let eq = |column: &str| Some(format!("{column} == {text}"));
        match (field, op) {
            (Field::Source, _) if value == CLOUD => Some("SourceSystem == \"Azure AD\"".to_owned()),
            (Field::Source, _) => Some("SourceSystem == \"Microsoft Identity Manager\"".to_owned()),
            (Field::Service, _) => eq("LoggedByService"),
            (Field::Category, _) => eq("Category"),
            (Field::Operation, _) => eq("AADOperationType"),
            (Field::Activity, _) => eq("ActivityDisplayName"),
            (Field::Correlation, _) => eq("CorrelationId"),
            (Field::Result, _) if value == "success" || value == "failure" => eq("Result"),
            (Field::InitiatedBy, Op::Starts) => Some(format!("Identity startswith {text}")),
            (Field::InitiatedBy, _) => Some(format!("tostring(InitiatedBy) has {text}")),
            (Field::Target, Op::Starts) => {
                Some(format!("tostring(TargetResources) contains {text}"))
            }
            (Field::Target | Field::ResourceType, _) => {
                Some(format!("tostring(TargetResources) has {text}"))
            }
            _ => None,
        }
    };
    let found = Parts::of(filter, each, " or ", |part| format!("not({part})"));
    let (from, to) = filter.period.bounds(clock);
    let mut text = "AuditLogs".to_owned();
    // Writing to a String does not fail.
    if let Some(from) = from {
        let _ = write!(
            text,
            "\n| where ActivityDateTime >= datetime({})",
            utc(from)
        );
    }
    if let Some(to) = to {
        let _ = write!(text, "\n| where ActivityDateTime < datetime({})", utc(to));
    }
    for part in &found.parts {
        let _ = write!(text, "\n| where {part}");
    }
    text.push_str("\n| sort by ActivityDateTime desc");
    Question {
        text,
        left_out: found.left_out,
    }
}

#[cfg(test)]
mod tests {
    use super::super::filter::tests::clock;
    use super::*;

    fn filter() -> Filter {
        Filter::default()
            .with(Field::Result, Op::Is, "failure")
            .with(Field::Category, Op::Is, "GroupManagement")
            .with(Field::Category, Op::Is, "UserManagement")
            .with(Field::Service, Op::Not, "PIM")
            .with(Field::Target, Op::Starts, "O'Neill \"x\"")
            .with(Field::Hour, Op::Is, "9")
    }

    #[test]
    fn graph_is_asked_in_its_own_words() {
        let question = odata(&filter(), &clock());
        assert_eq!(
            question.text,
            "activityDateTime ge 2026-11-10T23:00:00Z and activityDateTime lt 2026-11-24T23:00:00Z and not (loggedByService eq 'PIM') \
             and (category eq 'GroupManagement' or category eq 'UserManagement') and result eq 'failure' \
             and targetResources/any(t: startswith(t/displayName, 'O''Neill \"x\"'))"
        );
        assert_eq!(question.left_out, ["Hour is"]);
    }

    #[test]
    fn kql_is_a_line_for_each_condition_and_its_texts_stay_texts() {
        let question = kql(&filter(), &clock());
        assert!(question.text.starts_with(
            "AuditLogs\n| where ActivityDateTime >= datetime(2026-11-10T23:00:00Z)\n"
        ));
        assert!(
            question
                .text
                .contains("\n| where not(LoggedByService == \"PIM\")\n")
        );
        assert!(
            question.text.contains("contains \"O'Neill \\\"x\\\"\""),
            "{}",
            question.text
        );
        assert_eq!(question.left_out, ["Hour is"]);
    }
}

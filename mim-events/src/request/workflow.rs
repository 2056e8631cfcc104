//! Why a request was allowed and what ran for it: policy rules and workflow instances.

use std::borrow::Cow;

use uuid::Uuid;

use super::json::Value;
use super::reference::{Reference, Resource};
use super::vocabulary::{ActionType, RuleType, WorkflowStatus};

macro_rules! resource_view {
    ($name:ident) => {
        impl<'a> $name<'a> {
            pub(crate) fn from_value(value: Value<'a>) -> Option<Self> {
                Resource::from_value(value).map(Self)
            }

            /// `HybridObjectID`.
            #[must_use]
            pub fn id(self) -> Option<Uuid> {
                self.0.id()
            }

            /// `ObjectID`, the internal key.
            #[must_use]
            pub fn key(self) -> Option<Cow<'a, str>> {
                self.0.key()
            }

            /// `DisplayName`.
            #[must_use]
            pub fn display_name(self) -> Option<Cow<'a, str>> {
                self.0.text("DisplayName")
            }

            /// All that was logged of it.
            #[must_use]
            pub fn resource(self) -> Resource<'a> {
                self.0
            }
        }
    };
}

/// A management policy rule that granted the request or attached workflows to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy<'a>(Resource<'a>);

resource_view!(Policy);

impl<'a> Policy<'a> {
    /// `Description`.
    #[must_use]
    pub fn description(self) -> Option<Cow<'a, str>> {
        self.0.text("Description")
    }

    /// Whether the rule is switched off.
    #[must_use]
    pub fn disabled(self) -> Option<bool> {
        self.0.get("Disabled").and_then(Value::as_bool)
    }

    /// Whether the rule grants the request; others only attach workflows.
    #[must_use]
    pub fn grant_right(self) -> Option<bool> {
        self.0.get("GrantRight").and_then(Value::as_bool)
    }

    /// `ManagementPolicyRuleType`.
    #[must_use]
    pub fn rule_type(self) -> Option<RuleType<'a>> {
        self.0.text("ManagementPolicyRuleType").map(RuleType::new)
    }

    /// `ActionType`, one or many.
    pub fn action_types(self) -> impl Iterator<Item = ActionType<'a>> + use<'a> {
        texts(self.0, "ActionType").map(ActionType::new)
    }

    /// `ActionParameter`, one or many: attribute names, or `*`.
    pub fn action_parameters(self) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
        texts(self.0, "ActionParameter")
    }
}

/// A workflow that ran for the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkflowInstance<'a>(Resource<'a>);

resource_view!(WorkflowInstance);

impl<'a> WorkflowInstance<'a> {
    /// `WorkflowStatus`.
    #[must_use]
    pub fn status(self) -> Option<WorkflowStatus<'a>> {
        self.0.text("WorkflowStatus").map(WorkflowStatus::new)
    }

    /// The texts of `WorkflowStatusDetail`: errors, mostly. Of XML its text nodes.
    pub fn status_details(self) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
        details(self.0.get("WorkflowStatusDetail"))
    }

    /// The definition that it is an instance of.
    #[must_use]
    pub fn definition(self) -> Option<Reference<'a>> {
        self.0.references("WorkflowDefinition").next()
    }

    /// Who asked.
    #[must_use]
    pub fn requestor(self) -> Option<Reference<'a>> {
        self.0.references("Requestor").next()
    }

    /// What is acted on.
    #[must_use]
    pub fn target(self) -> Option<Reference<'a>> {
        self.0.references("Target").next()
    }

    /// The request, as its internal key: the only place where that is logged.
    #[must_use]
    pub fn request(self) -> Option<Reference<'a>> {
        self.0.references("Request").next()
    }
}

fn texts<'a>(
    resource: Resource<'a>,
    attribute: &str,
) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
    resource
        .get(attribute)
        .into_iter()
        .flat_map(Value::items)
        .filter_map(Value::to_text)
        .filter(|text| !text.trim().is_empty())
}

/// The texts of a status detail, one or many: plain text, the text nodes of XML,
/// or of an object all its texts. Trimmed; blanks are left out.
pub(crate) fn details<'a>(
    value: Option<Value<'a>>,
) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
    value.into_iter().flat_map(Value::items).flat_map(|item| {
        let mut found = Vec::new();
        collect(item, 0, &mut found);
        found
    })
}

fn collect<'a>(value: Value<'a>, depth: usize, found: &mut Vec<Cow<'a, str>>) {
    if let Some(object) = value.as_object() {
        if depth < 8 {
            for (_, member) in object.members() {
                member
                    .items()
                    .for_each(|item| collect(item, depth + 1, found));
            }
        }
        return;
    }
    let Some(text) = value.to_text() else { return };
    if text.trim_start().starts_with('<') {
        found.extend(xml_texts(&text).into_iter().map(Cow::Owned));
    } else if !text.trim().is_empty() {
        found.push(match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
        });
    }
}

/// The text nodes of XML or of something like it, trimmed, blanks left out.
fn xml_texts(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        push_text(rest.get(..open).unwrap_or_default(), &mut found);
        let tag = rest.get(open..).unwrap_or_default();
        if let Some(data) = tag.strip_prefix("<![CDATA[") {
            let end = data.find("]]>").unwrap_or(data.len());
            let inner = data.get(..end).unwrap_or_default().trim();
            if !inner.is_empty() {
                found.push(inner.to_owned());
            }
            rest = data
                .get(end..)
                .unwrap_or_default()
                .trim_start_matches("]]>");
        } else {
            let (start, close) = if tag.starts_with("<!--") {
                (4, "-->")
            } else {
                (1, ">")
            };
            let end = tag
                .get(start..)
                .and_then(|inner| inner.find(close))
                .map(|at| start + at + close.len());
            rest = end.and_then(|end| tag.get(end..)).unwrap_or_default();
        }
    }
    push_text(rest, &mut found);
    found
}

fn push_text(text: &str, found: &mut Vec<String>) {
    let text = text.trim();
    if text.is_empty() {
        return;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(rest.get(..at).unwrap_or_default());
        let entity = rest.get(at..).unwrap_or_default();
        let (decoded, length) = entity
            .find(';')
            .filter(|end| *end <= 10)
            .and_then(|end| Some((entity_char(entity.get(1..end)?)?, end + 1)))
            .unwrap_or(('&', 1));
        out.push(decoded);
        rest = entity.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    found.push(out);
}

fn entity_char(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let code = name.strip_prefix('#')?;
            let code = match code.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => code.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_nodes_of_xml() {
        let xml = "<Detail at=\"1\"><!-- <no> -->Gate &amp; door<x/> <b> two &#x263A;</b><![CDATA[<three>]]></Detail>";
        assert_eq!(xml_texts(xml), ["Gate & door", "two \u{263A}", "<three>"]);
        assert_eq!(xml_texts("<broken"), Vec::<String>::new());
        assert_eq!(xml_texts("<a>x &bogus; y"), ["x &bogus; y"]);
    }
}

//! The one record that every dress holds: Graph's `directoryAudit`, read by member
//! name in any case, with what is missing, null, blank or of another type left out.

use std::borrow::Cow;

use super::json::Json;

/// An audit record as it was written: texts, nothing interpreted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) id: Option<String>,
    pub(super) time: Option<RawTime>,
    pub(super) name: Option<String>,
    pub(super) category: Option<String>,
    pub(super) service: Option<String>,
    pub(super) operation: Option<String>,
    pub(super) result: Option<String>,
    pub(super) reason: Option<String>,
    /// `resultDescription`, where it is a member of its own.
    pub(super) description: Option<String>,
    pub(super) correlation: Option<String>,
    pub(super) tenant: Option<String>,
    pub(super) user: Option<User>,
    pub(super) app: Option<App>,
    /// The application a person used, by its id.
    pub(super) performed_by: Option<String>,
    /// The initiator's name outside of `initiatedBy`.
    pub(super) identity: Option<String>,
    /// The caller's address outside of `initiatedBy`.
    pub(super) caller_ip: Option<String>,
    pub(super) user_agent: Option<String>,
    pub(super) targets: Vec<RawTarget>,
    pub(super) details: Vec<(String, String)>,
}

/// A time's text and the field it stood in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RawTime {
    pub(super) field: &'static str,
    pub(super) text: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct User {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) upn: Option<String>,
    pub(super) ip: Option<String>,
    /// Members of the open type that say something, as details.
    pub(super) more: Vec<(&'static str, String)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct App {
    pub(super) app_id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) principal_id: Option<String>,
    pub(super) principal_name: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RawTarget {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) object_type: Option<String>,
    pub(super) upn: Option<String>,
    pub(super) group_type: Option<String>,
    pub(super) properties: Vec<RawProperty>,
}

/// A modified property; the values are still JSON in a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RawProperty {
    pub(super) name: String,
    pub(super) old: Option<String>,
    pub(super) new: Option<String>,
}

/// A member that exports write as JSON in a text is no JSON.
const TEXT_IS_NO_JSON: &str = "a nested column is no JSON";

impl Record {
    /// Reads the Graph object, the content of `properties`, or a row of `AuditLogs`.
    ///
    /// # Errors
    /// What is wrong, without values.
    pub(super) fn read(object: &Json) -> Result<Self, &'static str> {
        let mut record = Self {
            id: object.text("id"),
            time: time(object, "activityDateTime"),
            name: object
                .text("activityDisplayName")
                .or_else(|| object.text("operationName")),
            category: object.text("category"),
            service: object.text("loggedByService"),
            operation: object
                .text("operationType")
                .or_else(|| object.text("aadOperationType")),
            result: object.text("result"),
            reason: object.text("resultReason"),
            description: object.text("resultDescription"),
            correlation: object.text("correlationId"),
            tenant: object.text("tenantId"),
            identity: object.text("identity"),
            caller_ip: object.text("callerIpAddress"),
            user_agent: object.text("userAgent"),
            ..Self::default()
        };
        if let Some(initiator) = nested(object, "initiatedBy")? {
            record.user = initiator.get("user").and_then(user);
            record.app = initiator.get("app").and_then(app);
        }
        if let Some(performed_by) = nested(object, "performedBy")? {
            record.performed_by = performed_by.text("appId");
        }
        if let Some(targets) = nested(object, "targetResources")? {
            for item in targets.items() {
                record.targets.push(target(item)?);
            }
        }
        record.details = details(object);
        Ok(record)
    }
}

/// A time that stands in a text, or in the object that PowerShell makes of a date.
pub(super) fn time(object: &Json, field: &'static str) -> Option<RawTime> {
    let value = object.get(field)?;
    let text = value.as_line().or_else(|| value.text("value"))?;
    Some(RawTime { field, text })
}

/// A member's object or array, which may stand as JSON in a text.
///
/// # Errors
/// A text that is no JSON.
pub(super) fn nested<'a>(
    object: &'a Json,
    name: &str,
) -> Result<Option<Cow<'a, Json>>, &'static str> {
    match object.get(name) {
        None => Ok(None),
        Some(value) if value.is_blank() => Ok(None),
        Some(Json::Text(text)) => Json::parse(text.trim())
            .map(|value| Some(Cow::Owned(value)))
            .map_err(|_| TEXT_IS_NO_JSON),
        Some(value) => Ok(Some(Cow::Borrowed(value))),
    }
}

/// An address; pipelines write `<null>` for none.
pub(super) fn address(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.eq_ignore_ascii_case("<null>") && !text.eq_ignore_ascii_case("null"))
}

fn user(object: &Json) -> Option<User> {
    let more = [
        ("userType", "InitiatorUserType"),
        ("homeTenantId", "InitiatorHomeTenantId"),
        ("homeTenantName", "InitiatorHomeTenantName"),
        ("agentType", "InitiatorAgentType"),
    ];
    let user = User {
        id: object.text("id"),
        name: object.text("displayName"),
        upn: object.text("userPrincipalName"),
        ip: address(object.text("ipAddress")),
        more: more
            .into_iter()
            .filter_map(|(member, key)| Some((key, object.text(member)?)))
            .collect(),
    };
    (user != User::default()).then_some(user)
}

fn app(object: &Json) -> Option<App> {
    let app = App {
        app_id: object.text("appId"),
        name: object.text("displayName"),
        principal_id: object.text("servicePrincipalId"),
        principal_name: object.text("servicePrincipalName"),
    };
    (app != App::default()).then_some(app)
}

fn target(object: &Json) -> Result<RawTarget, &'static str> {
    let mut target = RawTarget {
        id: object.text("id"),
        name: object.text("displayName"),
        object_type: object
            .text("type")
            .or_else(|| object.text("@odata.type").map(|text| odata_type(&text))),
        upn: object.text("userPrincipalName"),
        group_type: object.text("groupType"),
        properties: Vec::new(),
    };
    if let Some(properties) = nested(object, "modifiedProperties")? {
        for item in properties.items() {
            target.properties.push(RawProperty {
                name: item.text("displayName").unwrap_or_default(),
                old: value_text(item.get("oldValue")),
                new: value_text(item.get("newValue")),
            });
        }
    }
    Ok(target)
}

/// `#microsoft.graph.targetResourceGroup` or `#microsoft.graph.group` as `Group`.
fn odata_type(text: &str) -> String {
    let name = text.rsplit('.').next().unwrap_or_default();
    let name = name.strip_prefix("targetResource").unwrap_or(name);
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// Old and new values are texts that hold JSON; some exports hold the JSON itself.
fn value_text(value: Option<&Json>) -> Option<String> {
    match value? {
        Json::Null => None,
        Json::Text(text) => Some(text.clone()),
        other => Some(other.to_compact()),
    }
}

/// `additionalDetails`: pairs, in old records an object or the word `None`.
fn details(object: &Json) -> Vec<(String, String)> {
    const NAME: &str = "additionalDetails";
    let plain = |value: Option<&Json>| match value {
        None | Some(Json::Null) => String::new(),
        Some(Json::Text(text)) => text.clone(),
        Some(other) => other.to_compact(),
    };
    let Ok(value) = nested(object, NAME) else {
        let text = object.text(NAME).filter(|text| text != "None");
        return text
            .map(|text| ("AdditionalDetails".to_owned(), text))
            .into_iter()
            .collect();
    };
    match value.as_deref() {
        Some(Json::Array(items)) => items
            .iter()
            .filter(|item| !item.is_blank())
            .map(|item| match item {
                Json::Object(_) => (plain(item.get("key")), plain(item.get("value"))),
                other => ("AdditionalDetails".to_owned(), plain(Some(other))),
            })
            .collect(),
        // One pair, where a shell unwrapped the array; else names and values.
        Some(item @ Json::Object(members)) => {
            if item.has("key") {
                return vec![(plain(item.get("key")), plain(item.get("value")))];
            }
            let pairs = members.iter();
            pairs
                .map(|(key, value)| (key.clone(), plain(Some(value))))
                .collect()
        }
        _ => Vec::new(),
    }
}

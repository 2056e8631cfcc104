//! An [`Activity`] as Microsoft Graph's `directoryAudit`.

use chrono::SecondsFormat;
use serde::Serialize;

use crate::activity::{Activity, ActorKind, Change, Detail, Outcome, Source, Target};

use super::convert::STEP;
use super::ours;
use super::people::{APP_ID, CALLER_IP, PRINCIPAL_NAME, ZERO_ID};
use super::values::encode;

/// Microsoft Graph's `directoryAudit`, members in the documented order.
///
/// As clients need it: the five members that can't be null never are, lists are `[]` and
/// not null, enumerations hold their own words only, and there are no members of our own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DirectoryAudit {
    /// The record's id; of a MIM activity, and of a record that had none, the activity's.
    pub id: String,
    /// The category.
    pub category: String,
    /// What belongs together.
    pub correlation_id: Option<String>,
    /// `success`, `failure`, `timeout` or `unknownFutureValue`.
    pub result: Option<String>,
    /// Why; empty where there is nothing to say.
    pub result_reason: String,
    /// What happened.
    pub activity_display_name: String,
    /// When, ISO 8601 in UTC with at most seven decimals.
    pub activity_date_time: String,
    /// The service.
    pub logged_by_service: Option<String>,
    /// `Add`, `Assign`, `Update`, `Unassign`, `Delete`, or the service's own word.
    pub operation_type: Option<String>,
    /// Who.
    pub initiated_by: InitiatedBy,
    /// To what, in an order that has a meaning.
    pub target_resources: Vec<TargetResource>,
    /// More.
    pub additional_details: Vec<KeyValue>,
}

/// Who did it: one of the two, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct InitiatedBy {
    /// An application or service.
    pub app: Option<AppIdentity>,
    /// A person.
    pub user: Option<UserIdentity>,
}

/// An application that did something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AppIdentity {
    /// The application's id.
    pub app_id: Option<String>,
    /// Its name.
    pub display_name: Option<String>,
    /// The id of its service principal.
    pub service_principal_id: Option<String>,
    /// The name of its service principal.
    pub service_principal_name: Option<String>,
}

/// A person who did something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UserIdentity {
    /// The object id.
    pub id: Option<String>,
    /// The display name, or the application that was used.
    pub display_name: Option<String>,
    /// The user principal name; of people of MIM without one, `DOMAIN\account`.
    pub user_principal_name: Option<String>,
    /// The address.
    pub ip_address: Option<String>,
}

/// What something was done to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TargetResource {
    /// The object id.
    pub id: Option<String>,
    /// The display name.
    pub display_name: Option<String>,
    /// `User`, `Group`, ...
    #[serde(rename = "type")]
    pub object_type: Option<String>,
    /// The user principal name.
    pub user_principal_name: Option<String>,
    /// `unifiedGroups`, `azureAD`, `unknownFutureValue`.
    pub group_type: Option<String>,
    /// What changed, in an order that queries count on.
    pub modified_properties: Vec<ModifiedProperty>,
}

/// A value that changed; old and new are JSON in a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ModifiedProperty {
    /// The property.
    pub display_name: String,
    /// Before.
    pub old_value: Option<String>,
    /// After.
    pub new_value: Option<String>,
}

/// A pair of `additionalDetails`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KeyValue {
    /// The name; names may repeat.
    pub key: String,
    /// The value.
    pub value: String,
}

impl KeyValue {
    pub(super) fn new(key: &str, value: &str) -> Self {
        Self {
            key: key.to_owned(),
            value: value.to_owned(),
        }
    }
}

impl ModifiedProperty {
    pub(super) fn new(name: &str, old: Option<&str>, new: Option<&str>) -> Self {
        Self {
            display_name: name.to_owned(),
            old_value: encode(old),
            new_value: encode(new),
        }
    }
}

/// The activity as Microsoft Graph would list it.
///
/// An activity from Entra gives its record again. One of MIM looks as Microsoft's own
/// hybrid reporting documents it, see [the module](super#the-way-back).
///
/// ```
/// use mim_events::entra::{EntraReader, to_directory_audit};
///
/// let record = r#"{"id":"SSGM_1","category":"GroupManagement","activityDateTime":"2026-03-02T08:15:09.31Z",
///     "activityDisplayName":"Request to join a group","loggedByService":"Self-service Group Management",
///     "initiatedBy":{"user":{"id":null,"userPrincipalName":"kim@x.test"}},"targetResources":[]}"#;
/// for activity in EntraReader::new(record.as_bytes()) {
///     let audit = to_directory_audit(&activity?);
///     assert_eq!(audit.id, "SSGM_1");
///     assert_eq!(audit.activity_date_time, "2026-03-02T08:15:09.31Z");
/// }
/// # Ok::<(), mim_events::Error>(())
/// ```
#[must_use]
pub fn to_directory_audit(activity: &Activity) -> DirectoryAudit {
    match activity.source {
        Source::IdentityManager => super::render_mim::directory_audit(activity),
        Source::Entra => directory_audit(activity),
    }
}

fn directory_audit(activity: &Activity) -> DirectoryAudit {
    let mut details = activity.details.as_slice();
    if activity.kind.as_str() == "sspr.flow" {
        let _step = strip(&mut details, STEP);
    }
    let mut additional = Vec::with_capacity(details.len());
    let initiated_by = initiated_by(activity, &mut details, &mut additional);
    additional.extend(details.iter().map(|d| KeyValue::new(&d.key, &d.value)));
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    DirectoryAudit {
        id: record_id(activity),
        category: activity.category.clone(),
        correlation_id: activity.correlation.clone(),
        result: activity
            .status
            .as_ref()
            .map(|_| result_word(activity.result).to_owned()),
        result_reason: activity.reason.clone().unwrap_or_default(),
        activity_display_name: activity.name.clone(),
        activity_date_time: time_text(activity),
        logged_by_service: text(&activity.service),
        operation_type: text(&activity.operation),
        initiated_by,
        target_resources: (0..)
            .zip(&activity.targets)
            .map(|(at, target)| TargetResource {
                id: target.id.clone(),
                display_name: target.name.clone(),
                object_type: text(&target.object_type),
                user_principal_name: target.upn.clone(),
                group_type: target.group_type.clone(),
                modified_properties: modified(target, changes_of(activity, at)),
            })
            .collect(),
        additional_details: additional,
    }
}

/// Takes the first detail if it has this key.
fn strip<'a>(details: &mut &'a [Detail], key: &str) -> Option<&'a str> {
    match details.split_first() {
        Some((first, rest)) if first.key == key => {
            *details = rest;
            Some(&first.value)
        }
        _ => None,
    }
}

fn initiated_by(
    activity: &Activity,
    details: &mut &[Detail],
    additional: &mut Vec<KeyValue>,
) -> InitiatedBy {
    let actor = &activity.actor;
    if actor.kind == ActorKind::App {
        let app_id = strip(details, APP_ID);
        let principal_name = strip(details, PRINCIPAL_NAME);
        let only_app = app_id.is_some_and(|app_id| {
            actor
                .id
                .as_deref()
                .is_some_and(|id| id.eq_ignore_ascii_case(app_id))
        });
        if let Some(ip) = &actor.ip {
            additional.push(KeyValue::new(CALLER_IP, ip));
        }
        return InitiatedBy {
            app: Some(AppIdentity {
                app_id: app_id.map(str::to_owned),
                display_name: actor
                    .name
                    .clone()
                    .filter(|name| Some(name.as_str()) != principal_name),
                service_principal_id: actor.id.clone().filter(|_| !only_app),
                service_principal_name: principal_name.map(str::to_owned),
            }),
            user: None,
        };
    }
    let zero = actor.kind == ActorKind::Service && actor.id.is_none();
    let user = UserIdentity {
        id: actor
            .id
            .clone()
            .or_else(|| zero.then(|| ZERO_ID.to_owned())),
        display_name: actor.name.clone().or_else(|| actor.via.clone()),
        user_principal_name: actor.upn.clone(),
        ip_address: actor.ip.clone(),
    };
    InitiatedBy {
        app: None,
        user: (user != UserIdentity::default()).then_some(user),
    }
}

pub(super) fn record_id(activity: &Activity) -> String {
    match (&activity.source, &activity.source_id) {
        (Source::Entra, Some(id)) => id.clone(),
        _ => activity.id.to_string(),
    }
}

pub(super) fn result_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "success",
        Outcome::Failure | Outcome::Denied | Outcome::Canceled => "failure",
        Outcome::Expired => "timeout",
        Outcome::Pending | Outcome::Unknown => "unknownFutureValue",
    }
}

/// ISO 8601 with `Z`, decimals without zeros at the end, at most seven.
pub(super) fn time_text(activity: &Activity) -> String {
    let text = activity.time.to_rfc3339_opts(SecondsFormat::Nanos, true);
    let Some((seconds, decimals)) = text.trim_end_matches('Z').split_once('.') else {
        return text;
    };
    let decimals = decimals.get(..7).unwrap_or(decimals);
    match decimals.trim_end_matches('0') {
        "" => format!("{seconds}Z"),
        decimals => format!("{seconds}.{decimals}Z"),
    }
}

pub(super) fn changes_of(activity: &Activity, target: u32) -> impl Iterator<Item = &Change> {
    let changes = activity.changes.iter();
    changes.filter(move |change| change.target == target)
}

/// Changes and attributes of a target, each attribute at the place where it stood.
fn modified<'a>(
    target: &'a Target,
    mut changes: impl Iterator<Item = &'a Change>,
) -> Vec<ModifiedProperty> {
    let mut attributes: Vec<&Change> = target.attributes.iter().collect();
    attributes.sort_by_key(|attribute| attribute.target);
    let mut attributes = attributes.into_iter().peekable();
    let mut all = Vec::new();
    loop {
        let due = attributes.next_if(|next| next.target as usize <= all.len());
        let Some(change) = due.or_else(|| changes.next()).or_else(|| attributes.next()) else {
            return all;
        };
        all.push(ModifiedProperty::new(
            &change.property,
            change.old.as_deref(),
            change.new.as_deref(),
        ));
    }
}

/// The outcome that only a detail can say, for our own rendering.
pub(super) fn outcome_detail(activity: &Activity) -> Option<KeyValue> {
    let word = ours::result_word(activity.result)?;
    Some(KeyValue::new(ours::RESULT, word))
}

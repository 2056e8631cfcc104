//! The truth: what must come out of a generated document, written down by who invented it.
//!
//! It is double-entry bookkeeping. A scenario knows what happened, writes the
//! document that tells of it, and states the rows that a report must have. The
//! fields follow the crate's page on activities, but nothing here looks into a
//! document, calls a parser or walks a table of rules: where the two entries
//! differ, one of them is wrong.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::directory::Resource;
use super::document::Draft;
use super::step::Step;
use crate::activity::{
    Activity, Actor, ActorKind, Change, ChangeMode, Detail, Flags, Kind, Outcome, Source, Target,
};

/// What a row is called: kind, name, category.
pub(crate) type Called<'a> = (&'a str, &'a str, &'a str);

/// What of a request a row is about, as its id is made from it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject<'a> {
    /// The whole resource: its id, or nothing.
    Whole(Option<&'a str>),
    /// One value of an attribute, which came or went.
    Each(&'a str, ChangeMode, &'a str),
}

/// A row of a request, with all that its rows have in common.
pub(crate) fn row(
    draft: &Draft,
    (kind, name, category): Called<'_>,
    result: Outcome,
    subject: Subject<'_>,
    targets: Vec<Target>,
) -> Activity {
    let id = draft.id.to_string();
    let time = draft.committed.or(draft.completed).unwrap_or(draft.created);
    let mut row = Activity::new(
        mim_id(&id, kind, subject, result),
        time,
        Source::IdentityManager,
        Kind::new(kind),
        name,
    );
    row.service = "MIM Service".to_owned();
    row.category = category.to_owned();
    row.operation = draft.operation.clone().into_owned();
    row.status = Some(draft.status.clone().into_owned());
    row.actor = draft.creator.actor.clone();
    row.targets = targets;
    row.result = result;
    row.justification = draft.justification.clone();
    row.approvers_asked = draft.asked.iter().map(|person| user(&person.mim)).collect();
    row.created = Some(draft.created);
    row.committed = draft.committed;
    row.completed = draft.completed;
    row.correlation = Some(id.clone());
    row.source_id = Some(id);
    if let Some(parent) = &draft.parent {
        row.flags.insert(Flags::VIA_WORKFLOW);
        row.parent = Some(parent.id.clone());
    }
    if let Some(initiator) = draft.creator.initiator {
        row.details.push(Detail::new("Initiator", initiator));
    }
    for policy in draft.policies.iter().filter(|policy| policy.grants) {
        row.details.push(Detail::new("GrantedBy", policy.name));
    }
    if let Some(control) = draft.control {
        row.details.push(Detail::new("RequestControl", control));
    }
    row
}

/// A row of its own for one value of a group, set or role.
pub(crate) fn value_row(
    draft: &Draft,
    called: Called<'_>,
    result: Outcome,
    of: &Target,
    (attribute, mode): (&str, ChangeMode),
    value: &Resource,
) -> Activity {
    let id = value.id.to_string();
    let subject = Subject::Each(attribute, mode, &id);
    let mut row = row(
        draft,
        called,
        result,
        subject,
        vec![of.clone(), target(value)],
    );
    row.changes = vec![change(attribute, mode, Some(value.shown()))];
    row
}

/// Puts details where the page wants them: before those of the rules that granted.
pub(crate) fn details_after_initiator(row: &mut Activity, more: Vec<Detail>) {
    let at = row
        .details
        .iter()
        .take_while(|detail| {
            detail.key == "Creator" || detail.key == "RegisteredBy" || detail.key == "Initiator"
        })
        .count();
    row.details.splice(at..at, more);
}

/// The row is about somebody who is not the creator.
pub(crate) fn about(row: &mut Activity, person: &Resource, key: &str, draft: &Draft) {
    let creator = &draft.creator.actor;
    if creator.id.as_deref() != Some(&*person.id.to_string()) {
        row.details.insert(0, Detail::new(key, creator.text()));
    }
    row.actor = user(person);
}

/// A person as actor.
pub(crate) fn user(person: &Resource) -> Actor {
    actor(person, ActorKind::User)
}

pub(crate) fn actor(who: &Resource, kind: ActorKind) -> Actor {
    Actor {
        kind,
        id: Some(who.id.to_string()),
        name: who.name.clone(),
        account: who.account.clone(),
        domain: who.domain().map(str::to_owned),
        ..Actor::default()
    }
}

/// A resource as target.
pub(crate) fn target(resource: &Resource) -> Target {
    Target {
        object_type: shown_type(&resource.object_type).to_owned(),
        id: Some(resource.id.to_string()),
        name: resource.name.clone(),
        account: resource.account.clone(),
        domain: resource.domain().map(str::to_owned),
        ..Target::default()
    }
}

/// Reports call a Person a User.
pub(crate) fn shown_type(object_type: &str) -> &str {
    if object_type == "Person" {
        "User"
    } else {
        object_type
    }
}

pub(crate) fn change(property: &str, mode: ChangeMode, value: Option<&str>) -> Change {
    let value = value.map(cut);
    let (old, new) = match mode {
        ChangeMode::Remove => (value, None),
        ChangeMode::Add | ChangeMode::Set => (None, value),
    };
    Change {
        property: property.to_owned(),
        mode: Some(mode),
        old,
        new,
        target: 0,
    }
}

/// Long values are shown by their beginning.
fn cut(value: &str) -> String {
    match value.char_indices().nth(1_000) {
        Some((at, _)) => format!("{}…", &value[..at]),
        None => value.to_owned(),
    }
}

/// A phone number as it is shown: its last two digits.
pub(crate) fn masked_phone(phone: &str) -> String {
    let digits = phone.chars().filter(|c| c.is_alphanumeric()).count();
    let mut seen = 0;
    let hide = if digits < 5 { digits } else { digits - 2 };
    phone
        .chars()
        .map(|c| {
            seen += usize::from(c.is_alphanumeric());
            if c.is_alphanumeric() && seen <= hide {
                '*'
            } else {
                c
            }
        })
        .collect()
}

/// A mail address as it is shown: its first character and its domain.
pub(crate) fn masked_address(address: &str) -> String {
    match (address.chars().next(), address.rfind('@')) {
        (Some(first), Some(at)) if at > 0 => format!("{first}***{}", &address[at..]),
        _ => "***".to_owned(),
    }
}

/// The id of a row of a MIM request, as the page on activities defines it.
fn mim_id(request: &str, kind: &str, subject: Subject<'_>, result: Outcome) -> Uuid {
    let mut name = Vec::with_capacity(160);
    let mut field = |text: &str| {
        name.extend_from_slice(&(text.len() as u32).to_be_bytes());
        name.extend_from_slice(text.as_bytes());
    };
    field("request");
    field(request);
    field(kind);
    match subject {
        Subject::Whole(id) => {
            field("");
            field(id.unwrap_or_default());
            field("");
        }
        Subject::Each(attribute, mode, value) => {
            field(&attribute.to_ascii_lowercase());
            field(value);
            field(match mode {
                ChangeMode::Add => "add",
                ChangeMode::Remove => "remove",
                ChangeMode::Set => "set",
            });
        }
    }
    field(result.as_str());
    field("0");
    Uuid::new_v5(&MIM_NAMESPACE, &name)
}

const MIM_NAMESPACE: Uuid = Uuid::from_u128(0xf2b0_d60f_c4cb_48ec_b1d8_8431_2cbe_c811);
const ENTRA_NAMESPACE: Uuid = Uuid::from_u128(0x0ef3_219b_6791_4a10_9fd6_5e61_67b9_b2c7);

/// The id of the row of an Entra record.
pub(crate) fn entra_id(record: &str) -> Uuid {
    Uuid::new_v5(&ENTRA_NAMESPACE, record.as_bytes())
}

/// A row that one of the four reports must have, in a form simple enough to be compared with
/// whatever a report engine prints.
///
/// Serialised with the report's name under `report`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Expectation {
    /// One attempt to reset a password.
    PasswordReset(ExpectedReset),
    /// One registration for password reset.
    PasswordRegistration(ExpectedRegistration),
    /// Somebody joined or left a group, asked to, or made one.
    SelfServiceGroups(ExpectedGroupActivity),
    /// How many rows the audit log has.
    AuditLog(ExpectedAuditLog),
}

/// A row of the password reset report.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExpectedReset {
    /// When the attempt's last state was reached.
    pub time: DateTime<Utc>,
    /// Which system it was.
    pub source: Source,
    /// Account name on-premises, user principal name in the cloud.
    pub user: String,
    /// `password.reset.self` or `password.reset.admin`.
    pub kind: String,
    /// Methods used, or tried where the attempt failed; empty where no record says.
    pub methods: Vec<String>,
    /// `Succeeded`, `Failed`, `Blocked`, `Cancelled`, `Abandoned`.
    pub result: String,
    /// What links the records of the attempt.
    pub correlation: String,
}

/// A row of the registration report.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExpectedRegistration {
    /// When it was.
    pub time: DateTime<Utc>,
    /// Which system it was.
    pub source: Source,
    /// Account name on-premises, user principal name in the cloud.
    pub user: String,
    /// The methods registered as activities name them, each once, in the order of their list.
    pub data: Vec<String>,
    /// How it ended.
    pub result: Outcome,
    /// The record that stands for the registration.
    pub correlation: String,
}

/// A row of the self-service groups report.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExpectedGroupActivity {
    /// When its last state was reached.
    pub time: DateTime<Utc>,
    /// Which system it was.
    pub source: Source,
    /// Account name on-premises, user principal name in the cloud.
    pub user: String,
    /// The activity's shown name.
    pub activity: String,
    /// The group's display name.
    pub group: String,
    /// The last state.
    pub result: Outcome,
    /// What links the records.
    pub correlation: String,
}

/// The size of the audit log report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExpectedAuditLog {
    /// Rows without by-products and what the system did to itself, each request at its last state.
    pub rows: u64,
}

impl Expectation {
    /// When it was; `None` of a mere count.
    #[must_use]
    pub fn time(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::PasswordReset(row) => Some(row.time),
            Self::PasswordRegistration(row) => Some(row.time),
            Self::SelfServiceGroups(row) => Some(row.time),
            Self::AuditLog(_) => None,
        }
    }
}

/// The rows of the four reports that a run must have, collected in memory.
///
/// ```
/// use mim_events::generate::{Generator, Options, Truth};
///
/// let mut truth = Truth::default();
/// for step in Generator::new(&Options::new(7).requests(500)) {
///     truth.add(&step);
/// }
/// let reports = truth.reports();
/// assert!(reports.password_reset.iter().any(|row| row.result == "Succeeded"));
/// assert!(reports.audit_log_rows > 500);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Truth {
    reports: Reports,
}

/// What the four reports must show, each in the order of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reports {
    /// The password reset report.
    pub password_reset: Vec<ExpectedReset>,
    /// The registration report.
    pub registration: Vec<ExpectedRegistration>,
    /// The self-service groups report.
    pub self_service_groups: Vec<ExpectedGroupActivity>,
    /// The number of rows of the audit log.
    pub audit_log_rows: u64,
}

impl Truth {
    /// Takes a step's expectations.
    pub fn add(&mut self, step: &Step) {
        let reports = &mut self.reports;
        reports.audit_log_rows += super::files::audit_log_rows(step);
        for row in &step.expected {
            match row {
                Expectation::PasswordReset(row) => reports.password_reset.push(row.clone()),
                Expectation::PasswordRegistration(row) => reports.registration.push(row.clone()),
                Expectation::SelfServiceGroups(row) => {
                    reports.self_service_groups.push(row.clone());
                }
                Expectation::AuditLog(_) => {}
            }
        }
    }

    /// What the reports must show of the steps so far.
    #[must_use]
    pub fn reports(&self) -> Reports {
        let mut reports = self.reports.clone();
        reports.password_reset.sort();
        reports.registration.sort();
        reports.self_service_groups.sort();
        reports
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_private_is_masked() {
        assert_eq!(masked_phone("+1 4255550123"), "+* ********23");
        assert_eq!(masked_phone("1234"), "****");
        assert_eq!(masked_address("dana@harbor.example"), "d***@harbor.example");
        assert_eq!(masked_address("@x"), "***");
        assert_eq!(masked_address("x"), "***");
    }

    #[test]
    fn long_values_are_cut_at_a_thousand_characters() {
        let long = "é".repeat(1_001);
        let shown = change("XOML", ChangeMode::Set, Some(&long)).new.unwrap();
        assert_eq!(shown.chars().count(), 1_001);
        assert!(shown.ends_with("é…"));
    }
}

//! A record to an [`Activity`].

use chrono::{DateTime, TimeDelta, Timelike, Utc};

use crate::ErrorKind;
use crate::activity::{Activity, Actor, ActorKind, Change, Detail, Flags, Outcome, Source, Target};
use crate::time::{self, DateOrder, TimeText};

use super::kinds::{self, Service};
use super::people::{CALLER_IP, ZERO_ID, actor, guid};
use super::record::{RawTarget, RawTime, Record};
use super::values::{MASK, decode, is_attribute, is_secret, starts_with};
use super::{id, methods, ours};

/// The step of a password reset, as a detail.
pub(super) const STEP: &str = "Step";

/// What the caller knows better than the records.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    pub(super) date_order: DateOrder,
    pub(super) tenant: Option<String>,
}

/// The activity of a record, and whether the record had an id.
///
/// # Errors
/// A time that is missing or can't be read.
pub(super) fn convert(
    mut record: Record,
    options: &Options,
) -> Result<(Activity, bool), ErrorKind> {
    let time = instant(record.time.as_ref(), options.date_order)?;
    // The way back writes an application's address so.
    let caller = record.details.iter().position(|(key, _)| key == CALLER_IP);
    if let Some(at) = caller
        .filter(|_| record.caller_ip.is_none() && record.user.is_none() && record.app.is_some())
    {
        record.caller_ip = Some(record.details.remove(at).1);
    }

    let service_name = record.service.clone().unwrap_or_default();
    let service = Service::of(&service_name);
    let name = record.name.take().unwrap_or_default();
    let (kind, flags) = kinds::classify(service, &name);

    let (mut first, mut more) = (Vec::new(), Vec::new());
    let actor = actor(&record, &mut first, &mut more);
    let (status, result) = result(record.result.as_deref(), &mut more);
    let reason = reason(&record, &mut more);
    if let Some(agent) = &record.user_agent {
        more.push(Detail::new("UserAgent", agent.as_str()));
    }

    let mut activity = Activity::new(uuid::Uuid::nil(), time, Source::Entra, kind, name);
    activity.service = service_name;
    activity.category = kinds::category(&record.category.unwrap_or_default());
    activity.operation = record.operation.unwrap_or_default();
    activity.status = status;
    activity.result = result;
    activity.reason = reason;
    activity.flags = flags;
    activity.actor = actor;
    let tenant = options.tenant.clone().or(record.tenant);
    activity.tenant = tenant.map(|tenant| guid(&tenant));
    let correlation = record.correlation.filter(|text| text != ZERO_ID);
    activity.correlation = correlation.map(|text| guid(&text));
    targets(record.targets, &mut activity);

    let given = record.details.into_iter();
    let given = given.map(|(key, value)| {
        if is_secret(&key) && !value.is_empty() {
            Detail::new(key, MASK)
        } else {
            Detail::new(key, value)
        }
    });
    activity.details = first;
    activity.details.extend(more);
    activity.details.extend(given);
    activity.justification = activity
        .details
        .iter()
        .find(|detail| detail.key.eq_ignore_ascii_case("Justification"))
        .map(|detail| detail.value.clone())
        .filter(|text| !text.trim().is_empty());
    name_methods(&mut activity);
    flag(&mut activity, service);

    activity.source_id.clone_from(&record.id);
    if let Some(id) = ours::id(&activity) {
        activity.id = id;
        ours::restore(&mut activity);
        return Ok((activity, true));
    }
    activity.id = match &record.id {
        Some(record_id) => crate::activity::id::entra(record_id),
        None => id::of_row(&activity),
    };
    Ok((activity, record.id.is_some()))
}

/// The time, cut to the 100 ns that Graph can say.
fn instant(time: Option<&RawTime>, order: DateOrder) -> Result<DateTime<Utc>, ErrorKind> {
    let (field, text) = time.map_or(("activityDateTime", ""), |time| (time.field, &time.text));
    match time::parse(text, order) {
        Ok(TimeText::At(time)) => {
            let under = i64::from(time.nanosecond() % 100);
            Ok(time - TimeDelta::nanoseconds(under))
        }
        Ok(TimeText::None) => Err(ErrorKind::Time {
            field,
            what: "no time",
        }),
        Err(what) => Err(ErrorKind::Time { field, what }),
    }
}

/// Graph's word and the outcome. What is none of Graph's words becomes a detail.
fn result(raw: Option<&str>, more: &mut Vec<Detail>) -> (Option<String>, Outcome) {
    let Some(raw) = raw else {
        return (None, Outcome::Unknown);
    };
    let (word, outcome) = match raw.to_ascii_lowercase().as_str() {
        "success" | "0" => ("success", Outcome::Success),
        "failure" | "1" => ("failure", Outcome::Failure),
        "timeout" | "2" => ("timeout", Outcome::Expired),
        "unknownfuturevalue" | "3" => ("unknownFutureValue", Outcome::Unknown),
        _ => {
            more.push(Detail::new("ResultText", raw));
            ("unknownFutureValue", Outcome::Unknown)
        }
    };
    (Some(word.to_owned()), outcome)
}

/// The reason, from the description where there is none; services write words for none.
fn reason(record: &Record, more: &mut Vec<Detail>) -> Option<String> {
    let says = |text: &&String| {
        !["none", "ok"]
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word))
    };
    let reason = record.reason.as_ref().filter(says);
    let description = record.description.as_ref().filter(says);
    if let (Some(reason), Some(description)) = (reason, description)
        && reason != description
    {
        more.push(Detail::new("ResultDescription", description.as_str()));
    }
    reason.or(description).cloned()
}

fn targets(raw: Vec<RawTarget>, activity: &mut Activity) {
    for raw in raw {
        let id = raw.id.as_deref().filter(|id| *id != ZERO_ID).map(guid);
        let object_type = object_type(raw.object_type.as_deref().unwrap_or_default());
        let empty = raw.name.is_none() && raw.upn.is_none() && raw.properties.is_empty();
        if id.is_none() && empty && matches!(object_type.as_str(), "" | "Other") {
            continue;
        }
        let at = u32::try_from(activity.targets.len()).unwrap_or(u32::MAX);
        let mut target = Target {
            upn: raw.upn.map(|upn| unmangled(upn, id.as_deref())),
            object_type,
            id,
            name: raw.name,
            group_type: raw.group_type.map(|text| group_type(&text).to_owned()),
            ..Target::default()
        };
        for (place, property) in raw.properties.into_iter().enumerate() {
            let secret = is_secret(&property.name);
            let shown = |value: Option<String>| match decode(value.as_deref()) {
                Some(_) if secret => Some(MASK.to_owned()),
                other => other,
            };
            let mut change = Change {
                old: shown(property.old),
                new: shown(property.new),
                property: property.name,
                target: at,
                ..Change::default()
            };
            if is_attribute(&change.property) {
                change.target = u32::try_from(place).unwrap_or(u32::MAX);
                target.attributes.push(change);
            } else {
                activity.changes.push(change);
            }
        }
        activity.targets.push(target);
    }
    name_referred(&mut activity.targets);
}

/// Types in the spelling that most services use; `N/A` is none.
fn object_type(text: &str) -> String {
    const KNOWN: [&str; 12] = [
        "User",
        "Group",
        "Device",
        "Role",
        "Application",
        "ServicePrincipal",
        "Policy",
        "Directory",
        "Request",
        "Domain",
        "AdministrativeUnit",
        "Other",
    ];
    if text.eq_ignore_ascii_case("N/A") {
        return String::new();
    }
    let known = KNOWN.iter().find(|known| known.eq_ignore_ascii_case(text));
    known.map_or_else(|| text.to_owned(), |known| (*known).to_owned())
}

/// Graph's enumeration; what it does not know it calls `unknownFutureValue`.
fn group_type(text: &str) -> &'static str {
    ["unifiedGroups", "azureAD"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(text))
        .unwrap_or("unknownFutureValue")
}

/// Deleted users have their object id, without hyphens, before their name.
fn unmangled(mut upn: String, id: Option<&str>) -> String {
    let Some(bare) = id.map(|id| id.replace('-', "")) else {
        return upn;
    };
    while bare.len() == 32 && starts_with(&upn, &bare) && upn.len() > 32 {
        upn.drain(..32);
    }
    upn
}

/// Which target is the member: the one that says to what it was added.
fn member(targets: &[Target]) -> Option<usize> {
    let says = |target: &Target, start: &str| {
        let mut attributes = target.attributes.iter();
        attributes.any(|attribute| starts_with(&attribute.property, start))
    };
    ["Group.", "Role."]
        .iter()
        .find_map(|start| targets.iter().position(|target| says(target, start)))
        .or_else(|| {
            targets
                .iter()
                .position(|target| target.object_type != "Group")
        })
        .or_else(|| (!targets.is_empty()).then_some(0))
}

/// Names the group, role or other thing that a target's attributes refer to: such
/// records often give no more than the id of it.
fn name_referred(targets: &mut Vec<Target>) {
    for (prefix, object_type) in [
        ("Group.", "Group"),
        ("Role.", "Role"),
        ("ServicePrincipal.", "ServicePrincipal"),
        ("Device.", "Device"),
    ] {
        let value = |target: &Target, name: &str| {
            let mut attributes = target.attributes.iter();
            let found = attributes.find(|attribute| {
                starts_with(&attribute.property, prefix)
                    && attribute.property[prefix.len()..].eq_ignore_ascii_case(name)
            })?;
            let text = found.new.as_deref().or(found.old.as_deref())?.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let holder = targets.iter().position(|target| {
            value(target, "DisplayName").is_some() || value(target, "ObjectID").is_some()
        });
        let Some(holder) = holder else {
            continue;
        };
        let name = value(&targets[holder], "DisplayName");
        let id = value(&targets[holder], "ObjectID").map(|id| guid(&id));
        let other = targets
            .iter_mut()
            .enumerate()
            .find(|(at, target)| *at != holder && target.object_type == object_type);
        match other {
            Some((_, target)) => {
                let same = target.id.is_none() || id.is_none() || target.id == id;
                if same && target.name.is_none() {
                    target.name = name;
                }
                if target.id.is_none() {
                    target.id = id;
                }
            }
            None if matches!(object_type, "Group" | "Role") => targets.push(Target {
                object_type: object_type.to_owned(),
                id,
                name,
                ..Target::default()
            }),
            None => {}
        }
    }
}

fn name_methods(activity: &mut Activity) {
    let reason = activity.reason.as_deref().unwrap_or_default();
    match activity.kind.as_str() {
        "sspr.flow" => {
            let (step, method) = methods::step(reason);
            activity.methods = method.into_iter().collect();
            activity.details.insert(0, Detail::new(STEP, step));
        }
        "method.registered" | "method.updated" | "method.deleted" => {
            activity.methods = methods::registered(reason).into_iter().collect();
        }
        "sspr.registered" | "password.reset.self" => {
            let list = activity
                .detail("MethodsRegistered")
                .or_else(|| activity.detail("MethodsUsed"));
            activity.methods = list.map(methods::list).unwrap_or_default();
        }
        _ => {}
    }
}

fn flag(activity: &mut Activity, service: Service) {
    let kind = activity.kind.as_str();
    let person = activity.actor.kind == ActorKind::User;
    let own = match kind {
        "group.add" => person,
        "member.add" | "member.remove" => {
            let member = member(&activity.targets).and_then(|at| activity.targets.get(at));
            person && member.is_some_and(|member| is_same(&activity.actor, member))
        }
        _ => kind.starts_with("group.join."),
    };
    let synchronised = kind == "user.update"
        && activity.targets.iter().any(|target| {
            target.attributes.iter().any(|attribute| {
                attribute
                    .property
                    .eq_ignore_ascii_case("Action Client Name")
                    && attribute.new.as_deref() == Some("DirectorySync")
            })
        });
    // A reset by the password service; a person who acts on the directory has no other record.
    let upn = activity.actor.upn.as_deref().unwrap_or_default();
    let repeats = matches!(
        kind,
        "password.reset.directory" | "password.change.directory"
    ) && service == Service::Core
        && (matches!(activity.actor.kind, ActorKind::App | ActorKind::Service)
            || starts_with(upn, "fim_password_service@"));
    if own {
        activity.flags.insert(Flags::SELF_SERVICE);
    }
    if synchronised || repeats {
        activity.flags.insert(Flags::NOISE);
    }
}

/// By id, else by user principal name.
fn is_same(actor: &Actor, target: &Target) -> bool {
    let same = |a: &Option<String>, b: &Option<String>| match (a, b) {
        (Some(a), Some(b)) => Some(a.to_lowercase() == b.to_lowercase()),
        _ => None,
    };
    same(&actor.id, &target.id)
        .or_else(|| same(&actor.upn, &target.upn))
        .unwrap_or(false)
}

//! An activity of MIM as the cloud would have logged it.

use crate::activity::{Activity, Actor, ActorKind, Change, Target};

use super::ours;
use super::render::{
    AppIdentity, DirectoryAudit, InitiatedBy, KeyValue, ModifiedProperty, TargetResource,
    UserIdentity, changes_of, outcome_detail, record_id, result_word, time_text,
};

/// What an activity is called in the cloud.
struct Look {
    name: String,
    operation: &'static str,
    category: String,
    /// The first target's type is one that the cloud has.
    known_type: bool,
}

pub(super) fn directory_audit(activity: &Activity) -> DirectoryAudit {
    let look = look(activity);
    let membership = ours::is_membership(activity.kind.as_str()) && activity.targets.len() >= 2;
    let target_resources = if membership {
        member_targets(activity)
    } else {
        plain_targets(activity, look.known_type)
    };
    let ok = result_word(activity.result) == "success";
    DirectoryAudit {
        id: record_id(activity),
        correlation_id: activity.correlation.clone(),
        result: Some(result_word(activity.result).to_owned()),
        result_reason: if ok {
            String::new()
        } else {
            let reason = activity.reason.as_ref().or(activity.status.as_ref());
            reason.cloned().unwrap_or_default()
        },
        activity_date_time: time_text(activity),
        logged_by_service: Some(ours::SERVICE.to_owned()),
        operation_type: Some(look.operation.to_owned()),
        initiated_by: initiated_by(&activity.actor),
        target_resources,
        additional_details: details(activity, &look),
        activity_display_name: look.name,
        category: look.category,
    }
}

fn look(activity: &Activity) -> Look {
    let operation = match activity.operation.to_ascii_lowercase().as_str() {
        "create" => "Add",
        "delete" => "Delete",
        _ => "Update",
    };
    let groups = "GroupManagement";
    let users = "UserManagement";
    let (name, operation, category) = match activity.kind.as_str() {
        "group.add" => ("Add group", "Add", groups),
        "group.update" => ("Update group", "Update", groups),
        "group.delete" => ("Delete group", "Delete", groups),
        "member.add" => ("Add member to group", "Assign", groups),
        "member.remove" => ("Remove member from group", "Unassign", groups),
        "owner.add" => ("Add owner to group", "Assign", groups),
        "owner.remove" => ("Remove owner from group", "Unassign", groups),
        "password.reset.self" => ("User Password Reset", "Update", users),
        "sspr.registered" => ("User Password Registration", "Update", users),
        "user.add" => ("Add user", "Add", users),
        "user.update" => ("Update user", "Update", users),
        "user.delete" => ("Delete user", "Delete", users),
        kind => {
            let family = kind.split('.').next().unwrap_or(kind);
            let category = match family {
                "policy" | "set" | "workflow" => "Policy",
                _ => match activity.category.as_str() {
                    known @ ("GroupManagement" | "UserManagement" | "RoleManagement") => known,
                    _ => "Other",
                },
            };
            return Look {
                name: other_name(activity, family),
                operation,
                category: category.to_owned(),
                known_type: matches!(family, "password" | "sspr" | "method" | "user"),
            };
        }
    };
    Look {
        name: name.to_owned(),
        operation,
        category: category.to_owned(),
        known_type: true,
    }
}

/// `Create|Update|Delete <type>` where the activity's own name says no more than that.
fn other_name(activity: &Activity, family: &str) -> String {
    let verb = match activity.operation.to_ascii_lowercase().as_str() {
        "create" => "Create",
        "put" => "Update",
        "delete" => "Delete",
        _ => return activity.name.clone(),
    };
    let generic = matches!(family, "resource" | "config" | "sync" | "other");
    let object_type = activity.targets.first().map(|target| &target.object_type);
    match object_type {
        Some(object_type) if generic && !object_type.is_empty() => format!("{verb} {object_type}"),
        _ => activity.name.clone(),
    }
}

/// The member first, with what it was added to; then the group.
fn member_targets(activity: &Activity) -> Vec<TargetResource> {
    let [group, member, rest @ ..] = activity.targets.as_slice() else {
        return Vec::new();
    };
    let removed = activity.kind.as_str().ends_with(".remove");
    let property = |name: &str, value: Option<&str>| {
        let (old, new) = if removed {
            (value, None)
        } else {
            (None, value)
        };
        ModifiedProperty::new(name, old, new)
    };
    let mut first = resource(member, &member.object_type);
    first.modified_properties = vec![
        property("Group.ObjectID", group.id.as_deref()),
        property("Group.DisplayName", group.name.as_deref()),
        property("Group.WellKnownObjectName", None),
    ];
    let mut all = vec![first, resource(group, &group.object_type)];
    all.extend(
        rest.iter()
            .map(|target| resource(target, &target.object_type)),
    );
    all
}

fn plain_targets(activity: &Activity, known_type: bool) -> Vec<TargetResource> {
    let mut all = Vec::with_capacity(activity.targets.len());
    for (at, target) in (0..).zip(&activity.targets) {
        let known = matches!(target.object_type.as_str(), "User" | "Group");
        let object_type = if known || (known_type && at == 0) {
            target.object_type.as_str()
        } else {
            "Other"
        };
        let mut one = resource(target, object_type);
        let changes: Vec<&Change> = changes_of(activity, at).collect();
        let properties = changes.iter();
        one.modified_properties = properties
            .map(|change| {
                ModifiedProperty::new(
                    &change.property,
                    change.old.as_deref(),
                    change.new.as_deref(),
                )
            })
            .collect();
        if !changes.is_empty() {
            let mut names: Vec<&str> = Vec::new();
            for change in &changes {
                if !names.contains(&change.property.as_str()) {
                    names.push(&change.property);
                }
            }
            let names = names.join(", ");
            let included = ModifiedProperty::new("Included Updated Properties", None, Some(&names));
            one.modified_properties.push(included);
        }
        all.push(one);
    }
    all
}

fn resource(target: &Target, object_type: &str) -> TargetResource {
    TargetResource {
        id: target.id.clone(),
        display_name: target.name.clone(),
        object_type: Some(object_type.to_owned()).filter(|text| !text.is_empty()),
        user_principal_name: principal_name(
            target.upn.as_deref(),
            target.domain.as_deref(),
            target.account.as_deref(),
        ),
        group_type: (object_type == "Group").then(|| "unknownFutureValue".to_owned()),
        modified_properties: Vec::new(),
    }
}

/// The user principal name, else `DOMAIN\account`, which can't be one; never a made-up one.
fn principal_name(
    upn: Option<&str>,
    domain: Option<&str>,
    account: Option<&str>,
) -> Option<String> {
    if let Some(upn) = upn {
        return Some(upn.to_owned());
    }
    let (domain, account) = (domain?, account?);
    Some(format!("{domain}\\{account}"))
}

fn initiated_by(actor: &Actor) -> InitiatedBy {
    if matches!(actor.kind, ActorKind::Service | ActorKind::App) {
        return InitiatedBy {
            app: Some(AppIdentity {
                app_id: None,
                display_name: actor.name.clone().or_else(|| actor.account.clone()),
                service_principal_id: actor.id.clone(),
                service_principal_name: None,
            }),
            user: None,
        };
    }
    let user = UserIdentity {
        id: actor.id.clone(),
        display_name: actor.name.clone(),
        user_principal_name: principal_name(
            actor.upn.as_deref(),
            actor.domain.as_deref(),
            actor.account.as_deref(),
        ),
        ip_address: None,
    };
    InitiatedBy {
        app: None,
        user: (user != UserIdentity::default()).then_some(user),
    }
}

fn details(activity: &Activity, look: &Look) -> Vec<KeyValue> {
    let mut all = Vec::new();
    let mut add = |key: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            all.push(KeyValue::new(key, value));
        }
    };
    let object_type = activity.targets.first().map(|t| t.object_type.as_str());
    add(ours::REQUEST, activity.source_id.as_deref());
    add(ours::PARENT, activity.parent.as_deref());
    add(ours::OPERATION, Some(&activity.operation));
    add(ours::STATUS, activity.status.as_deref());
    add(ours::TYPE, object_type);
    add(ours::KIND, Some(activity.kind.as_str()));
    let category = Some(activity.category.as_str());
    add(
        ours::CATEGORY,
        category.filter(|text| *text != look.category),
    );
    let result = outcome_detail(activity);
    add(
        ours::RESULT,
        result.as_ref().map(|pair| pair.value.as_str()),
    );
    let flags: Vec<&str> = activity.flags.names().collect();
    add(ours::FLAGS, Some(&flags.join(" ")));
    add(ours::JUSTIFICATION, activity.justification.as_deref());
    let approvers = [&activity.approvers_asked, &activity.approvers_decided];
    let approvers = approvers.into_iter().find(|list| !list.is_empty());
    let approvers: Vec<&str> = approvers.into_iter().flatten().map(Actor::text).collect();
    add(ours::APPROVERS, Some(&approvers.join("; ")));
    let methods = activity.methods.join(", ");
    let key = if activity.kind.as_str().starts_with("password.") {
        ours::USED
    } else {
        ours::REGISTERED
    };
    add(key, Some(&methods));
    let hidden = !look.known_type && !matches!(object_type, Some("User" | "Group"));
    add(ours::TARGET_TYPE, object_type.filter(|_| hidden));
    let own = activity.details.iter();
    all.extend(own.map(|detail| KeyValue::new(&detail.key, &detail.value)));
    all
}

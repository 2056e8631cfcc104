//! Groups in the cloud: the directory's changes, the group service's requests and its noise.

use chrono::{DateTime, Utc};

use super::engine::Cloud;
use super::record::{
    Initiator, Property, Record, RecordTarget, Written, change, group, refers, thing, user,
};
use crate::activity::{Activity, Flags, Source};
use crate::generate::directory::{Group, Joining};
use crate::generate::truth::{Expectation, ExpectedGroupActivity};

const CORE: &str = "Core Directory";
const SERVICE: &str = "Self-service Group Management";
const MANAGEMENT: &str = "GroupManagement";
const ADD: (&str, &str, &str, &str) = (CORE, "Add member to group", MANAGEMENT, "Assign");
const REMOVE: (&str, &str, &str, &str) = (CORE, "Remove member from group", MANAGEMENT, "Unassign");

/// The references that tell to what a member was added.
fn references(group: &Group, added: bool) -> Vec<Property> {
    let id = group.cloud.to_string();
    vec![
        refers("Group.ObjectID", Some(&id), added),
        refers("Group.DisplayName", Some(group.name()), added),
        refers("Group.WellKnownObjectName", None, added),
    ]
}

/// A membership: the member first, then the group, which has nothing but its id.
fn membership(
    c: &mut Cloud,
    (what, kind): (
        (&'static str, &'static str, &'static str, &'static str),
        &str,
    ),
    by: Initiator,
    mut member: RecordTarget,
    of: &Group,
    correlation: &str,
    at: DateTime<Utc>,
) -> (Record, Activity) {
    member.properties = references(of, what.3 == "Assign");
    let record = c.record(what, by, vec![member, group(of, false)], correlation, at);
    let mut row = c.row(&record, kind, Flags::default());
    // The reference tells the group's name.
    row.targets[1].name = Some(of.name().to_owned());
    (record, row)
}

pub(super) fn members(c: &mut Cloud, at: DateTime<Utc>) {
    let of = c.directory.group(&mut c.rng, None);
    let owner = c.directory.owner(&of);
    let person = c.directory.other(&mut c.rng, &owner);
    let by = if c.rng.percent(25) {
        Initiator::App {
            principal: c.rng.uuid(),
            name: c
                .rng
                .word(&["Microsoft Substrate Management", "HR Provisioning"]),
        }
    } else {
        c.by(&owner)
    };
    let what = if c.rng.percent(70) {
        (ADD, "member.add")
    } else {
        (REMOVE, "member.remove")
    };
    let member = match c.rng.below(12) {
        0 => thing(c.rng.uuid(), Some("LAPTOP-0042"), "Device"),
        1 => {
            let nested = c.directory.group(&mut c.rng, Some(Joining::Closed));
            group(&nested, false)
        }
        _ => user(&person),
    };
    let correlation = c.correlation();
    let (record, row) = membership(c, what, by, member, &of, &correlation, at);
    c.log(&record, row);
}

/// Somebody joins or leaves by themselves.
pub(super) fn oneself(c: &mut Cloud, at: DateTime<Utc>) {
    let of = c.directory.group(&mut c.rng, Some(Joining::Open));
    let person = c.somebody();
    let by = c.by(&person);
    let what = if c.rng.percent(70) {
        (ADD, "member.add")
    } else {
        (REMOVE, "member.remove")
    };
    let correlation = c.correlation();
    let (record, mut row) = membership(c, what, by, user(&person), &of, &correlation, at);
    row.flags.insert(Flags::SELF_SERVICE);
    expect(c, &row, of.name());
    c.log(&record, row);
}

fn expect(c: &mut Cloud, row: &Activity, group: &str) {
    c.expect(Expectation::SelfServiceGroups(ExpectedGroupActivity {
        time: row.time,
        source: Source::Entra,
        user: row.actor.text().to_owned(),
        activity: row.name.clone(),
        group: group.to_owned(),
        result: row.result,
        correlation: row.correlation.clone().unwrap_or_default(),
    }));
}

pub(super) fn owners(c: &mut Cloud, at: DateTime<Utc>) {
    let of = c.directory.group(&mut c.rng, None);
    let owner = c.directory.owner(&of);
    let person = c.directory.other(&mut c.rng, &owner);
    let by = c.by(&owner);
    let what = if c.rng.percent(60) {
        (
            (CORE, "Add owner to group", MANAGEMENT, "Assign"),
            "owner.add",
        )
    } else {
        (
            (CORE, "Remove owner from group", MANAGEMENT, "Unassign"),
            "owner.remove",
        )
    };
    let correlation = c.correlation();
    let (record, row) = membership(c, what, by, user(&person), &of, &correlation, at);
    c.log(&record, row);
}

/// Groups are made, changed, deleted.
pub(super) fn lifecycle(c: &mut Cloud, at: DateTime<Utc>) {
    let of = c.directory.group(&mut c.rng, None);
    let owner = c.directory.owner(&of);
    let by = c.by(&owner);
    let correlation = c.correlation();
    let mut target = group(&of, true);
    let (what, kind) = match c.rng.below(3) {
        0 => {
            target.id = Some(c.rng.uuid().to_string());
            target.group_type = Some("unifiedGroups");
            target.properties = vec![
                change("DisplayName", None, Some(of.name()), Written::List),
                change("SecurityEnabled", None, Some("true"), Written::List),
                Property {
                    refers: true,
                    ..change(
                        "Included Updated Properties",
                        None,
                        Some("DisplayName, SecurityEnabled"),
                        Written::Text,
                    )
                },
            ];
            ((CORE, "Add group", MANAGEMENT, "Add"), "group.add")
        }
        1 => {
            target.properties = vec![change(
                "Description",
                Some("Alt \"alt\""),
                Some("Neu; see C:\\share"),
                Written::List,
            )];
            ((CORE, "Update group", MANAGEMENT, "Update"), "group.update")
        }
        _ => ((CORE, "Delete group", MANAGEMENT, "Delete"), "group.delete"),
    };
    let mut record = c.record(what, by, vec![target], &correlation, at);
    record.details = vec![
        ("GroupType", Some("SecurityGroup".to_owned())),
        ("User-Agent", None),
    ];
    let mut row = c.row(&record, kind, Flags::default());
    if kind == "group.add" {
        row.flags.insert(Flags::SELF_SERVICE);
        expect(c, &row, of.name());
    }
    c.log(&record, row);
}

/// Somebody asks to join, the owner decides, and the service adds them.
pub(super) fn join_request(c: &mut Cloud, at: DateTime<Utc>) {
    let of = c.directory.group(&mut c.rng, Some(Joining::OwnerApproval));
    let owner = c.directory.owner(&of);
    let person = c.directory.other(&mut c.rng, &owner);
    let correlation = c.correlation();
    let by = c.by(&person);
    let request = |c: &mut Cloud, name, kind, by, at| {
        let what = (SERVICE, name, MANAGEMENT, "Update");
        let mut record = c.record(what, by, vec![group(&of, true)], &correlation, at);
        record.reason = Some("OK");
        let row = c.row(&record, kind, Flags::SELF_SERVICE);
        expect(c, &row, of.name());
        c.log(&record, row);
    };
    request(
        c,
        "Request to join a group",
        "group.join.requested",
        by.clone(),
        at,
    );
    let at = c.after(at, 60, 1_800);
    match c.rng.below(10) {
        0..6 => {
            let decider = c.by(&owner);
            request(
                c,
                "Approve a pending request to join a group",
                "group.join.approved",
                decider,
                at,
            );
            let service = Initiator::App {
                principal: c.rng.uuid(),
                name: "Microsoft Approval Management",
            };
            let at = c.after(at, 1, 5);
            let what = (ADD, "member.add");
            let (record, row) = membership(c, what, service, user(&person), &of, &correlation, at);
            c.log(&record, row);
        }
        6..8 => {
            let decider = c.by(&owner);
            request(
                c,
                "Reject a pending request to join a group",
                "group.join.rejected",
                decider,
                at,
            );
        }
        8 => request(
            c,
            "Cancel a pending request to join a group",
            "group.join.canceled",
            by,
            at,
        ),
        _ => {}
    }
}

/// The group service writes down every look at it.
pub(super) fn noise(c: &mut Cloud, at: DateTime<Utc>) {
    const READS: [&str; 5] = [
        "GroupsODataV4_GetgroupLifecyclePolicies",
        "Features_GetFeaturesAsync",
        "Settings_GetSettingsAsync",
        "User_GetUserAsync",
        "GroupLifecyclePolicies_Get",
    ];
    let mut at = at;
    for _ in 0..c.rng.between(1, 3) {
        let change = c.rng.percent(15);
        let name = if change {
            "Group_AddMember"
        } else {
            c.rng.word(&READS)
        };
        let person = c.somebody();
        let by = c.by(&person);
        let correlation = c.correlation();
        let nothing = RecordTarget {
            id: Some("00000000-0000-0000-0000-000000000000".to_owned()),
            ..thing(uuid::Uuid::nil(), None, "N/A")
        };
        let mut record = c.record(
            (SERVICE, name, MANAGEMENT, "Update"),
            by,
            vec![nothing],
            &correlation,
            at,
        );
        record.reason = Some("OK");
        let mut row = c.row(&record, if change { "other" } else { "read" }, Flags::NOISE);
        // A target that names nothing is none.
        row.targets.clear();
        c.log(&record, row);
        at = c.after(at, 0, 2);
    }
}

//! Sets, policy rules, workflow definitions, schema, configuration: what administrators change.

use std::fmt::Write;

use chrono::{DateTime, Utc};

use super::engine::{Mim, by};
use super::groups::deleted;
use crate::activity::{Activity, Change, ChangeMode, Flags, Outcome, Target};
use crate::generate::directory::Resource;
use crate::generate::document::{Creator, Draft, Value};
use crate::generate::library::{Account, Rule};
use crate::generate::truth::{self, Called, Subject, change, value_row};

const ADD_TO_SET: Called<'_> = ("set.member.add", "Add member to set", "Policy");
const REMOVE_FROM_SET: Called<'_> = ("set.member.remove", "Remove member from set", "Policy");

/// One of the three things that are done to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Add,
    Update,
    Delete,
}

/// The verb whose turn it is.
pub(super) fn verb(m: &mut Mim, what: &'static str) -> Verb {
    const TURNS: [Verb; 5] = [
        Verb::Update,
        Verb::Add,
        Verb::Update,
        Verb::Delete,
        Verb::Update,
    ];
    TURNS[m.turn(what, 5) as usize]
}

/// A request about a resource, and the target that its rows have.
pub(super) fn write(
    m: &mut Mim,
    verb: Verb,
    creator: Creator,
    of: &Resource,
    at: DateTime<Utc>,
) -> (Draft, Target) {
    match verb {
        Verb::Add => (m.create(creator, of, at), truth::target(of)),
        Verb::Update => (m.put(creator, of, at), truth::target(of)),
        Verb::Delete => (m.delete(creator, of, at), deleted(of)),
    }
}

/// Writes parameters of the verb, and gives the changes that they are.
pub(super) fn set(draft: &mut Draft, verb: Verb, values: &[(&'static str, &str)]) -> Vec<Change> {
    if verb == Verb::Delete {
        return Vec::new();
    }
    for &(property, value) in values {
        if verb == Verb::Add {
            draft.initial(property, Value::text(value));
        } else {
            draft.modify(property, Value::text(value));
        }
    }
    values
        .iter()
        .map(|&(property, value)| change(property, ChangeMode::Set, Some(value)))
        .collect()
}

pub(super) fn whole(
    draft: &Draft,
    called: Called<'_>,
    of: &Resource,
    target: Target,
    changes: Vec<Change>,
) -> Activity {
    let id = of.id.to_string();
    let subject = Subject::Whole(Some(&id));
    let mut row = truth::row(draft, called, Outcome::Success, subject, vec![target]);
    row.changes = changes;
    row
}

fn administrator(m: &mut Mim) -> Creator {
    if m.rng.percent(70) {
        m.account(Account::Administrator)
    } else {
        // A person who is an administrator by being in the set.
        let person = std::sync::Arc::clone(&m.directory.people[3]);
        by(&person)
    }
}

/// F1 and F2.
pub(super) fn set_scenario(m: &mut Mim, at: DateTime<Utc>) {
    let creator = administrator(m);
    let verb = verb(m, "set");
    if verb != Verb::Update {
        let (id, key) = (m.rng.uuid(), m.key());
        let set_of = Resource::new(
            id,
            key,
            "Set",
            Some(&format!("Site {key}: guests")),
            None,
            |_| {},
        );
        let (mut draft, target) = write(m, verb, creator, &set_of, at);
        m.grant(&mut draft, &[Rule::Administer]);
        let called = if verb == Verb::Add {
            ("set.add", "Add set", "Policy")
        } else {
            ("set.delete", "Delete set", "Policy")
        };
        let changes = set(
            &mut draft,
            verb,
            &[("DisplayName", set_of.shown()), ("Temporal", "False")],
        );
        let mut rows = vec![whole(&draft, called, &set_of, target.clone(), changes)];
        if verb == Verb::Add {
            let member = m.somebody();
            draft.initial("ExplicitMember", Value::of(&member.mim));
            let attribute = ("ExplicitMember", ChangeMode::Add);
            rows.push(value_row(
                &draft,
                ADD_TO_SET,
                Outcome::Success,
                &target,
                attribute,
                &member.mim,
            ));
        }
        m.log(&draft, rows);
        return;
    }
    let turn = m.turn("set change", 12);
    let sensitive = turn < 4;
    let set_of = if sensitive {
        m.library.administrators.clone()
    } else {
        m.rng.pick(&m.library.sets).clone()
    };
    let (mut draft, target) = write(m, verb, creator, &set_of, at);
    m.grant(&mut draft, &[Rule::Administer]);
    let people = m.directory.several(&mut m.rng, 2);
    let mut rows = Vec::new();
    let which = turn % 4;
    if which != 1 {
        draft.insert("ExplicitMember", Value::of(&people[0].mim));
        rows.push((ADD_TO_SET, ChangeMode::Add, &people[0]));
    }
    if which == 1 || which == 2 {
        draft.remove("ExplicitMember", Value::of(&people[1].mim));
        rows.push((REMOVE_FROM_SET, ChangeMode::Remove, &people[1]));
    }
    let filter = "<Filter xmlns=\"http://schemas.xmlsoap.org/ws/2004/09/enumeration\">/Person[starts-with(JobTitle, '%')]</Filter>";
    if which == 3 {
        draft.modify("Filter", Value::text(filter));
    }
    let mut rows: Vec<_> = rows
        .into_iter()
        .map(|(called, mode, person)| {
            let attribute = ("ExplicitMember", mode);
            let mut row = value_row(
                &draft,
                called,
                Outcome::Success,
                &target,
                attribute,
                &person.mim,
            );
            if sensitive {
                row.flags.insert(Flags::SENSITIVE);
            }
            row
        })
        .collect();
    if which == 3 {
        let changes = vec![change("Filter", ChangeMode::Set, Some(filter))];
        rows.push(whole(
            &draft,
            ("set.update", "Update set", "Policy"),
            &set_of,
            target,
            changes,
        ));
    }
    m.log(&draft, rows);
}

/// F3 and F4.
pub(super) fn rule(m: &mut Mim, at: DateTime<Utc>) {
    let creator = administrator(m);
    let (id, key) = (m.rng.uuid(), m.key());
    let of = Resource::new(
        id,
        key,
        "ManagementPolicyRule",
        Some("Guests: read 'All Groups'"),
        None,
        |_| {},
    );
    let verb = verb(m, "rule");
    let (mut draft, target) = write(m, verb, creator, &of, at);
    m.grant(&mut draft, &[Rule::Administer]);
    let mut rows = Vec::new();
    let mut add = |draft: &Draft, called, changes, sensitive: bool| {
        let mut row = whole(draft, called, &of, target.clone(), changes);
        if sensitive {
            row.flags.insert(Flags::SENSITIVE);
        }
        rows.push(row);
    };
    const UPDATE: Called<'_> = ("policy.update", "Update policy", "Policy");
    match verb {
        Verb::Add => {
            let values = [
                ("DisplayName", of.shown()),
                ("GrantRight", "True"),
                ("Disabled", "False"),
            ];
            let changes = set(&mut draft, verb, &values);
            add(
                &draft,
                ("policy.add", "Add policy", "Policy"),
                changes,
                true,
            );
        }
        Verb::Delete => {
            add(
                &draft,
                ("policy.delete", "Delete policy", "Policy"),
                Vec::new(),
                false,
            );
        }
        Verb::Update => match m.turn("rule change", 4) {
            0 => {
                let word = m.rng.word(&["True", "1"]);
                let mut changes = set(
                    &mut draft,
                    verb,
                    &[("Disabled", word), ("Description", "Off since the audit")],
                );
                let rest = changes.split_off(1);
                add(
                    &draft,
                    ("policy.disable", "Disable policy rule", "Policy"),
                    changes,
                    true,
                );
                add(&draft, UPDATE, rest, false);
            }
            1 => {
                let word = m.rng.word(&["False", "0"]);
                let changes = set(&mut draft, verb, &[("Disabled", word)]);
                add(
                    &draft,
                    ("policy.enable", "Enable policy rule", "Policy"),
                    changes,
                    true,
                );
            }
            2 => {
                let changes = set(&mut draft, verb, &[("GrantRight", "True")]);
                add(&draft, UPDATE, changes, true);
            }
            _ => {
                draft.insert("ActionParameter", Value::text("Description"));
                draft.remove("ActionParameter", Value::text("*"));
                let changes = vec![
                    change("ActionParameter", ChangeMode::Add, Some("Description")),
                    change("ActionParameter", ChangeMode::Remove, Some("*")),
                ];
                add(&draft, UPDATE, changes, false);
            }
        },
    }
    m.log(&draft, rows);
}

/// F5; the definition's text may be long.
pub(super) fn workflow(m: &mut Mim, at: DateTime<Utc>) {
    let creator = administrator(m);
    let (id, key) = (m.rng.uuid(), m.key());
    let of = Resource::new(
        id,
        key,
        "WorkflowDefinition",
        Some("Welcome: new colleagues"),
        None,
        |o| {
            o.text("RequestPhase", "Action");
        },
    );
    let verb = verb(m, "workflow");
    let (mut draft, target) = write(m, verb, creator, &of, at);
    m.grant(&mut draft, &[Rule::Administer]);
    let long = m.rng.percent(40);
    let steps = if long {
        m.rng.between(220, 700)
    } else {
        m.rng.skewed(2, 60)
    };
    let xoml = xoml(steps);
    let called = match verb {
        Verb::Add => ("workflow.add", "Create workflow", "WorkflowManagement"),
        Verb::Update => ("workflow.update", "Update workflow", "WorkflowManagement"),
        Verb::Delete => ("workflow.delete", "Delete workflow", "WorkflowManagement"),
    };
    let changes = set(
        &mut draft,
        verb,
        &[("RunOnPolicyUpdate", "False"), ("XOML", &xoml)],
    );
    let row = whole(&draft, called, &of, target, changes);
    m.log(&draft, vec![row]);
}

/// A definition without gates. The notes hold characters of two UTF-16 units, between which a long
/// document may be cut.
fn xoml(steps: u64) -> String {
    let mut text = String::from(
        "<ns0:SequentialWorkflow x:Name=\"SequentialWorkflow\" xmlns:x=\"http://schemas.microsoft.com/winfx/2006/xaml\">\r\n",
    );
    for step in 0..steps {
        let _ = writeln!(
            text,
            "  <ns1:FunctionActivity x:Name=\"step{step}\" Note=\"🎉🎊 歡迎 {step}\" Destination=\"[//Target/Description]\" />"
        );
    }
    text.push_str("</ns0:SequentialWorkflow>");
    text
}

/// A definition with two gates is written; gives the time of the log.
pub(super) fn gates_written(m: &mut Mim, key: u64, at: DateTime<Utc>) -> DateTime<Utc> {
    let creator = administrator(m);
    let id = m.rng.uuid();
    let of = Resource::new(
        id,
        key,
        "WorkflowDefinition",
        Some("Reset verification"),
        None,
        |o| {
            o.text("RequestPhase", "Authentication");
        },
    );
    let (mut draft, target) = write(m, Verb::Update, creator, &of, at);
    m.grant(&mut draft, &[Rule::Administer]);
    let xoml = "<ns0:SequentialWorkflow><ns1:QAAuthenticationGate x:Name=\"first\" /><ns1:OneTimePasswordSmsGate x:Name=\"second\" /></ns0:SequentialWorkflow>";
    let changes = set(&mut draft, Verb::Update, &[("XOML", xoml)]);
    let called = ("workflow.update", "Update workflow", "WorkflowManagement");
    let row = whole(&draft, called, &of, target, changes);
    m.log(&draft, vec![row])
}

/// F6.
pub(super) fn schema(m: &mut Mim, at: DateTime<Utc>) {
    const TYPES: [(&str, [&str; 3]); 3] = [
        (
            "ObjectTypeDescription",
            [
                "Add schema object type",
                "Update schema object type",
                "Delete schema object type",
            ],
        ),
        (
            "AttributeTypeDescription",
            [
                "Add schema attribute",
                "Update schema attribute",
                "Delete schema attribute",
            ],
        ),
        (
            "BindingDescription",
            [
                "Add schema binding",
                "Update schema binding",
                "Delete schema binding",
            ],
        ),
    ];
    let creator = administrator(m);
    let (object_type, names) = TYPES[m.turn("schema type", 3) as usize];
    let verb = verb(m, "schema");
    let kind = ["schema.add", "schema.update", "schema.delete"][verb as usize];
    configured(
        m,
        at,
        creator,
        object_type,
        verb,
        (kind, names[verb as usize], "Schema"),
        Flags::default(),
    );
}

/// F7.
pub(super) fn configuration(m: &mut Mim, at: DateTime<Utc>) {
    const TYPES: [&str; 12] = [
        "DomainConfiguration",
        "ForestConfiguration",
        "EmailTemplate",
        "HomepageConfiguration",
        "NavigationBarConfiguration",
        "ObjectVisualizationConfiguration",
        "PortalUIConfiguration",
        "SearchScopeConfiguration",
        "FilterScope",
        "ConstantSpecifier",
        "TimeZoneConfiguration",
        "msidmSystemConfiguration",
    ];
    let creator = administrator(m);
    let object_type = TYPES[m.turn("configuration type", 12) as usize];
    let verb = verb(m, "configuration");
    named(
        m,
        at,
        creator,
        object_type,
        verb,
        "config",
        "Configuration",
        Flags::default(),
    );
}

/// F8, by synchronization: rules and what they expect and detect.
pub(super) fn synchronization(m: &mut Mim, at: DateTime<Utc>) {
    let entry = m.rng.percent(85);
    let (object_type, flags) = if entry {
        (
            m.rng.word(&["ExpectedRuleEntry", "DetectedRuleEntry"]),
            Flags::NOISE,
        )
    } else {
        let types = [
            "ma-data",
            "mv-data",
            "SynchronizationRule",
            "SynchronizationFilter",
        ];
        (m.rng.word(&types), Flags::default())
    };
    let creator = m.synchronization();
    let verb = verb(m, if entry { "entry" } else { "synchronization" });
    named(
        m,
        at,
        creator,
        object_type,
        verb,
        "sync",
        "ProvisioningManagement",
        flags,
    );
}

/// `Add <type>`, `Update <type>`, `Delete <type>`, with the verb in the kind.
#[allow(clippy::too_many_arguments, reason = "one row of a table")]
pub(super) fn named(
    m: &mut Mim,
    at: DateTime<Utc>,
    creator: Creator,
    object_type: &'static str,
    verb: Verb,
    kind: &str,
    category: &str,
    flags: Flags,
) {
    let kind = format!("{kind}.{}", ["add", "update", "delete"][verb as usize]);
    let name = format!(
        "{} {object_type}",
        ["Add", "Update", "Delete"][verb as usize]
    );
    configured(
        m,
        at,
        creator,
        object_type,
        verb,
        (&kind, &name, category),
        flags,
    );
}

fn configured(
    m: &mut Mim,
    at: DateTime<Utc>,
    creator: Creator,
    object_type: &'static str,
    verb: Verb,
    called: Called<'_>,
    flags: Flags,
) {
    let (id, key) = (m.rng.uuid(), m.key());
    let name = format!("hq {object_type} {}", m.rng.below(50));
    let of = Resource::new(id, key, object_type, Some(&name), None, |_| {});
    let (mut draft, target) = write(m, verb, creator, &of, at);
    m.grant(&mut draft, &[Rule::Administer]);
    let text = format!("Changed for ticket {}", m.rng.below(9_000));
    let changes = set(&mut draft, verb, &[("Description", &text)]);
    let mut row = whole(&draft, called, &of, target, changes);
    row.flags.insert(flags);
    m.log(&draft, vec![row]);
}

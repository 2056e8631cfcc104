//! The truth against the real readers, row by row. The two were written by different people from
//! one page of rules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::calendar::Calendar;
use super::directory::Directory;
use super::mim::Mim;
use super::*;
use crate::activity::{Activity, Classifier};
use crate::entra::EntraReader;
use crate::request::{Origin, Request};

/// Fields that differ, for each kind, with the first example.
#[derive(Default)]
struct Differences(BTreeMap<String, (usize, String)>);

impl Differences {
    fn compare(&mut self, mut got: Vec<Activity>, mut truth: Vec<Activity>, document: &str) {
        let key = |row: &Activity| (row.kind.clone(), row.id);
        got.sort_by_key(key);
        truth.sort_by_key(key);
        for at in 0..got.len().max(truth.len()) {
            let (got, truth) = (got.get(at), truth.get(at));
            if got == truth {
                continue;
            }
            let fields = |row: Option<&Activity>| {
                let value = serde_json::to_value(row).unwrap();
                value.as_object().cloned().unwrap_or_default()
            };
            let (got_fields, truth_fields) = (fields(got), fields(truth));
            let names: BTreeSet<_> = got_fields
                .keys()
                .chain(truth_fields.keys())
                .cloned()
                .collect();
            for name in names {
                let (g, t) = (got_fields.get(&name), truth_fields.get(&name));
                if g == t {
                    continue;
                }
                let kind = truth
                    .or(got)
                    .map(|row| row.kind.to_string())
                    .unwrap_or_default();
                let entry = self.0.entry(format!("{kind} {name}")).or_default();
                entry.0 += 1;
                if entry.1.is_empty() {
                    let document: String = document.chars().take(4_000).collect();
                    entry.1 = format!("got {g:?}\n   truth {t:?}\n   of {document}");
                }
            }
        }
    }

    #[track_caller]
    fn none(self) {
        for (name, (count, example)) in &self.0 {
            eprintln!("{name} ({count} times)\n   {example}");
        }
        assert!(self.0.is_empty(), "{} fields differ", self.0.len());
    }
}

#[test]
fn requests_give_their_truth() {
    let directory = Arc::new(Directory::new(1, 400, 60));
    let start = "2026-03-02T00:00:00Z".parse().unwrap();
    let computers = vec!["mim01".to_owned(), "mim02".to_owned()];
    let mut mim = Mim::new(1, directory, Calendar::new(start, 30), computers, 6_000);
    let mut classifier = Classifier::default();
    let mut differences = Differences::default();
    while let Some(step) = mim.take() {
        let Item::Request(document) = &step.item else {
            panic!("not a request");
        };
        let origin = Origin {
            computer: document.computer.clone(),
            ..Origin::default()
        };
        let request = Request::from_json(&document.json)
            .unwrap()
            .with_origin(origin);
        let rows = classifier.classify(&request);
        if !document.copy {
            differences.compare(rows, step.truth, &document.json);
        }
    }
    differences.none();
}

#[test]
fn cloud_records_give_their_truth_in_every_dress() {
    for format in FORMATS {
        let options = Options::new(3)
            .requests(0)
            .cloud_records(2_500)
            .people(300)
            .cloud_format(format);
        let mut differences = Differences::default();
        for step in Generator::new(&options) {
            let Item::Cloud(record) = &step.item else {
                panic!("not a record");
            };
            let mut reader = EntraReader::new(record.json.as_bytes());
            let rows: Vec<_> = reader.by_ref().map(|row| row.unwrap()).collect();
            assert_eq!(
                reader.summary().not_audit,
                u64::from(!record.audit),
                "{format:?}"
            );
            if !record.copy {
                differences.compare(rows, step.truth, &record.json);
            }
        }
        differences.none();
    }
}

const FORMATS: [CloudFormat; 6] = [
    CloudFormat::GraphPages,
    CloudFormat::GraphLines,
    CloudFormat::PortalJson,
    CloudFormat::EventHub,
    CloudFormat::Blob,
    CloudFormat::LogAnalytics,
];

/// One entry for each row of the table of rules that is not off: the rule, then kind and name. Rows
/// of one kind and name that differ in their flags are told apart by them.
const REACHED: [(&str, &str); 83] = [
    ("A1-A3", "password.reset.self|User Password Reset|"),
    ("A4", "password.reset.admin|Reset password (by admin)|"),
    (
        "A5",
        "sspr.blocked|Blocked from self-service password reset|",
    ),
    ("A6", "sspr.unlocked|Unlock self-service password reset|"),
    ("A7", "user.update|Update user|noise"),
    ("B1", "sspr.registered|User Password Registration|"),
    (
        "B2",
        "sspr.unregistered|User Password Registration removed|",
    ),
    ("B3", "gate.add|Create GateRegistration|noise"),
    ("B4", "method.registered|Register authentication gate|"),
    ("B5a", "gate.update|Update GateRegistration|noise"),
    ("B5b", "method.updated|Update authentication gate|"),
    ("B5c", "method.updated|Update authentication gate|noise"),
    ("B6", "method.deleted|Remove authentication gate|"),
    ("B7", "method.updated|Update authentication method|"),
    ("B8", "sspr.cleared|Clear password reset registrations|"),
    ("C1", "group.add|Add group|"),
    ("C1", "group.add|Add group|self_service"),
    ("C2, C4", "member.add|Add member to group|"),
    ("C4", "member.add|Add member to group|self_service"),
    ("C5", "member.remove|Remove member from group|"),
    ("C5", "member.remove|Remove member from group|self_service"),
    ("C3, C6a", "owner.add|Add owner to group|"),
    ("C6b", "owner.remove|Remove owner from group|"),
    ("C7", "group.update|Update group|"),
    ("C8", "group.delete|Delete group|"),
    ("D1", "approval.requested|Approval requested|"),
    ("D2", "approval.approved|Request approved|"),
    ("D3", "approval.rejected|Request denied|"),
    ("D4", "approval.expired|Request expired|"),
    ("D5", "approval.update|Update approval|noise"),
    ("D6", "request.cancel|Cancel request|"),
    ("D7", "resource.add|Add ApprovalResponse|"),
    ("E1a", "user.add|Add user|system"),
    ("E1b", "user.add|Add user|"),
    ("E4", "user.update|Update user|"),
    ("E5", "user.delete|Delete user|"),
    ("F1a", "set.member.add|Add member to set|sensitive"),
    ("F1b", "set.member.remove|Remove member from set|sensitive"),
    ("F1c", "set.member.add|Add member to set|"),
    ("F1d", "set.member.remove|Remove member from set|"),
    ("F2", "set.add|Add set|"),
    ("F2", "set.update|Update set|"),
    ("F2", "set.delete|Delete set|"),
    ("F3a", "policy.disable|Disable policy rule|sensitive"),
    ("F3b", "policy.enable|Enable policy rule|sensitive"),
    ("F4a", "policy.add|Add policy|sensitive"),
    ("F4a", "policy.update|Update policy|sensitive"),
    ("F4b", "policy.update|Update policy|"),
    ("F4b", "policy.delete|Delete policy|"),
    ("F5a", "workflow.add|Create workflow|"),
    ("F5b", "workflow.update|Update workflow|"),
    ("F5b", "workflow.delete|Delete workflow|"),
    ("F6a", "schema.add|Add schema object type|"),
    ("F6b", "schema.update|Update schema attribute|"),
    ("F6c", "schema.delete|Delete schema binding|"),
    ("F7", "config.update|Update EmailTemplate|"),
    ("F8a", "sync.add|Add ExpectedRuleEntry|noise"),
    ("F8a", "sync.delete|Delete DetectedRuleEntry|noise"),
    ("F8b", "sync.update|Update SynchronizationRule|"),
    ("G1a", "pam.activate|PAM role activation requested|pam"),
    ("G1b", "pam.activate|PAM role activated|pam"),
    ("G1c", "pam.activate|PAM role activation denied|pam"),
    ("G1d", "pam.activate|PAM role activation canceled|pam"),
    ("G2", "pam.deactivate|PAM role deactivated|pam"),
    ("G3", "pam.expired|PAM role activation expired|pam"),
    ("G4", "pam.update|Update PAM request|noise,pam"),
    ("G5a", "pam.config|Add candidate to PAM role|pam"),
    ("G5b", "pam.config|Remove candidate from PAM role|pam"),
    ("G5c", "pam.config|Add PAM role|pam"),
    ("G5c", "pam.config|Update PAM role|pam"),
    ("G5c", "pam.config|Delete PAM role|pam"),
    ("G5d", "pam.config|Update PAM configuration|pam"),
    ("G6a", "member.add|Add member to group|pam"),
    ("G6b", "member.remove|Remove member from group|pam"),
    ("H1", "system.event|Set transition|system"),
    ("H2", "read|Read Person|system"),
    ("H3", "resource.add|Add hqBadge|"),
    ("H3", "resource.update|Update Computer|"),
    ("H3", "resource.delete|Delete hqLocation|"),
    ("H4", "other|Merge Person|"),
    ("H4", "other|Merge|"),
    ("H4", "other|Restore|"),
    ("H4", "other|:|"),
];

#[test]
fn every_rule_is_reached() {
    let mut reached = BTreeSet::new();
    // The ways in which a reset may be told: with the attribute, by a rule, by nothing at all.
    let mut ways = BTreeSet::new();
    for step in Generator::new(&Options::new(1).requests(8_000).people(300).cloud_records(0)) {
        for row in &step.truth {
            let flags: Vec<_> = row
                .flags
                .names()
                .filter(|name| *name != "via_workflow")
                .collect();
            let name = row.name.split("  '").next().unwrap_or_default();
            reached.insert(format!("{}|{name}|{}", row.kind, flags.join(",")));
            if row.kind.as_str() == "password.reset.self" {
                let granted = row.details.iter().any(|detail| detail.key == "GrantedBy");
                let initiator = row.detail("Initiator").unwrap_or("oneself").to_owned();
                ways.insert((initiator, row.changes.is_empty(), granted));
            }
        }
    }
    let missing: Vec<_> = REACHED
        .iter()
        .filter(|(_, row)| !reached.contains(*row))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    for (initiator, without_attribute, granted) in [
        ("anonymous", false, true),
        ("anonymous", true, true),
        ("anonymous", true, false),
        ("oneself", false, true),
    ] {
        assert!(
            ways.contains(&(initiator.to_owned(), without_attribute, granted)),
            "{initiator}"
        );
    }
}

//! The truth against the real readers, row by row. The two were written by different people from
//! one page of rules.

use std::collections::BTreeMap;
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
            let names: std::collections::BTreeSet<_> = got_fields
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

#[test]
fn every_rule_is_reached() {
    let mut kinds = std::collections::BTreeSet::new();
    for step in Generator::new(&Options::new(1).requests(12_000).people(300)) {
        for row in step.truth {
            if row.source == crate::activity::Source::IdentityManager {
                let flags: Vec<_> = row
                    .flags
                    .names()
                    .filter(|name| *name != "via_workflow")
                    .collect();
                kinds.insert(format!(
                    "{}|{}|{}",
                    row.kind,
                    row.name.split("  '").next().unwrap(),
                    flags.join(",")
                ));
            }
        }
    }
    let names: Vec<_> = kinds.iter().map(String::as_str).collect();
    eprintln!("{}", names.join("\n"));
}

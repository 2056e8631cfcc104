//! The truth against the real classifier, row by row.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::calendar::Calendar;
use super::directory::Directory;
use super::mim::Mim;
use super::*;
use crate::activity::{Classifier, Activity};
use crate::request::{Origin, Request};

#[test]
fn requests_give_their_truth() {
    let directory = Arc::new(Directory::new(1, 400, 60));
    let start = "2026-03-02T00:00:00Z".parse().unwrap();
    let mut mim = Mim::new(1, directory, Calendar::new(start, 30), vec!["mim01".to_owned(), "mim02".to_owned()], 6_000);
    let mut classifier = Classifier::default();
    let mut wrong: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let mut steps = 0;
    while let Some(step) = mim.take() {
        steps += 1;
        let Item::Request(document) = &step.item else { panic!() };
        let origin = Origin { computer: document.computer.clone(), ..Origin::default() };
        let request = match Request::from_json(&document.json) {
            Ok(request) => request.with_origin(origin),
            Err(error) => panic!("{error}: {}", document.json),
        };
        let rows = classifier.classify(&request);
        if document.copy {
            continue;
        }
        let key = |row: &Activity| (row.kind.clone(), row.id);
        let mut got = rows.clone();
        let mut truth = step.truth.clone();
        got.sort_by_key(key);
        truth.sort_by_key(key);
        if got != truth {
            let got: Vec<_> = got.iter().map(|row| serde_json::to_string(row).unwrap()).collect();
            let truth: Vec<_> = truth.iter().map(|row| serde_json::to_string(row).unwrap()).collect();
            let kinds: Vec<_> = rows.iter().map(|row| row.kind.as_str().to_owned()).collect();
            let entry = wrong.entry(kinds.first().cloned().unwrap_or_default()).or_default();
            entry.0 += 1;
            if entry.1.is_empty() {
                let mut text = String::new();
                for index in 0..got.len().max(truth.len()) {
                    let (g, t) = (got.get(index), truth.get(index));
                    if g != t {
                        text += &format!("\n  got   {}\n  truth {}", g.map_or("-", |x| x), t.map_or("-", |x| x));
                        break;
                    }
                }
                text += &format!("\n  doc {}", &document.json.chars().take(6000).collect::<String>());
                entry.1 = text;
            }
        }
    }
    let _ = HashMap::<u8, u8>::new();
    for (kind, (count, text)) in &wrong {
        eprintln!("{kind}: {count}{text}");
    }
    eprintln!("steps {steps} counted {}", classifier.unclassified());
    assert!(wrong.is_empty());
}

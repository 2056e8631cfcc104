//! Parts of documents in any order, lost, twice, and damaged.

use std::collections::{BTreeMap, BTreeSet};

use mim_events::eventlog::{MIM_PROVIDER, OwnedLogEvent, REQUEST_PART};
use mim_events::message::{Assembler, AssemblerLimits, split};
use uuid::Uuid;

use crate::input::Input;

/// Documents, cut as MIM does; then which part comes when. What all parts of
/// came for is given once and as it was, the rest is reported with what is missing,
/// and every part is counted.
pub fn assembler(data: &[u8]) {
    let mut input = Input(data);
    let how = input.byte();
    let is_small = how & 1 != 0;
    let damages = how & 2 != 0;
    let limits = if is_small {
        AssemblerLimits::default()
            .max_documents(2)
            .max_bytes(4000)
            .max_parts(20)
            .max_finished_bytes(600)
    } else {
        // No document here has more parts.
        AssemblerLimits::default().max_parts(4096)
    };
    let mut documents = Vec::new();
    let mut parts = Vec::new();
    for number in 0..=how >> 5 {
        let text = text(&mut input, number);
        let id = Uuid::from_u128(u128::from(number) + 1);
        let units = 90 + usize::from(input.byte());
        let Ok(cut) = split(&text, id, units) else {
            continue;
        };
        let total = cut.len();
        for (at, part) in cut.into_iter().enumerate() {
            parts.push((documents.len(), at as u64 + 1, part));
        }
        documents.push((text, id, total));
    }
    let mut came: BTreeMap<usize, BTreeSet<u64>> = BTreeMap::new();
    let mut given: BTreeMap<&str, u64> = BTreeMap::new();
    let mut wanted: BTreeMap<&str, u64> = BTreeMap::new();
    let mut assembler = Assembler::with_limits(limits);
    let (mut pushed, mut errors) = (0, 0);
    while !input.is_empty() && !parts.is_empty() && pushed < 500 {
        let (document, number, part) = &parts[input.below(parts.len())];
        let (text, _, total) = &documents[*document];
        let mut part = part.clone();
        if damages && input.byte().is_multiple_of(8) {
            let at = input.below(part.len() + 1);
            let at = (0..=at).rev().find(|&at| part.is_char_boundary(at));
            part.insert(at.unwrap_or_default(), char::from(input.byte() % 128));
        }
        pushed += 1;
        let event = OwnedLogEvent::new(MIM_PROVIDER, REQUEST_PART)
            .computer("c")
            .record_id(pushed)
            .data(&part);
        let is_last =
            came.entry(*document).or_default().insert(*number) && came[document].len() == *total;
        if *total == 1 || is_last {
            *wanted.entry(text).or_default() += 1;
        }
        match assembler.push(&event.as_event()) {
            Ok(Some(document)) => {
                let known = documents
                    .iter()
                    .find(|(text, ..)| text == document.as_str());
                match known {
                    Some((text, ..)) => *given.entry(text).or_default() += 1,
                    None => assert!(damages, "a document that was never written"),
                }
            }
            Ok(None) => {}
            Err(_) => errors += 1,
        }
        let waiting = assembler.waiting_records();
        assert!(waiting.is_sorted_by(|a, b| a < b), "{waiting:?}");
        assert!(waiting.last().is_none_or(|&last| last <= pushed));
    }
    let reports = assembler.finish();
    assert!(assembler.waiting_records().is_empty());
    let summary = assembler.summary();
    assert_eq!(summary.events, pushed);
    assert_eq!(
        summary.whole + summary.parts + summary.no_document + summary.too_large,
        pushed,
        "{summary}"
    );
    assert_eq!(
        summary.parts,
        summary.parts_assembled
            + summary.parts_incomplete
            + summary.duplicates
            + summary.late_copies
            + summary.bad_numbers,
        "{summary:?}"
    );
    assert_eq!(
        reports.len() as u64 + summary.reports_dropped,
        summary.incomplete
    );
    for report in &reports {
        let missing: BTreeSet<u64> = report.missing().collect();
        assert!(!missing.is_empty() || damages || is_small);
        assert!(
            missing
                .iter()
                .all(|&number| (1..=report.total()).contains(&number))
        );
    }
    if is_small || damages {
        return;
    }
    assert_eq!(errors, 0);
    // A document whose parts all come again is given again, and said to be.
    let repeated: u64 = wanted
        .iter()
        .map(|(text, &wanted)| given.get(text).copied().unwrap_or_default() - wanted)
        .sum();
    assert_eq!(repeated, summary.repeated, "{summary}");
    assert_eq!(given.len(), wanted.len());
    for report in &reports {
        let (text, _, total) = documents
            .iter()
            .find(|(_, id, _)| *id == report.request())
            .expect("one of these documents");
        let at = documents.iter().position(|other| other.0 == *text);
        let came = &came[&at.expect("it is there")];
        assert_eq!(report.total(), *total as u64);
        assert!(came.len() < *total, "it was given");
        assert!(
            report
                .missing()
                .eq((1..=*total as u64).filter(|n| !came.contains(n)))
        );
    }
}

/// A text that no other document has, of a few bytes or of a few thousand.
fn text(input: &mut Input<'_>, number: u8) -> String {
    let length = usize::from(input.byte());
    let units: Vec<u16> = (0..length / 2).map(|_| input.u16()).collect();
    let text = String::from_utf16_lossy(&units);
    let times = 1 + length % 2 * usize::from(input.byte());
    format!("{{\"{number}\":\"{}", text.repeat(times))
}

//! `split` and `Assembler` are inverses, under any order and any loss.

use std::collections::BTreeMap;

use mim_events::message::split;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// Documents of two computers, some short enough for one event.
fn documents() -> impl Strategy<Value = Vec<(bool, String)>> {
    let text = "[a-z\"\\\\:{} \r\n\u{1F600}é\u{0}]{0,400}".prop_map(|text| format!("{{{text}"));
    proptest::collection::vec((any::<bool>(), text), 1..8)
}

/// The events of the documents, each document with a GUID of its own.
fn events(documents: &[(bool, String)], max_units: usize) -> Vec<(usize, OwnedLogEvent)> {
    let mut events = Vec::new();
    for (n, (second, text)) in documents.iter().enumerate() {
        let parts = split(text, Uuid::from_u128(n as u128 / 2), max_units).unwrap();
        for part in parts {
            // Two documents share each GUID, on two computers.
            let computer = format!("mim0{}{}", n % 2, u8::from(*second));
            let record = events.len() as u64 + 1;
            events.push((n, event(REQUEST_PART, record).computer(computer).data(part)));
        }
    }
    events
}

fn shuffle<T>(items: &mut [T], keys: &[Index]) {
    for (at, key) in keys.iter().enumerate().take(items.len()) {
        let other = key.index(items.len());
        items.swap(at, other);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_order_and_duplicates_give_the_documents(
        documents in documents(),
        max_units in 85_usize..300,
        keys in proptest::collection::vec(any::<Index>(), 60),
        twice in proptest::collection::vec(any::<bool>(), 60),
    ) {
        let mut events = events(&documents, max_units);
        shuffle(&mut events, &keys);
        let mut assembler = Assembler::new();
        let mut found = vec![0; documents.len()];
        for (at, (n, event)) in events.iter().enumerate() {
            for time in 0..=u8::from(*twice.get(at).unwrap_or(&false)) {
                // Whole documents are events of their own each time.
                let is_part = event.as_event().data().next().unwrap().value.as_utf16().unwrap().len() != documents[*n].1.encode_utf16().count();
                if time == 1 && !is_part {
                    continue;
                }
                if let Some(document) = assembler.push(&event.as_event()).unwrap() {
                    prop_assert_eq!(document.as_str(), &documents[*n].1);
                    found[*n] += 1;
                }
            }
        }
        prop_assert!(found.iter().all(|&count| count == 1), "{:?}", found);
        prop_assert!(assembler.waiting_records().is_empty());
        prop_assert!(assembler.finish().is_empty());
        is_accounted(&assembler.summary(), 0);
    }

    #[test]
    fn any_loss_gives_exactly_the_missing_parts(
        documents in documents(),
        max_units in 85_usize..300,
        keys in proptest::collection::vec(any::<Index>(), 60),
        lost in proptest::collection::vec(proptest::bool::weighted(0.2), 60),
    ) {
        let mut events = events(&documents, max_units);
        let mut wanted: BTreeMap<usize, (u64, Vec<u64>)> = BTreeMap::new();
        let mut kept = Vec::new();
        let mut numbers = vec![0_u64; documents.len()];
        for (at, (n, event)) in events.drain(..).enumerate() {
            numbers[n] += 1;
            let entry = wanted.entry(n).or_default();
            entry.0 += 1;
            if *lost.get(at).unwrap_or(&false) {
                entry.1.push(numbers[n]);
            } else {
                kept.push((n, event));
            }
        }
        shuffle(&mut kept, &keys);
        let mut assembler = Assembler::new();
        let mut complete = 0;
        for (n, event) in &kept {
            if let Some(document) = assembler.push(&event.as_event()).unwrap() {
                prop_assert_eq!(document.as_str(), &documents[*n].1);
                prop_assert!(wanted[n].1.is_empty());
                complete += 1;
            }
        }
        prop_assert_eq!(complete, wanted.values().filter(|(_, lost)| lost.is_empty()).count());
        let waiting = assembler.waiting_records();
        let mut reported: Vec<_> = assembler
            .finish()
            .iter()
            .map(|report| (report.request().as_u128(), report.origin().computer.clone(), report.total(), report.missing().collect::<Vec<_>>()))
            .collect();
        reported.sort();
        let mut expected: Vec<_> = wanted
            .iter()
            .filter(|(_, (total, lost))| !lost.is_empty() && (lost.len() as u64) < *total)
            .map(|(&n, (total, lost))| {
                let computer = format!("mim0{}{}", n % 2, u8::from(documents[n].0));
                (n as u128 / 2, computer, *total, lost.clone())
            })
            .collect();
        expected.sort();
        prop_assert_eq!(reported, expected);
        is_accounted(&assembler.summary(), 0);
        prop_assert_eq!(waiting.len() as u64, assembler.summary().parts_incomplete);
    }

    #[test]
    fn any_text_is_a_part_a_document_or_an_error(
        texts in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u16>(), 0..40),
                "(?i)[ \r\n]{0,2}Request ?:? ?'?[{]?3f0a9d52-7c1e-4d1b-b0a4-5b0c2b1f9e7[0-9a-f][}]?'? ?, ?message [0-9]{1,2} out of [0-9]{1,2} ?:?[ \t\r\n]{0,3}[{}a\u{1F600}]{0,3}"
                    .prop_map(|text| text.encode_utf16().collect()),
                "[{}a-z ]{0,9}".prop_map(|text| text.encode_utf16().collect()),
            ],
            0..80,
        ),
        id in prop_oneof![Just(REQUEST), Just(REQUEST_PART), Just(1)],
    ) {
        let limits = mim_events::message::AssemblerLimits::default()
            .max_documents(4)
            .max_bytes(2_000)
            .max_parts(20);
        let mut assembler = Assembler::with_limits(limits);
        for (record, units) in (1..).zip(&texts) {
            let bytes: Vec<u8> = units.iter().flat_map(|unit: &u16| unit.to_le_bytes()).collect();
            let event = event(id, record).data_utf16(Utf16::from_le_bytes(&bytes));
            if let Ok(Some(document)) = assembler.push(&event.as_event()) {
                let _ = document.parse();
            }
            prop_assert!(assembler.waiting_records().len() <= 20 * 4);
        }
        let _ = assembler.finish();
        is_accounted(&assembler.summary(), 0);
        prop_assert_eq!(assembler.summary().events, texts.len() as u64);
    }
}

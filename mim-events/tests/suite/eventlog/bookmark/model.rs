//! A log that does everything, and an agent that is killed at every step: each
//! record is seen exactly once or counted as lost, and each document of parts
//! comes together exactly once.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use uuid::Uuid;

use super::log::Record;
use super::*;

/// What happens to the log or to the agent.
#[derive(Clone, Debug)]
enum Step {
    /// Whole requests are logged, each so many ticks after the one before.
    Log(Vec<u8>),
    /// A request of so many parts is logged, with others between them.
    Parts(u8, bool),
    /// It is cleared; its numbers go on or begin again.
    Clear(bool),
    /// Another log takes its place: an older one, or one that was just begun.
    Replace(u16, bool),
    Backup,
    Restore,
    /// A copy of it is looked at that is not complete.
    Cut(u8),
    /// The agent reads so many events, and is killed or waits.
    Visit(u8, bool),
    /// The agent reads so many events more without looking at the log again.
    Stay(u8),
    /// The agent reads to the end.
    Read(bool),
    /// How its newest chunk looks from now on.
    Tail(u8, u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::collection::vec(0..40_u8, 1..12).prop_map(Step::Log),
        4 => (2..5_u8, any::<bool>()).prop_map(|(parts, mixed)| Step::Parts(parts, mixed)),
        1 => any::<bool>().prop_map(Step::Clear),
        1 => (1..200_u16, any::<bool>()).prop_map(|(first, older)| Step::Replace(first, older)),
        2 => Just(Step::Backup),
        2 => Just(Step::Restore),
        2 => any::<u8>().prop_map(Step::Cut),
        6 => (0..9_u8, any::<bool>()).prop_map(|(events, killed)| Step::Visit(events, killed)),
        3 => (1..9_u8).prop_map(Step::Stay),
        6 => any::<bool>().prop_map(Step::Read),
        2 => (0..4_u8, any::<u8>()).prop_map(|(tail, bytes)| Step::Tail(tail, bytes)),
    ]
}

/// What is known of a record besides what the log holds.
#[derive(Clone, Debug, Default)]
struct Fate {
    /// The document it is a part of, if it is one.
    document: Option<usize>,
    seen: bool,
    /// It is not in the log any more, and was never seen.
    gone: bool,
    /// It was gone when the agent looked.
    noticed: bool,
    /// It was gone before the agent came, or was counted as lost.
    settled: bool,
}

#[derive(Clone, Debug, Default)]
struct Parts {
    texts: BTreeSet<String>,
    assembled: bool,
    /// A part was lost, or the log's numbers changed meanwhile.
    spoiled: bool,
}

struct World {
    log: Log,
    backup: Option<Log>,
    clock: u64,
    tail: Tail,
    fates: BTreeMap<String, Fate>,
    documents: Vec<Parts>,
    // The agent.
    source: Shared,
    reader: Option<LogReader<Shared>>,
    assembler: Assembler,
    saved: String,
    /// Of readers that were killed, and since the agent last knew all.
    lost: u64,
    missing: u64,
    lost_is_exact: bool,
    missing_of_reader: u64,
    /// Records that were gone and came back, or were wanted again: they may be lost again.
    returned: u64,
    /// Whether the log was put in place of another since the agent looked.
    changed: bool,
}

impl World {
    fn new(capacity: usize) -> Self {
        Self {
            log: Log::new(1, capacity),
            backup: None,
            clock: TIME,
            tail: Tail::Closed,
            fates: BTreeMap::new(),
            documents: Vec::new(),
            source: Shared::default(),
            reader: None,
            assembler: Assembler::new(),
            saved: serde_json::to_string(&Bookmark::new()).unwrap(),
            lost: 0,
            missing: 0,
            lost_is_exact: true,
            missing_of_reader: 0,
            returned: 0,
            changed: false,
        }
    }

    fn append(&mut self, text: &str, ticks: u8, document: Option<usize>) {
        // Times go back a little now and then.
        self.clock += u64::from(ticks);
        let written = self.clock - u64::from(ticks % 5) * 3;
        let gone = self.log.append(written, text);
        let fate = Fate {
            document,
            ..Fate::default()
        };
        self.fates.insert(text.into(), fate);
        gone.iter().for_each(|record| self.lose(record));
    }

    /// The record is not in the log any more.
    fn lose(&mut self, record: &Record) {
        let waits = self.reader.is_some() && self.waits(record.number);
        let Some(fate) = self.fates.get_mut(&record.text) else {
            return;
        };
        fate.gone |= !fate.seen;
        // A reader that would have given it again counts it.
        self.returned += u64::from(fate.seen && waits);
        if let Some(document) = fate.document {
            self.documents[document].spoiled |= !self.documents[document].assembled;
        }
    }

    /// The log is not what it was; what is not in it any more is lost.
    fn become_log(&mut self, log: Log) {
        let kept: BTreeSet<String> = log.records().map(|record| record.text.clone()).collect();
        std::mem::replace(&mut self.log, log)
            .records()
            .filter(|record| !kept.contains(&record.text))
            .for_each(|record| self.lose(record));
        self.changed = true;
        // Clocks go on.
        self.clock += 10_000;
    }

    fn publish(&self) {
        let full = self.log.chunks[self.log.current].len() == PER_CHUNK;
        let tail = match self.tail {
            Tail::Torn { .. } if full => Tail::Lags(0),
            tail => tail,
        };
        self.source.put(self.log.bytes_as(tail));
    }

    fn read_through(&self) -> u64 {
        let bookmark: Bookmark = serde_json::from_str(&self.saved).unwrap();
        bookmark.read_through().unwrap_or(0)
    }

    fn waits(&self, number: u64) -> bool {
        let bookmark: Bookmark = serde_json::from_str(&self.saved).unwrap();
        bookmark.waiting().any(|range| range.contains(&number))
    }

    fn visit(&mut self, events: Option<u8>, killed: bool) {
        self.publish();
        self.changed = false;
        for fate in self.fates.values_mut() {
            fate.noticed |= fate.gone;
        }
        let resumed = match &mut self.reader {
            Some(reader) => reader.refresh().unwrap(),
            None => {
                let reader = LogReader::new(self.source.clone()).unwrap();
                let bookmark: Bookmark = serde_json::from_str(&self.saved).unwrap();
                let (reader, resumed) = reader.resume(&bookmark).unwrap();
                self.reader = Some(reader);
                self.missing_of_reader = 0;
                resumed
            }
        };
        if resumed.found == Found::Beginning {
            // What was gone before the agent came is none of its business.
            self.settle();
        }
        self.lost += resumed.lost;
        self.lost_is_exact &= resumed.lost_is_exact;
        if resumed.found.renumbers() {
            drop(self.assembler.finish());
            self.documents
                .iter_mut()
                .for_each(|document| document.spoiled |= !document.assembled);
        }
        for _ in 0..events.unwrap_or(u8::MAX) {
            if !self.event() {
                break;
            }
        }
        self.save();
        if events.is_none() {
            assert!(!self.event());
            self.save();
            // What an empty log has lost, its next record tells.
            if resumed.found != Found::Empty {
                self.account();
            }
        }
        if killed {
            self.reader = None;
            self.assembler = Assembler::new();
        }
    }

    /// The agent takes one event; whether there was one.
    fn event(&mut self) -> bool {
        let waiting: Bookmark = serde_json::from_str(&self.saved).unwrap();
        let Some(event) = self.reader.as_mut().and_then(LogReader::next_event) else {
            return false;
        };
        let event = event.unwrap();
        let text = event.data().next().unwrap().value.to_string_lossy();
        let fate = self.fates.get_mut(&text).expect("a record of the log");
        if fate.seen {
            // Only what waits is given again.
            let document = &self.documents[fate.document.expect("a part")];
            assert!(!document.assembled, "{text} again");
            let number = event.header_id();
            assert!(waiting.waiting().any(|range| range.contains(&number)));
        }
        fate.seen = true;
        let document = fate.document;
        let done = self.assembler.push(&event).unwrap().is_some();
        if done && let Some(document) = document {
            assert!(!self.documents[document].assembled, "{text} twice");
            self.documents[document].assembled = true;
        }
        assert!(done || document.is_some());
        self.save();
        true
    }

    fn save(&mut self) {
        let reader = self.reader.as_ref().unwrap();
        let bookmark = reader
            .bookmark()
            .waiting_for(self.assembler.waiting_records());
        self.saved = serde_json::to_string(&bookmark).unwrap();
        let missing = reader.summary().records_missing;
        self.missing += missing - self.missing_of_reader;
        self.missing_of_reader = missing;
        assert_eq!(reader.summary().records_damaged, 0);
        assert_eq!(reader.summary().chunks_damaged, 0);
    }

    /// The agent has read to the end: all that was not seen is counted.
    fn account(&mut self) {
        for record in self.log.records() {
            let fate = &self.fates[&record.text];
            assert!(fate.seen || fate.gone, "{} was not given", record.text);
        }
        let unseen = |fate: &&Fate| fate.gone && !fate.seen && !fate.settled;
        let unseen = self.fates.values().filter(unseen).count() as u64;
        let counted = self.lost + self.missing;
        assert!(counted <= unseen + self.returned, "{counted} of {unseen}");
        assert!(
            counted >= unseen || !self.lost_is_exact,
            "{counted} of {unseen}"
        );
        for document in &self.documents {
            assert!(document.assembled || document.spoiled, "{document:?}");
        }
        // What was counted does not count again.
        self.settle();
        (self.lost, self.missing, self.lost_is_exact) = (0, 0, true);
    }

    fn settle(&mut self) {
        for fate in self.fates.values_mut() {
            fate.settled |= fate.gone;
        }
    }

    fn step(&mut self, step: &Step, at: usize) {
        match step {
            Step::Log(ticks) => {
                for (n, &ticks) in ticks.iter().enumerate() {
                    self.append(&format!("{{\"at\":\"{at}.{n}\"}}"), ticks, None);
                }
            }
            Step::Parts(parts, mixed) => self.parts(*parts, *mixed, at),
            Step::Clear(go_on) => {
                let next = if *go_on { self.log.next } else { 1 };
                let log = Log::new(next, self.log.capacity);
                self.replace(log);
            }
            Step::Replace(first, older) => {
                let now = self.clock;
                let log = Log::new(
                    if *older { u64::from(*first) } else { 1 },
                    self.log.capacity,
                );
                if !older {
                    self.replace(log);
                } else if self.log.records().next().is_some() {
                    // Who read nothing of a log can't tell another.
                    self.visit(None, first % 2 == 0);
                    self.become_log(log);
                    self.backup = None;
                    // Each older than the one before.
                    self.clock = TIME - (at as u64 + 1) * 1_000_000_000_000;
                    for n in 0..5 {
                        self.append(&format!("{{\"other\":\"{at}.{n}\"}}"), 7, None);
                    }
                    self.visit(None, true);
                    self.clock = now + 10_000;
                }
            }
            Step::Backup => {
                let any = self.log.records().next().is_some();
                self.backup = any.then(|| self.log.clone());
            }
            // What the agent did not reach it can't miss.
            Step::Restore => {
                let newest = |log: &Log| log.next - 1;
                if let Some(backup) = self.backup.clone()
                    && newest(&backup) <= self.read_through()
                    // Who read nothing of a log can't tell another.
                    && self.saved.contains("anchors")
                    && backup.records().any(|record| self.fates[&record.text].seen)
                {
                    let unnoticed = newest(&backup) == self.read_through();
                    for record in backup.records() {
                        let fate = &self.fates[&record.text];
                        self.returned += u64::from(fate.gone && !fate.seen);
                    }
                    self.become_log(backup);
                    if unnoticed {
                        // It is as the agent left it: what came since left no trace.
                        for fate in self.fates.values_mut().filter(|fate| !fate.noticed) {
                            fate.settled |= fate.gone;
                        }
                    }
                    // Before its numbers are beyond what they were: see `replace`.
                    self.visit(Some(0), at.is_multiple_of(2));
                }
            }
            Step::Cut(share) => {
                // Only of one that was read to the end.
                self.visit(None, false);
                let wrapped = self.log.current + 1 < self.log.chunks.len();
                let (first, next) = match self.log.records().next() {
                    Some(record) if !wrapped => (record.number, self.log.next),
                    _ => return,
                };
                let mut cut = self.log.clone();
                cut.cut_after(first + (next - 1 - first) * u64::from(*share) / 255);
                let whole = std::mem::replace(&mut self.log, cut);
                self.visit(None, share % 2 == 0);
                self.log = whole;
                self.visit(None, share % 3 == 0);
            }
            Step::Visit(events, killed) => self.visit(Some(*events), *killed),
            // Of a log that was changed by other means, it may see a mixture.
            Step::Stay(events) if self.reader.is_some() && !self.changed => {
                self.publish();
                for _ in 0..*events {
                    self.event();
                }
                self.save();
            }
            Step::Stay(_) => {}
            Step::Read(killed) => self.visit(None, *killed),
            Step::Tail(tail, bytes) => {
                self.tail = match tail {
                    0 => Tail::Closed,
                    1 => Tail::Lags(usize::from(*bytes % 5)),
                    tail => Tail::Torn {
                        told: *tail == 2,
                        bytes: usize::from(*bytes) * 4,
                    },
                };
            }
        }
    }

    /// The log's numbers begin again: the agent must look before they are
    /// beyond what they were, or no one could tell.
    fn replace(&mut self, log: Log) {
        let begins_again = log.next <= self.log.next;
        let goes_on = log.next == self.log.next;
        self.become_log(log);
        self.backup = None;
        if begins_again && !goes_on {
            self.append(&format!("{{\"first\":{}}}", self.clock), 1, None);
            self.visit(Some(0), true);
            // From here, a restored log is one that was not read before.
        }
    }

    fn parts(&mut self, parts: u8, mixed: bool, at: usize) {
        let document = self.documents.len();
        let id = Uuid::from_u128(document as u128 + 1);
        self.documents.push(Parts::default());
        for part in 1..=u64::from(parts) {
            let text = format!("{}part {part}", Header::new(id, part, parts.into()));
            self.documents[document].texts.insert(text.clone());
            self.append(&text, 3, Some(document));
            if mixed {
                self.append(&format!("{{\"between\":\"{at}.{part}\"}}"), 2, None);
            }
        }
    }
}

proptest! {
    // Each case is some hundred visits.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 8))]

    #[test]
    fn every_record_is_seen_once_or_counted(
        capacity in 2..12_usize,
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut world = World::new(capacity);
        for (at, step) in steps.iter().enumerate() {
            world.step(step, at);
        }
        world.visit(None, true);
    }
}

/// Put back to a backup, a log goes on in another way and wraps: what was read before it was
/// put back says nothing of its numbers any more, when it is put back again.
#[test]
fn a_state_that_was_left_is_not_asked_for_again() {
    let log = |records| Step::Log(vec![0; records]);
    let (backup, restore, read) = (Step::Backup, Step::Restore, Step::Read(false));
    let first = [log(12), read.clone(), backup.clone(), log(21), read.clone()];
    let second = [restore.clone(), log(27), backup, log(14), read, restore];
    let mut world = World::new(5);
    for (at, step) in first.iter().chain(&second).enumerate() {
        world.step(step, at);
    }
    world.visit(None, true);
}

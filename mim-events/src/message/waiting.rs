//! The parts of one document, while some are missing.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::header::Header;
use super::report::{Incomplete, IncompleteReason};
use crate::eventlog::LogEvent;
use crate::request::Origin;
use crate::text::Utf16;

/// What a part costs besides its text.
const PART_COST: usize = 128;

/// What parts of one document share.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) request: Uuid,
    pub(super) computer: Box<str>,
    pub(super) channel: Box<str>,
}

impl Key {
    pub(super) fn new(event: &LogEvent<'_>, header: &Header) -> Self {
        Self {
            request: header.request,
            computer: event.computer().into(),
            channel: event.channel().into(),
        }
    }

    pub(super) fn cost(&self) -> usize {
        PART_COST + self.computer.len() + self.channel.len()
    }
}

pub(super) struct Part {
    bytes: Box<[u8]>,
    pub(super) hash: u64,
    record_id: u64,
    header_id: u64,
    time: Option<DateTime<Utc>>,
    /// Whether a finished document had the same part.
    pub(super) copy: bool,
}

impl Part {
    pub(super) fn new(event: &LogEvent<'_>, body: Utf16<'_>) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(body.as_le_bytes());
        Self {
            bytes: body.as_le_bytes().into(),
            hash: hasher.finish(),
            record_id: event.record_id(),
            header_id: event.header_id(),
            time: event.created(),
            copy: false,
        }
    }

    pub(super) fn same_text(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }

    fn cost(&self) -> usize {
        PART_COST + self.bytes.len()
    }
}

/// The parts of one document that have come.
pub(super) struct Waiting {
    pub(super) total: u64,
    parts: BTreeMap<u64, Part>,
    /// Parts that are not copies of a finished document's.
    news: usize,
    /// When its newest part was logged.
    pub(super) newest: Option<DateTime<Utc>>,
    pub(super) cost: usize,
}

impl Waiting {
    pub(super) fn new(key: &Key, total: u64) -> Self {
        Self {
            total,
            parts: BTreeMap::new(),
            news: 0,
            newest: None,
            cost: key.cost(),
        }
    }

    pub(super) fn get(&self, number: u64) -> Option<&Part> {
        self.parts.get(&number)
    }

    /// Takes a part in, in place of one that was there.
    pub(super) fn insert(&mut self, number: u64, part: Part) {
        self.newest = self.newest.max(part.time);
        self.cost += part.cost();
        self.news += usize::from(!part.copy);
        if let Some(replaced) = self.parts.insert(number, part) {
            self.cost -= replaced.cost();
            self.news -= usize::from(!replaced.copy);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.parts.len()
    }

    pub(super) fn is_complete(&self) -> bool {
        self.parts.len() as u64 == self.total
    }

    /// Whether all its parts are copies of a finished document's.
    pub(super) fn is_echo(&self) -> bool {
        self.news == 0
    }

    fn record_ids(&self) -> impl Iterator<Item = u64> {
        self.parts.values().map(|part| part.record_id)
    }

    pub(super) fn header_ids(&self) -> impl Iterator<Item = u64> {
        self.parts.values().map(|part| part.header_id)
    }

    pub(super) fn hashes(&self) -> Box<[u64]> {
        self.parts.values().map(|part| part.hash).collect()
    }

    /// Appends the UTF-16 of all parts in order.
    pub(super) fn join_into(&self, out: &mut Vec<u8>) {
        out.reserve(self.parts.values().map(|part| part.bytes.len()).sum());
        for part in self.parts.values() {
            out.extend_from_slice(&part.bytes);
        }
    }

    pub(super) fn origin_into(&self, key: &Key, origin: &mut Origin) {
        set(&mut origin.computer, &key.computer);
        set(&mut origin.channel, &key.channel);
        // Of equal ids (events that no log has numbered) the last part's counts.
        let last = self.parts.values().max_by_key(|part| part.record_id);
        origin.record_id = last.map_or(0, |part| part.record_id);
        origin.time = last.and_then(|part| part.time);
        origin.first_record_id = self.record_ids().min().unwrap_or_default();
        origin.parts = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
    }

    pub(super) fn into_report(self, key: &Key, reason: IncompleteReason) -> Incomplete {
        let mut origin = Origin::default();
        self.origin_into(key, &mut origin);
        let (mut text, mut replaced) = (String::new(), 0);
        let mut run = Vec::new();
        let mut next = Some(1);
        for (&number, part) in &self.parts {
            // Across a gap no two units belong together.
            if next != Some(number) {
                replaced += Utf16::from_le_bytes(&run).decode_into(&mut text);
                run.clear();
            }
            run.extend_from_slice(&part.bytes);
            next = number.checked_add(1);
        }
        replaced += Utf16::from_le_bytes(&run).decode_into(&mut text);
        Incomplete {
            request: key.request,
            origin,
            total: self.total,
            came: self.parts.into_keys().collect(),
            text,
            replaced,
            reason,
        }
    }
}

/// Copies a text into a buffer that mostly holds it already.
pub(super) fn set(buffer: &mut String, text: &str) {
    if buffer != text {
        buffer.clear();
        buffer.push_str(text);
    }
}

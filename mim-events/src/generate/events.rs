//! Documents as the events of a log: whole, or in parts that other events stand between.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

use super::rng::Rng;
use super::step::RequestDocument;
use crate::error::Result;
use crate::eventlog::{
    LogEvent, MIM_CHANNEL, MIM_PROVIDER, OwnedLogEvent, REQUEST, REQUEST_PART, text_capacity,
};
use crate::message::Header;
use crate::text::Utf16;

/// Bodies of parts are at least so long.
const SHORTEST_PART: usize = 6_000;
/// Parts of a document are spread over so long at most.
const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(10);

/// Makes events of documents.
///
/// A document too long for one event becomes parts, which are cut wherever a length falls, also
/// inside an escape or between two surrogates. Other events come between them; now and then a part
/// comes twice, or two change places.
pub(crate) struct Events {
    rng: Rng,
    /// Parts of long documents that wait for their turn, with when their document was logged.
    waiting: Vec<(DateTime<Utc>, VecDeque<OwnedLogEvent>)>,
    /// When the last event was written.
    last: DateTime<Utc>,
    documents: u64,
    parts: u64,
}

impl Events {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed, 30),
            waiting: Vec::new(),
            last: DateTime::UNIX_EPOCH,
            documents: 0,
            parts: 0,
        }
    }

    /// Events that hold a whole document, and events that hold a part, so far.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.documents, self.parts)
    }

    /// Gives the events that are due with a document.
    pub(crate) fn push(
        &mut self,
        document: &RequestDocument,
        at: DateTime<Utc>,
        mut write: impl FnMut(&LogEvent<'_>) -> Result<()>,
    ) -> Result<()> {
        // MIM logs the parts of a document one after the other: where events are rare, the rest
        // of a document does not wait for the next one.
        for (_, parts) in self
            .waiting
            .extract_if(.., |(since, _)| at - *since > LONGEST_WAIT)
        {
            for part in parts {
                self.parts += 1;
                write(&dated(part, self.last).as_event())?;
            }
        }
        self.last = at;
        let capacity = text_capacity(MIM_PROVIDER, MIM_CHANNEL, &document.computer, None);
        // A byte is at least a unit's worth of text.
        let fits =
            document.json.len() <= capacity || document.json.encode_utf16().count() <= capacity;
        if fits {
            let event = event(&document.computer, REQUEST, at).data(&document.json);
            self.documents += 1;
            write(&event.as_event())?;
        } else {
            let parts = self.split(document, capacity, at);
            self.waiting.push((at, parts));
        }
        for index in (0..self.waiting.len()).rev() {
            // The first part is written at once, the others with the documents that follow.
            while self.rng.percent(70) {
                let Some(part) = self.waiting[index].1.pop_front() else {
                    break;
                };
                self.parts += 1;
                write(&dated(part, at).as_event())?;
            }
            if self.waiting[index].1.is_empty() {
                self.waiting.swap_remove(index);
            }
        }
        Ok(())
    }

    /// Gives the parts that still wait.
    pub(crate) fn finish(
        &mut self,
        at: DateTime<Utc>,
        mut write: impl FnMut(&LogEvent<'_>) -> Result<()>,
    ) -> Result<()> {
        for part in self.waiting.drain(..).flat_map(|(_, parts)| parts) {
            self.parts += 1;
            write(&dated(part, at).as_event())?;
        }
        Ok(())
    }

    fn split(
        &mut self,
        document: &RequestDocument,
        capacity: usize,
        at: DateTime<Utc>,
    ) -> VecDeque<OwnedLogEvent> {
        let units: Vec<u16> = document.json.encode_utf16().collect();
        let header = Header::new(document.id, 999, 999).to_string().len();
        let room = capacity.saturating_sub(header).max(2);
        let room = if self.rng.percent(50) {
            room
        } else {
            self.rng
                .between(SHORTEST_PART.min(room) as u64, room as u64) as usize
        };
        let mut bodies: Vec<&[u16]> = Vec::new();
        let mut rest = units.as_slice();
        while !rest.is_empty() {
            let mut end = room.min(rest.len());
            // Now and then a cut is moved between two surrogates, if there are any near.
            if end < rest.len() && self.rng.percent(50) {
                let near = (end.saturating_sub(400)..end)
                    .rev()
                    .find(|&at| at > 0 && (0xD800..0xDC00).contains(&rest[at - 1]));
                end = near.unwrap_or(end);
            }
            let (body, after) = rest.split_at(end);
            bodies.push(body);
            rest = after;
        }
        let total = bodies.len() as u64;
        let mut parts: VecDeque<OwnedLogEvent> = (1..)
            .zip(bodies)
            .map(|(number, body)| {
                let header = Header::new(document.id, number, total).to_string();
                let units = header.encode_utf16().chain(body.iter().copied());
                let bytes: Vec<u8> = units.flat_map(u16::to_le_bytes).collect();
                event(&document.computer, REQUEST_PART, at).data_utf16(Utf16::from_le_bytes(&bytes))
            })
            .collect();
        if self.rng.percent(10) {
            let one = self.rng.index(parts.len());
            let again = parts[one].clone();
            parts.insert(one, again);
        }
        if self.rng.percent(15) {
            let one = self.rng.index(parts.len() - 1);
            parts.swap(one, one + 1);
        }
        parts
    }
}

fn event(computer: &str, event_id: u32, at: DateTime<Utc>) -> OwnedLogEvent {
    OwnedLogEvent::new(MIM_PROVIDER, event_id)
        .channel(MIM_CHANNEL)
        .computer(computer)
        .created(at)
}

/// A part is written when its turn comes, not when its document was cut.
fn dated(part: OwnedLogEvent, at: DateTime<Utc>) -> OwnedLogEvent {
    part.written(at).created(at)
}

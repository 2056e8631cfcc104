//! Finding a bookmark's place in a log, from the chunks' headers and the few
//! records that it knows.

use std::io::{Read, Seek};
use std::ops::Range;

use super::anchors::Anchor;
use super::mark::Bookmark;
use super::place::Place;
use super::resumed::{Found, Resumed};
use crate::error::Result;
use crate::eventlog::chunks::{ChunkHead, Chunks, RecordWalk, Step};

/// How much the times of records that follow each other may go back, in 100 ns.
/// Records are written by several threads, and clocks are set.
const JITTER: u64 = 60 * 10_000_000;

/// Finds the bookmark's place and what became of the log. `buffer` is of a
/// chunk's size; what is in it is lost.
pub(crate) fn find<R: Read + Seek>(
    chunks: &mut Chunks<R>,
    bookmark: &Bookmark,
    buffer: &mut [u8],
) -> Result<Position> {
    bookmark.checked()?;
    let mut search = Search::new(chunks, bookmark, buffer)?;
    if bookmark.read_through.is_none() {
        return Ok(search.begin_anew(Found::Beginning));
    }
    search.position()
}

/// Where reading goes on.
pub(crate) struct Position {
    pub(crate) place: Place,
    pub(crate) resumed: Resumed,
    /// How many chunks, oldest first, lie before the one with the place.
    pub(crate) chunks_behind: u64,
}

/// What is known of one of the bookmark's anchors in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// No chunk has it, or it can't be read.
    Unknown,
    /// It is there.
    Same,
    /// Another record has its number.
    Other,
}

struct Search<'a, R> {
    chunks: &'a mut Chunks<R>,
    buffer: &'a mut [u8],
    bookmark: &'a Bookmark,
    through: u64,
    /// The bookmark's anchors, each with the chunk whose header has its number.
    anchors: Vec<(Anchor, Option<u64>)>,
    /// The number of the oldest record.
    oldest: Option<u64>,
    /// The oldest record that stands first in its chunk and can be read.
    first: Option<Anchor>,
    /// The number of the newest record, and its chunk.
    newest: (u64, u64),
    /// The chunk with the place if the log goes on: its first number and it.
    current: Option<(u64, u64)>,
    /// Whether there are chunks that don't say what they hold.
    unreadable: bool,
}

impl<'a, R: Read + Seek> Search<'a, R> {
    fn new(
        chunks: &'a mut Chunks<R>,
        bookmark: &'a Bookmark,
        buffer: &'a mut [u8],
    ) -> Result<Self> {
        let anchors = bookmark.anchors.iter().map(|&anchor| (anchor, None));
        let mut search = Self {
            chunks,
            buffer,
            bookmark,
            through: bookmark.read_through.unwrap_or(0),
            anchors: anchors.collect(),
            oldest: None,
            first: None,
            newest: (0, 0),
            current: None,
            unreadable: false,
        };
        for number in 0..search.chunks.count() {
            let head = search.chunks.head(number)?;
            search.see(&head)?;
        }
        Ok(search)
    }

    fn see(&mut self, head: &ChunkHead) -> Result<()> {
        let Some(mut numbers) = head.numbers.clone() else {
            self.unreadable |= !head.blank;
            return Ok(());
        };
        if self.chunks.may_be_ahead(head.number) {
            numbers.end = self.end_of(head.number)?.max(numbers.start);
        }
        if numbers.is_empty() {
            return Ok(());
        }
        for (anchor, chunk) in &mut self.anchors {
            if numbers.contains(&anchor.number) {
                *chunk = Some(head.number);
            }
        }
        if self.oldest.is_none_or(|oldest| numbers.start < oldest) {
            self.oldest = Some(numbers.start);
        }
        if let Some((number, written)) = head.first.filter(|(number, _)| numbers.contains(number)) {
            let first = Anchor { number, written };
            self.first = Some(self.first.map_or(first, |other| other.min(first)));
        }
        self.newest = self.newest.max((numbers.end - 1, head.number));
        if numbers.start <= self.reached() {
            self.current = self.current.max(Some((numbers.start, head.number)));
        }
        Ok(())
    }

    /// One more than the number of the last whole record in a chunk whose
    /// header may tell less, or more.
    fn end_of(&mut self, chunk: u64) -> Result<u64> {
        let mut end = 0;
        self.walk(chunk, |record| {
            end = end.max(record.number.saturating_add(1));
            true
        })?;
        Ok(end)
    }

    /// Goes through a chunk's records while `record` says so; whether it did to the end.
    fn walk(&mut self, chunk: u64, mut record: impl FnMut(Anchor) -> bool) -> Result<bool> {
        let length = self.chunks.read(chunk, self.buffer)?;
        let bytes = self.buffer.get(..length).unwrap_or_default();
        let Some(mut walk) = RecordWalk::new(bytes, self.chunks.may_be_ahead(chunk)) else {
            return Ok(true);
        };
        loop {
            match walk.step(bytes) {
                Step::Record { frame, .. } => {
                    let number = walk.number().unwrap_or(frame.header_id);
                    let written = frame.written;
                    if !record(Anchor { number, written }) {
                        return Ok(false);
                    }
                }
                Step::Damaged { .. } => {}
                Step::Unfinished { .. } | Step::End { .. } => return Ok(true),
            }
        }
    }

    fn fate(&mut self, anchor: Anchor, chunk: Option<u64>) -> Result<Fate> {
        let Some(chunk) = chunk else {
            return Ok(Fate::Unknown);
        };
        let mut fate = Fate::Unknown;
        self.walk(chunk, |record| {
            if record.number == anchor.number && fate != Fate::Same {
                fate = if record == anchor {
                    Fate::Same
                } else {
                    Fate::Other
                };
            }
            fate != Fate::Same
        })?;
        Ok(fate)
    }

    /// The greatest number that was ever read of the log.
    fn reached(&self) -> u64 {
        let top = self.bookmark.anchors.last();
        top.map_or(0, |top| top.number).max(self.through)
    }

    /// Whether a record can't have been read, as it is newer than all that were.
    fn is_new(&self, written: u64) -> bool {
        self.bookmark.newest.is_none_or(|newest| written > newest)
    }

    fn position(&mut self) -> Result<Position> {
        let Some(oldest) = self.oldest else {
            return Ok(self.nothing());
        };
        let (known, other) = self.compare()?;
        let top = self.bookmark.anchors.last().copied();
        if let Some(top) = top.filter(|_| known == top) {
            // Numbers beyond the last record that was read were damaged or lost.
            // If they are there, or are yet to come, they are other records.
            let next = top.number.saturating_add(1);
            if self.newest.0 < self.through || self.has_any(next, self.through)? {
                let other = Anchor {
                    number: next,
                    written: 0,
                };
                return self.go_back(known, Some(other));
            }
            return Ok(self.go_on(self.reached(), Found::Continued));
        }
        let reaches = self.newest.0 >= self.reached();
        if known.is_some() {
            // Perhaps only the records that were read last can't be read any more.
            let damaged = other.is_none() && reaches && self.reached() == self.through;
            if damaged {
                return Ok(self.go_on(self.through, Found::Continued));
            }
            return self.go_back(known, other);
        }
        if oldest > self.through {
            let anchor = self.bookmark.anchors.first();
            let older = anchor.zip(self.first).is_some_and(|(anchor, first)| {
                first.written.saturating_add(JITTER) < anchor.written
            });
            if !older {
                return Ok(self.go_on(self.through, Found::Overwritten));
            }
            return Ok(self.begin_anew(Found::Replaced));
        }
        if self.first.is_some_and(|first| self.is_new(first.written)) {
            return Ok(self.begin_anew(Found::Restarted));
        }
        if other.is_none() && reaches {
            // None of its anchors can be read; nothing speaks against it.
            let mut position = self.go_on(self.through, Found::Continued);
            position.resumed.lost_is_exact = false;
            return Ok(position);
        }
        if other.is_none() && self.first.is_none() {
            return Ok(self.nothing());
        }
        if other.is_none() && self.lies_between_anchors()? {
            return self.go_back(None, None);
        }
        Ok(self.begin_anew(Found::Replaced))
    }

    /// Whether the log has a record with a number from `first` to `last`.
    fn has_any(&mut self, first: u64, last: u64) -> Result<bool> {
        if first > last {
            return Ok(false);
        }
        for chunk in 0..self.chunks.count() {
            let head = self.chunks.head(chunk)?;
            let ahead = self.chunks.may_be_ahead(chunk);
            let meets =
                |numbers: &Range<u64>| numbers.start <= last && (ahead || first < numbers.end);
            if head.numbers.as_ref().is_some_and(meets)
                && !self.walk(chunk, |record| !(first..=last).contains(&record.number))?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The greatest anchor that is there, and the lowest above it whose number
    /// another record has.
    fn compare(&mut self) -> Result<(Option<Anchor>, Option<Anchor>)> {
        let mut other = None;
        for at in (0..self.anchors.len()).rev() {
            let Some(&(anchor, chunk)) = self.anchors.get(at) else {
                continue;
            };
            match self.fate(anchor, chunk)? {
                Fate::Same => return Ok((Some(anchor), other)),
                Fate::Other => other = Some(anchor),
                Fate::Unknown => {}
            }
        }
        Ok((None, other))
    }

    /// Whether the oldest and the newest record lie between the bookmark's
    /// anchors in time as they do in number. What lies before all of them was never read.
    fn lies_between_anchors(&mut self) -> Result<bool> {
        let anchors = &self.bookmark.anchors;
        let fits = |record: Anchor| {
            let at = anchors.partition_point(|anchor| anchor.number <= record.number);
            let before = at.checked_sub(1).and_then(|at| anchors.get(at));
            let after = anchors.get(at);
            before.is_some_and(|before| before.written <= record.written.saturating_add(JITTER))
                && after.is_some_and(|after| record.written <= after.written.saturating_add(JITTER))
        };
        let Some(first) = self.first else {
            return Ok(false);
        };
        let mut last = first;
        let chunk = self.newest.1;
        self.walk(chunk, |record| {
            last = record;
            true
        })?;
        Ok(fits(first) && fits(last))
    }

    /// There is no record, or none that can be read.
    fn nothing(&self) -> Position {
        // Chunks that can't be read are reported when they are come to.
        let found = if self.unreadable || self.oldest.is_some() {
            Found::Continued
        } else {
            Found::Empty
        };
        let mut resumed = Resumed::new(found);
        resumed.lost_is_exact = false;
        let mut place = Place::of(self.bookmark, self.through);
        place.wait_for_wanted();
        Position {
            place,
            resumed,
            chunks_behind: 0,
        }
    }

    /// The log is the bookmark's, and everything up to `through` was read.
    fn go_on(&self, through: u64, found: Found) -> Position {
        let mut place = Place::of(self.bookmark, through);
        let mut resumed = Resumed::new(found);
        // Without any record that was read, it may be another log.
        resumed.lost_is_exact &= !self.anchors.is_empty();
        if let Some(oldest) = self.oldest {
            resumed.waiting_lost = place.begin_at(oldest, self.first);
            if self.unreadable {
                // Perhaps they are there: the summary counts those that are not.
                resumed.lost_is_exact &= found == Found::Continued;
            } else {
                resumed.lost = oldest.saturating_sub(through).saturating_sub(1);
                place.skip_to(oldest);
            }
        }
        if found == Found::Overwritten && resumed.lost == 0 && !self.unreadable {
            resumed.found = Found::Continued;
        }
        let current = self.current.filter(|&(first, _)| first <= through);
        Position {
            place,
            resumed,
            chunks_behind: current.map_or(0, |(_, chunk)| self.chunks.order().place_of(chunk)),
        }
    }

    /// The log was put back to a state before the bookmark, and may have gone on
    /// since in another way: finds where that begins.
    fn go_back(&mut self, known: Option<Anchor>, other: Option<Anchor>) -> Result<Position> {
        let (mut last, mut passed_over, mut chunks_behind) = (known, 0, 0);
        let mut empty = true;
        let newest = self.bookmark.newest;
        for place in 0..self.chunks.count() {
            let chunk = self.chunks.order().at(place);
            if let Some((known, numbers)) = known.zip(self.chunks.head(chunk)?.numbers)
                && numbers.end <= known.number
                && !self.chunks.may_be_ahead(chunk)
            {
                continue;
            }
            let mut seen = false;
            let more = self.walk(chunk, |record| {
                empty = false;
                if known.is_some_and(|known| record.number < known.number) {
                    return true;
                }
                let is_new = newest.is_none_or(|newest| record.written > newest)
                    || other.is_some_and(|other| record.number >= other.number);
                if Some(record) == known {
                    seen = true;
                } else if !is_new {
                    seen = true;
                    last = Some(record);
                    passed_over += 1;
                }
                !is_new || Some(record) == known
            })?;
            if seen {
                chunks_behind = place;
            }
            if !more {
                break;
            }
        }
        let Some(last) = last else {
            return Ok(if empty {
                self.nothing()
            } else {
                self.begin_anew(Found::Replaced)
            });
        };
        // That it was put back was said when it was seen first.
        let again = known.is_some_and(|known| known.number >= self.through);
        let mut resumed = Resumed::new(if again {
            Found::Continued
        } else {
            Found::RolledBack
        });
        resumed.passed_over = passed_over;
        let mut place = Place::of(self.bookmark, last.number);
        resumed.waiting_lost = place.go_back_to(last, other.map(|other| other.number));
        if let Some(oldest) = self.oldest {
            resumed.waiting_lost += place.begin_at(oldest, self.first);
        }
        Ok(Position {
            place,
            resumed,
            chunks_behind,
        })
    }

    /// The log is not the bookmark's, or the bookmark is of none yet.
    fn begin_anew(&self, found: Found) -> Position {
        let mut resumed = Resumed::new(found);
        let mut place = Place::default();
        if let Some(oldest) = self.oldest.filter(|_| !self.unreadable) {
            // What is overwritten from now on is lost.
            place.skip_to(oldest);
            if found == Found::Restarted {
                // A new log's numbers begin with 1.
                resumed.lost = oldest.saturating_sub(1);
            }
        }
        resumed.waiting_lost = self.bookmark.waiting.len();
        Position {
            place,
            resumed,
            chunks_behind: 0,
        }
    }
}

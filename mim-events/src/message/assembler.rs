//! Putting documents together.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::document::Document;
use super::finished::Finished;
use super::header::{Header, is_blank};
use super::limits::AssemblerLimits;
use super::report::{AssemblerSummary, Incomplete, IncompleteReason};
use super::waiting::{Key, Part, Waiting, set};
use crate::error::{Error, ErrorKind, Result};
use crate::eventlog::{LogEvent, REQUEST, REQUEST_PART};
use crate::request::Origin;
use crate::text::Utf16;

/// A buffer that grew beyond this for one document is given back.
const KEPT_BUFFER: usize = 1 << 20;

/// Puts the documents of a log together from its events, in bounded memory.
///
/// The [module's page](crate::message) says what becomes of parts that are repeated,
/// missing or contradict each other. Documents of several logs may go through
/// one assembler: parts belong together by computer, channel and GUID.
///
/// There is no clock: a document is given up when an event comes whose
/// [`created`](LogEvent::created) is more than the limit after the document's newest part.
/// Events without a time give nothing up.
pub struct Assembler {
    limits: AssemblerLimits,
    /// By the order in which they were opened.
    waiting: BTreeMap<u64, (Arc<Key>, Waiting)>,
    index: HashMap<Arc<Key>, u64>,
    /// Those that wait and are nothing but copies: the first to make room.
    echoes: BTreeSet<u64>,
    opened: u64,
    /// What all that wait take.
    bytes: usize,
    /// Before this time nothing expires.
    expires: Option<DateTime<Utc>>,
    finished: Finished,
    reports: VecDeque<Incomplete>,
    report_bytes: usize,
    summary: AssemblerSummary,
    // Reused for every document.
    units: Vec<u8>,
    text: String,
    replaced: usize,
    origin: Origin,
}

/// What an event's strings are.
enum Text<'a> {
    Whole(Utf16<'a>),
    Part(Header, Utf16<'a>),
}

impl Default for Assembler {
    fn default() -> Self {
        Self::new()
    }
}

impl Assembler {
    /// An assembler with the default limits.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(AssemblerLimits::default())
    }

    /// An assembler with limits.
    #[must_use]
    pub fn with_limits(limits: AssemblerLimits) -> Self {
        Self {
            waiting: BTreeMap::new(),
            index: HashMap::new(),
            echoes: BTreeSet::new(),
            opened: 0,
            bytes: 0,
            expires: None,
            finished: Finished::new(limits.max_finished_bytes),
            reports: VecDeque::new(),
            report_bytes: 0,
            summary: AssemblerSummary::default(),
            units: Vec::new(),
            text: String::new(),
            replaced: 0,
            origin: Origin::default(),
            limits,
        }
    }

    /// Takes an event, and returns the document that it completes. `None`: it was
    /// a part of a document that waits for others, or one that is known already.
    ///
    /// # Errors
    /// All are recoverable and have the event's record id:
    /// - [`ErrorKind::NoDocument`]: no string of the event is a document or part;
    /// - [`ErrorKind::PartNumber`]: the part can't be, and was left out;
    /// - [`ErrorKind::PartConflict`]: the part contradicts others of its document;
    ///   these are [given up](Self::take_expired), and assembly began anew with this part;
    /// - [`ErrorKind::Limit`]: the document is over the limit of bytes. Of one in
    ///   parts, what came is [given up](Self::take_expired).
    pub fn push(&mut self, event: &LogEvent<'_>) -> Result<Option<Document<'_>>> {
        self.summary.events += 1;
        if let Some(now) = event.created() {
            self.expire(now);
        }
        let complete = match text_of(event) {
            Some(Text::Whole(text)) => self.whole(event, text).map(|()| true),
            Some(Text::Part(header, body)) => {
                self.summary.parts += 1;
                self.part(event, header, body)
            }
            None => {
                self.summary.no_document += 1;
                Err(Error::new(ErrorKind::NoDocument))
            }
        };
        match complete {
            Ok(false) => Ok(None),
            Ok(true) => Ok(Some(self.document())),
            Err(error) => {
                let error = error.at_record(event.record_id());
                Err(match event.offset() {
                    0 => error,
                    offset => error.at_offset(offset),
                })
            }
        }
    }

    /// Takes the reports of documents that are no longer waited for, the oldest
    /// first. Reports that are not taken are bounded as what waits is; beyond that the oldest
    /// are dropped and counted.
    #[must_use]
    pub fn take_expired(&mut self) -> Vec<Incomplete> {
        self.report_bytes = 0;
        std::mem::take(&mut self.reports).into()
    }

    /// Gives up all that waits, since the input has ended, and takes all
    /// reports. The assembler can be used on; it still knows late copies.
    #[must_use]
    pub fn finish(&mut self) -> Vec<Incomplete> {
        let mut reports = self.take_expired();
        while let Some(&oldest) = self.waiting.keys().next() {
            self.give_up(oldest, IncompleteReason::Unfinished);
            // At once, so that no bound on reports applies.
            reports.append(&mut self.take_expired());
        }
        reports
    }

    /// What was given and what became of it so far.
    #[must_use]
    pub fn summary(&self) -> AssemblerSummary {
        self.summary
    }

    /// The numbers of all parts that wait for others, ascending: who stops
    /// reading here must read these records again to lose nothing. The limits bound the list.
    ///
    /// These are the numbers in the records' headers ([`LogEvent::header_id`]), as
    /// [`Bookmark::waiting_for`] takes them: in an exported log, `EventRecordID`
    /// does not find a record. They are of one log only if the assembler is.
    ///
    /// [`Bookmark::waiting_for`]: crate::eventlog::Bookmark::waiting_for
    #[must_use]
    pub fn waiting_records(&self) -> Vec<u64> {
        let mut records: Vec<u64> = self
            .waiting
            .values()
            .filter(|(_, waiting)| !waiting.is_echo())
            .flat_map(|(_, waiting)| waiting.header_ids())
            .collect();
        records.sort_unstable();
        records.dedup();
        records
    }

    fn document(&self) -> Document<'_> {
        Document {
            text: &self.text,
            origin: &self.origin,
            replaced: self.replaced,
        }
    }

    fn whole(&mut self, event: &LogEvent<'_>, text: Utf16<'_>) -> Result<()> {
        let bytes = text.as_le_bytes().len();
        if bytes > self.limits.max_bytes {
            self.summary.too_large += 1;
            return Err(self.too_large(bytes));
        }
        set(&mut self.origin.computer, event.computer());
        set(&mut self.origin.channel, event.channel());
        self.origin.record_id = event.record_id();
        self.origin.first_record_id = event.record_id();
        self.origin.time = event.created();
        self.origin.parts = 1;
        self.decode(text);
        self.summary.whole += 1;
        Ok(())
    }

    /// Takes a part; whether it completes its document.
    fn part(&mut self, event: &LogEvent<'_>, header: Header, body: Utf16<'_>) -> Result<bool> {
        let Header { number, total, .. } = header;
        if number == 0 || number > total || total > self.limits.max_parts {
            self.summary.bad_numbers += 1;
            return Err(Error::new(ErrorKind::PartNumber {
                number,
                total,
                limit: self.limits.max_parts,
            }));
        }
        let key = Key::new(event, &header);
        let mut part = Part::new(event, body);
        part.copy = self.finished.had(&key, total, number, &part);
        let mut conflict = false;
        if let Some((&place, known)) = self
            .index
            .get(&key)
            .and_then(|place| Some((place, &self.waiting.get(place)?.1)))
        {
            if known.total != total {
                conflict = !known.is_echo();
                self.give_up(place, IncompleteReason::Conflict);
            } else if let Some(there) = known.get(number) {
                if there.same_text(&part) {
                    self.summary.duplicates += 1;
                    return Ok(false);
                }
                if there.copy {
                    self.summary.late_copies += 1;
                } else if part.copy {
                    // A copy of the finished document's part, after the new one's.
                    self.summary.late_copies += 1;
                    return Ok(false);
                } else {
                    conflict = true;
                    self.give_up(place, IncompleteReason::Conflict);
                }
            }
        }
        self.summary.conflicts += u64::from(conflict);
        let complete = self.insert(key, number, total, part)?;
        if conflict && !complete {
            return Err(Error::new(ErrorKind::PartConflict { number, total }));
        }
        Ok(complete)
    }

    fn insert(&mut self, key: Key, number: u64, total: u64, part: Part) -> Result<bool> {
        let place = match self.index.get(&key) {
            Some(&place) => place,
            None => self.open(key, total),
        };
        let Some((_, waiting)) = self.waiting.get_mut(&place) else {
            return Ok(false);
        };
        self.bytes -= waiting.cost;
        waiting.insert(number, part);
        self.bytes += waiting.cost;
        if waiting.is_echo() {
            self.echoes.insert(place);
        } else {
            self.echoes.remove(&place);
        }
        if let Some(newest) = waiting.newest {
            let expires = newest.checked_add_signed(self.limits.max_age);
            self.expires = match (self.expires, expires) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        let cost = waiting.cost;
        if cost > self.limits.max_bytes {
            self.give_up(place, IncompleteReason::TooLarge);
            return Err(self.too_large(cost));
        }
        if waiting.is_complete() {
            self.complete(place);
            return Ok(true);
        }
        self.make_room(place);
        Ok(false)
    }

    fn open(&mut self, key: Key, total: u64) -> u64 {
        let waiting = Waiting::new(&key, total);
        self.bytes += waiting.cost;
        let key = Arc::new(key);
        self.opened += 1;
        self.index.insert(Arc::clone(&key), self.opened);
        self.waiting.insert(self.opened, (key, waiting));
        self.opened
    }

    fn complete(&mut self, place: u64) {
        let Some((key, waiting)) = self.remove(place) else {
            return;
        };
        self.summary.assembled += 1;
        self.summary.repeated += u64::from(waiting.is_echo());
        self.summary.parts_assembled += waiting.len() as u64;
        waiting.origin_into(&key, &mut self.origin);
        let mut units = std::mem::take(&mut self.units);
        waiting.join_into(&mut units);
        self.decode(Utf16::from_le_bytes(&units));
        units.clear();
        units.shrink_to(KEPT_BUFFER);
        self.units = units;
        self.finished.remember(Key::clone(&key), waiting.hashes());
    }

    fn decode(&mut self, text: Utf16<'_>) {
        self.text.clear();
        self.text.shrink_to(KEPT_BUFFER);
        self.replaced = text.decode_into(&mut self.text);
        self.summary.replaced_characters += self.replaced as u64;
    }

    /// Gives up what waits until the limits hold: copies first, then the oldest
    /// but the one at `newest`.
    fn make_room(&mut self, newest: u64) {
        while self.waiting.len() > self.limits.max_documents || self.bytes > self.limits.max_bytes {
            let mut others = self.waiting.keys().filter(|&&place| place != newest);
            match self.echoes.first().or_else(|| others.next()) {
                Some(&place) => self.give_up(place, IncompleteReason::Evicted),
                None => break,
            }
        }
    }

    fn expire(&mut self, now: DateTime<Utc>) {
        if self.expires.is_none_or(|expires| now <= expires) {
            return;
        }
        let max_age = self.limits.max_age;
        let end = |waiting: &Waiting| waiting.newest?.checked_add_signed(max_age);
        let expired: Vec<u64> = self
            .waiting
            .iter()
            .filter(|(_, (_, waiting))| end(waiting).is_some_and(|end| now > end))
            .map(|(&place, _)| place)
            .collect();
        for place in expired {
            self.give_up(place, IncompleteReason::Expired);
        }
        self.expires = self
            .waiting
            .values()
            .filter_map(|(_, waiting)| end(waiting))
            .min();
    }

    fn give_up(&mut self, place: u64, reason: IncompleteReason) {
        let Some((key, waiting)) = self.remove(place) else {
            return;
        };
        let parts = waiting.len() as u64;
        if waiting.is_echo() {
            self.summary.late_copies += parts;
            return;
        }
        self.summary.incomplete += 1;
        self.summary.parts_incomplete += parts;
        let report = waiting.into_report(&key, reason);
        self.report_bytes += report.cost();
        self.reports.push_back(report);
        while self.reports.len() > 1
            && (self.reports.len() > self.limits.max_documents
                || self.report_bytes > self.limits.max_bytes)
            && let Some(dropped) = self.reports.pop_front()
        {
            self.report_bytes -= dropped.cost();
            self.summary.reports_dropped += 1;
        }
    }

    fn remove(&mut self, place: u64) -> Option<(Arc<Key>, Waiting)> {
        let (key, waiting) = self.waiting.remove(&place)?;
        self.index.remove(&key);
        self.echoes.remove(&place);
        self.bytes -= waiting.cost;
        Some((key, waiting))
    }

    fn too_large(&self, bytes: usize) -> Error {
        Error::new(ErrorKind::Limit {
            what: "document bytes",
            actual: bytes as u64,
            limit: self.limits.max_bytes as u64,
        })
    }
}

impl fmt::Debug for Assembler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assembler")
            .field("limits", &self.limits)
            .field("waiting", &self.waiting.len())
            .field("bytes", &self.bytes)
            .field("summary", &self.summary)
            .finish_non_exhaustive()
    }
}

/// The first string that is a part or looks like a document; else the only text
/// of an event whose id says that it holds one.
fn text_of<'a>(event: &LogEvent<'a>) -> Option<Text<'a>> {
    let texts = || event.data().filter_map(|datum| datum.value.as_utf16());
    for text in texts() {
        if let Some((header, body)) = Header::parse(text) {
            return Some(Text::Part(header, body));
        }
        if first_letter(text) == Some(u16::from(b'{')) {
            return Some(Text::Whole(text));
        }
    }
    if !matches!(event.event_id(), REQUEST | REQUEST_PART) {
        return None;
    }
    let mut texts = texts().filter(|&text| first_letter(text).is_some());
    let text = texts.next()?;
    texts.next().is_none().then_some(Text::Whole(text))
}

/// The first unit that is no blank, NUL or byte order mark.
fn first_letter(text: Utf16<'_>) -> Option<u16> {
    text.units()
        .find(|&unit| !matches!(unit, 0 | 0xFEFF) && !is_blank(unit))
}

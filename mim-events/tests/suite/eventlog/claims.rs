//! What holds whatever bytes a reader is given. The property tests and, by
//! path, the fuzz targets ask the same of every file.
#![allow(dead_code, reason = "not every user asks all of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evtx::{EvtxParser, ParserSettings, err::EvtxError};
use mim_events::eventlog::{Lane, LogEvent, LogFilter, LogReader, OwnedLogEvent, ReadSummary};
use mim_events::text::Utf16;
use mim_events::{Error, ErrorKind};

const FILE_HEADER: u64 = 4096;
const CHUNK: u64 = 65_536;
/// Bytes of the `evtx` crate's XML that we take of one chunk.
const RENDERED: usize = 512 << 10;

/// How a log is read.
#[derive(Clone, Debug, Default)]
pub(crate) struct How {
    pub(crate) lane: Option<Lane>,
    pub(crate) strict: bool,
    pub(crate) filter: LogFilter,
}

impl How {
    pub(crate) fn by(lane: Lane) -> Self {
        Self {
            lane: Some(lane),
            ..Self::default()
        }
    }
}

/// All that a reader gave.
#[derive(Debug)]
pub(crate) struct Reading {
    /// In the order of reading.
    pub(crate) events: Vec<OwnedLogEvent>,
    pub(crate) errors: Vec<Error>,
    pub(crate) summary: ReadSummary,
}

impl Reading {
    pub(crate) fn by_offset(&self) -> BTreeMap<u64, &OwnedLogEvent> {
        let key = |event: &OwnedLogEvent| event.as_event().offset();
        self.events
            .iter()
            .map(|event| (key(event), event))
            .collect()
    }

    /// The errors about the record at an offset.
    pub(crate) fn errors_at(&self, offset: u64) -> impl Iterator<Item = &Error> {
        self.errors
            .iter()
            .filter(move |error| error.offset() == Some(offset))
    }
}

/// Reads a log to its end; `None` if it is refused as a whole.
///
/// # Panics
/// If reading does not end, an error has no place, or anything is not counted.
pub(crate) fn read(log: &[u8], how: How) -> Option<Reading> {
    let mut reader = match LogReader::from_slice(log) {
        Ok(reader) => reader.strict(how.strict).with_filter(how.filter),
        Err(error) => {
            assert!(
                matches!(error.kind(), ErrorKind::FileHeader { .. }),
                "{error}"
            );
            assert!(!error.is_recoverable());
            return None;
        }
    };
    if let Some(lane) = how.lane {
        reader = reader.with_lane(lane);
    }
    let (mut events, mut errors) = (Vec::new(), Vec::new());
    let mut position = reader.position();
    // A record takes 28 bytes at least, and what is skipped 8.
    let most = log.len() / 4 + 8;
    while let Some(event) = reader.next_event() {
        match event {
            Ok(event) => events.push(event.to_owned_event()),
            Err(error) => errors.push(error),
        }
        assert!(events.len() + errors.len() <= most, "it goes on and on");
        assert!(reader.position() >= position, "progress goes forward");
        position = reader.position();
    }
    assert!(reader.next_event().is_none(), "the end is the end");
    assert_eq!(reader.position(), reader.len());
    let reading = Reading {
        events,
        errors,
        summary: reader.summary(),
    };
    is_conserved(&reading, log.len() as u64);
    Some(reading)
}

/// What went in came out or was counted.
fn is_conserved(reading: &Reading, length: u64) {
    let ReadSummary {
        bytes_read,
        bytes_skipped,
        bytes_unused,
        bytes_unfinished,
        bytes_overwritten,
        chunks,
        chunks_empty,
        chunks_damaged,
        records_damaged,
        records_unsupported,
        events_incomplete,
        ..
    } = reading.summary;
    let summary = &reading.summary;
    assert_eq!(
        bytes_read + bytes_skipped + bytes_unused + bytes_unfinished + bytes_overwritten,
        length,
        "{summary}"
    );
    assert_eq!(
        chunks + chunks_empty + chunks_damaged,
        (length - FILE_HEADER).div_ceil(CHUNK),
        "{summary}"
    );
    assert_eq!(summary.events(), reading.events.len() as u64);

    // Each error has its place, each loss of a record or chunk its error.
    let (mut of_chunks, mut of_records, mut of_shapes) = (0, 0, 0);
    for error in &reading.errors {
        assert!(error.is_recoverable(), "{error}");
        let (chunk, offset) = (error.chunk().unwrap(), error.offset().unwrap());
        let start = FILE_HEADER + chunk * CHUNK;
        assert!(
            (start..length.min(start + CHUNK) + 1).contains(&offset),
            "{error}"
        );
        match error.kind() {
            ErrorKind::Chunk { .. } => of_chunks += 1,
            ErrorKind::Record { .. } => of_records += 1,
            ErrorKind::UnsupportedShape => of_shapes += 1,
            _ => panic!("{error}"),
        }
    }
    assert_eq!(of_chunks, chunks_damaged, "{summary}");
    assert_eq!(of_shapes, records_unsupported, "{summary}");
    let of_lost = of_records + of_shapes - events_incomplete;
    // One error may stand for several records, whose numbers are missing.
    assert!(of_lost <= records_damaged, "{summary}");
    assert_eq!(of_lost == 0, records_damaged == 0, "{summary}");
    assert!(
        summary.has_losses() || reading.errors.is_empty(),
        "{summary}"
    );
    // A cut file may have lost what the rest of its last chunk had room for.
    assert!(
        records_damaged <= length.next_multiple_of(CHUNK) / 8,
        "{summary}"
    );

    // Records are read in the order in which they lie in their chunk.
    let mut before = None;
    for event in &reading.events {
        let event = event.as_event();
        let chunk = (event.offset() - FILE_HEADER) / CHUNK;
        if let Some((same, offset)) = before
            && same == chunk
        {
            assert!(offset < event.offset(), "a record is given twice");
        }
        before = Some((chunk, event.offset()));
    }
}

// --- two readings of the same records ---

/// The first field in which two events differ. What came through XML has `_`
/// for what XML can't hold.
pub(crate) fn difference(own: &LogEvent<'_>, other: &LogEvent<'_>) -> Option<&'static str> {
    let xml = other.lane() == Lane::Evtx && own.lane() != Lane::Evtx;
    let text = |own: &str, other: &str| own == other || (xml && is_in_xml(own, other));
    let same = [
        ("record id", own.record_id() == other.record_id()),
        ("header id", own.header_id() == other.header_id()),
        ("written", own.written() == other.written()),
        ("created", own.created() == other.created()),
        ("event id", own.event_id() == other.event_id()),
        ("qualifiers", own.qualifiers() == other.qualifiers()),
        ("level", own.level() == other.level()),
        ("provider", text(own.provider(), other.provider())),
        ("channel", text(own.channel(), other.channel())),
        ("computer", text(own.computer(), other.computer())),
        (
            "user",
            own.user().is_some() == other.user().is_some()
                && text(
                    own.user().unwrap_or_default(),
                    other.user().unwrap_or_default(),
                ),
        ),
        ("offset", own.offset() == other.offset()),
        ("binary", own.binary() == other.binary()),
        (
            "number of values",
            own.data().count() == other.data().count(),
        ),
    ];
    if let Some((field, _)) = same.into_iter().find(|(_, same)| !same) {
        return Some(field);
    }
    for (own, other) in own.data().zip(other.data()) {
        let name = |name: Option<Utf16<'_>>| name.map(Utf16::to_string_lossy);
        let (one, two) = (name(own.name), name(other.name));
        if one.is_some() != two.is_some()
            || !text(&one.unwrap_or_default(), &two.unwrap_or_default())
        {
            return Some("name of a value");
        }
        let same = text(&own.value.to_string_lossy(), &other.value.to_string_lossy());
        if !same {
            return Some("value");
        }
    }
    None
}

/// XML holds no control characters and no half characters: `_` stands for each.
fn is_in_xml(own: &str, xml: &str) -> bool {
    let lost = |c: char| {
        (c < ' ' && !matches!(c, '\t' | '\n' | '\r'))
            || matches!(c, '\u{FFFD}' | '\u{FFFE}' | '\u{FFFF}')
    };
    own.chars().count() == xml.chars().count()
        && own
            .chars()
            .zip(xml.chars())
            .all(|(own, xml)| own == xml || (xml == '_' && lost(own)))
}

/// What the `evtx` crate gives for a whole file.
#[derive(Debug, Default)]
pub(crate) struct ByEvtx {
    /// The records it renders, in order: offset in the file, number in the header, XML.
    pub(crate) records: Vec<(u64, u64, String)>,
    /// The header numbers of records that it comes to and can't render.
    pub(crate) failed: BTreeSet<u64>,
    /// Chunks that it does not look into.
    pub(crate) refused: BTreeSet<u64>,
    /// Chunks with a record that renders to more than it allows.
    pub(crate) excess: BTreeSet<u64>,
}

impl ByEvtx {
    /// Whether a chunk renders to more than we take of one.
    pub(crate) fn is_beyond_limit(&self, chunk: u64) -> bool {
        let rendered: usize = self
            .records
            .iter()
            .filter(|(offset, ..)| (offset - FILE_HEADER) / CHUNK == chunk)
            .map(|(.., xml)| xml.len())
            .sum();
        rendered > RENDERED || self.excess.contains(&chunk)
    }
}

/// Reads with the `evtx` crate as its users do; `None` if it refuses the file.
pub(crate) fn by_evtx(log: &[u8]) -> Option<ByEvtx> {
    let settings = Arc::new(ParserSettings::new().indent(false));
    let mut parser = EvtxParser::from_buffer(log.to_vec()).ok()?;
    let mut found = ByEvtx::default();
    for chunk in parser.chunks() {
        let mut data = match chunk {
            Ok(data) => data,
            Err(EvtxError::FailedToParseChunk { chunk_id, .. }) => {
                found.refused.insert(chunk_id);
                continue;
            }
            Err(_) => continue,
        };
        let number = data.number.unwrap();
        let Ok(mut chunk) = data.parse(Arc::clone(&settings)) else {
            found.refused.insert(number);
            continue;
        };
        for record in chunk.iter() {
            match record {
                Ok(record) => {
                    let offset = FILE_HEADER + number * CHUNK + record.binxml_offset - 24;
                    let id = record.event_record_id;
                    match record.into_xml() {
                        Ok(xml) => found.records.push((offset, id, xml.data)),
                        Err(error) => {
                            if error.to_string().contains("renders") {
                                found.excess.insert(number);
                            }
                            found.failed.insert(id);
                        }
                    }
                }
                Err(EvtxError::FailedToParseRecord { record_id, .. }) => {
                    found.failed.insert(record_id);
                }
                Err(_) => {}
            }
        }
    }
    Some(found)
}

//! Lane two: the `evtx` crate reads the record, and its XML is read back.
//!
//! The crate iterates over whole chunks only, so a chunk is decoded from the
//! first record that needs this lane, and the events after it are kept until
//! they are asked for.

use std::collections::{BTreeSet, VecDeque};
use std::io::BufRead as _;
use std::sync::Arc;

use evtx::err::EvtxError;
use evtx::{EvtxChunkData, ParserSettings};

use super::collector::parse_time;
use super::event::{Head, Lane, Moment, OwnedLogEvent};
use super::format::{
    RECORD_HEADER_SIZE, RECORD_MAGIC, STRING_TABLE, TEMPLATE_TABLE, u32_at, u64_at,
};
use super::value;
use super::xml::{Reader, Token};
use crate::text::Utf16;

/// So much XML is taken of one chunk; what is beyond can't be read. Chunks of
/// real logs render to 240 KB at most, and no text that a chunk can hold once
/// renders to more than 200 KB. The crate's own limits, 16 MiB a record and 64 MiB a
/// chunk, would let a crafted file of 1 MiB take many seconds.
const MAX_RENDERED: usize = 512 << 10;

/// What the crate's XML says of one record.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) event: OwnedLogEvent,
    /// Whether the XML named an `EventRecordID`.
    pub(crate) has_record_id: bool,
    pub(crate) other_content: bool,
}

/// The `evtx` crate, and the events of the current chunk it has decoded.
pub(crate) struct Fallback {
    settings: Arc<ParserSettings>,
    /// By the record's offset in the chunk, ascending. `None`: it can't be read.
    kept: VecDeque<(usize, Option<Decoded>)>,
    /// Whether the chunk was decoded: all that can be read is in `kept`.
    decoded: bool,
}

impl Fallback {
    pub(crate) fn new() -> Self {
        Self {
            settings: Arc::new(ParserSettings::new().indent(false)),
            kept: VecDeque::new(),
            decoded: false,
        }
    }

    /// Forgets the chunk before.
    pub(crate) fn begin_chunk(&mut self) {
        self.kept.clear();
        self.decoded = false;
    }

    /// The record at `offset` of the chunk; records are asked for in order.
    /// `None` if the crate can't read it.
    pub(crate) fn record(&mut self, chunk: &[u8], offset: usize) -> Option<Decoded> {
        if !self.decoded {
            self.decoded = true;
            self.decode(chunk, offset);
        }
        while let Some((at, decoded)) = self.kept.pop_front() {
            if at == offset {
                return decoded;
            }
            if at > offset {
                self.kept.push_front((at, decoded));
                break;
            }
        }
        None
    }

    fn decode(&mut self, chunk: &[u8], from: usize) {
        if !self.decode_with(chunk.to_vec(), from) {
            // A damaged table of names stops the crate; it reads names in
            // their places when there is no table.
            let mut bytes = chunk.to_vec();
            if let Some(table) = bytes.get_mut(STRING_TABLE..TEMPLATE_TABLE) {
                table.fill(0);
            }
            self.decode_with(bytes, from);
        }
    }

    /// Returns whether the crate accepted the chunk.
    fn decode_with(&mut self, bytes: Vec<u8>, from: usize) -> bool {
        let length = bytes.len();
        let no_record = unused_id(&bytes);
        let Ok(mut data) = EvtxChunkData::new(bytes, false) else {
            return false;
        };
        // Where records end is decided by the caller.
        data.header.free_space_offset = length as u32;
        data.header.last_event_record_id = no_record;
        data.header.last_event_record_data_offset = length as u32;
        let Ok(mut chunk) = data.parse(Arc::clone(&self.settings)) else {
            return false;
        };
        let mut left = MAX_RENDERED;
        for record in chunk.iter() {
            let Ok(record) = record else { continue };
            let Some(at) = usize::try_from(record.binxml_offset)
                .ok()
                .and_then(|at| at.checked_sub(RECORD_HEADER_SIZE))
            else {
                continue;
            };
            if at < from {
                continue;
            }
            let decoded = match record.into_xml() {
                Ok(xml) => {
                    let Some(rest) = left.checked_sub(xml.data.len()) else {
                        break;
                    };
                    left = rest;
                    read_xml(&xml.data)
                }
                Err(error) if is_excess(&error) => break,
                Err(_) => None,
            };
            self.kept.push_back((at, decoded));
        }
        true
    }
}

/// A number that no record of the chunk has in its header: the crate stops
/// behind the record with the chunk's last number.
fn unused_id(chunk: &[u8]) -> u64 {
    let [first, ..] = RECORD_MAGIC.to_le_bytes();
    let mut ids = BTreeSet::new();
    let mut rest = chunk;
    // A slice is read without failure.
    while let Ok(1..) = rest.skip_until(first) {
        let at = chunk.len() - rest.len() - 1;
        if u32_at(chunk, at) == Some(RECORD_MAGIC) {
            ids.extend(u64_at(chunk, at + 8));
        }
    }
    let free = (0..=u64::MAX).rev().find(|id| !ids.contains(id));
    free.unwrap_or(u64::MAX)
}

/// Whether the record came to a limit of the crate: what rendering it took is
/// more than all other records of the chunk together may take.
fn is_excess(error: &EvtxError) -> bool {
    match error {
        EvtxError::FailedToParseRecord { source, .. } => is_excess(source),
        EvtxError::FailedToCreateRecordModel(what) => what.contains("renders"),
        _ => false,
    }
}

impl std::fmt::Debug for Fallback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fallback")
            .field("kept", &self.kept.len())
            .finish_non_exhaustive()
    }
}

/// Reads the crate's XML of one event. `None` if it is not XML.
fn read_xml(xml: &str) -> Option<Decoded> {
    let mut decoded = Decoded {
        event: OwnedLogEvent::new("", 0),
        has_record_id: false,
        other_content: false,
    };
    decoded.event.head = Head {
        lane: Lane::Evtx,
        ..Head::default()
    };
    // Names of the open elements; the text of the innermost one that is read.
    let mut path: Vec<&str> = Vec::new();
    let mut name = None;
    let mut text = String::new();
    let mut roots = 0;
    let mut reader = Reader::new(xml);
    while let Some(token) = reader.next() {
        match token? {
            Token::Open(element) => {
                roots += u32::from(path.is_empty());
                path.push(element);
                if roots > 1 {
                    continue;
                }
                match path[..] {
                    ["Event", section] if path.len() == 2 => {
                        decoded.other_content |=
                            !matches!(section, "System" | "EventData" | "RenderingInfo");
                    }
                    ["Event", section, element] => {
                        text.clear();
                        name = None;
                        decoded.other_content |= section == "EventData"
                            && element != "Data"
                            && (element != "Binary" || decoded.event.binary.is_some());
                    }
                    _ => {}
                }
            }
            Token::Attribute(attribute, value) => {
                let head = &mut decoded.event.head;
                match path[..] {
                    _ if roots > 1 || value.is_empty() => {}
                    ["Event", "System", element] => match (element, attribute) {
                        ("Provider", "Name") => head.provider = value,
                        ("EventID", "Qualifiers") => head.qualifiers = value.trim().parse().ok(),
                        ("TimeCreated", "SystemTime") => {
                            head.created = parse_time(&value).map_or(Moment::None, Moment::At);
                        }
                        ("Security", "UserID") => head.user = Some(value),
                        _ => {}
                    },
                    ["Event", "EventData", "Data"] if attribute == "Name" => name = Some(value),
                    _ => {}
                }
            }
            Token::Text(piece) => {
                if path.len() == 3 {
                    text.push_str(&piece);
                }
            }
            Token::Close => {
                let event = &mut decoded.event;
                match path[..] {
                    _ if roots > 1 => {}
                    ["Event", "System", element] => match element {
                        "EventID" => event.head.event_id = text.trim().parse().unwrap_or_default(),
                        "Level" => event.head.level = text.trim().parse().ok(),
                        "EventRecordID" => {
                            if let Ok(id) = text.trim().parse() {
                                event.head.record_id = id;
                                decoded.has_record_id = true;
                            }
                        }
                        "Channel" => event.head.channel.clone_from(&text),
                        "Computer" => event.head.computer.clone_from(&text),
                        _ => {}
                    },
                    ["Event", "EventData", "Binary"] if event.binary.is_none() => {
                        let mut bytes = Vec::new();
                        if value::hexadecimal(text.trim(), &mut bytes).is_some() {
                            event.set_binary(Some(&bytes));
                        } else {
                            decoded.other_content = true;
                        }
                    }
                    ["Event", "EventData", "Data"] => {
                        let name = name.take().map(|name| utf16(&name));
                        event.push(
                            name.as_deref().map(Utf16::from_le_bytes),
                            Utf16::from_le_bytes(&utf16(&text)),
                        );
                    }
                    _ => {}
                }
                path.pop();
            }
        }
    }
    Some(decoded)
}

fn utf16(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() * 2);
    for unit in text.encode_utf16() {
        bytes.extend_from_slice(&unit.to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_is_read_back() {
        let decoded = read_xml(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
             <Event xmlns=\"urn:x\"><System><Provider Name=\"A &amp; B\" Guid=\"{0}\"/>\
             <EventID Qualifiers=\"7\">4121</EventID><Level>4</Level>\
             <TimeCreated SystemTime=\"2019-12-17T01:19:42.6330000Z\"/>\
             <EventRecordID>9</EventRecordID><Channel>C</Channel><Computer>m</Computer>\
             <Security UserID=\"S-1-5-18\"/></System>\
             <EventData><Data Name=\"n\">&lt;\r\n&#65;<![CDATA[<b>]]></Data><Data/>\
             <Data>x<Inner>y</Inner>z</Data><Binary>00fF</Binary><Other/></EventData></Event>",
        )
        .unwrap();
        let event = decoded.event.as_event();
        assert_eq!((event.provider(), event.event_id()), ("A & B", 4121));
        assert_eq!((event.qualifiers(), event.level()), (Some(7), Some(4)));
        assert_eq!(event.record_id(), 9);
        assert_eq!((event.channel(), event.computer()), ("C", "m"));
        assert_eq!(event.user(), Some("S-1-5-18"));
        assert_eq!(event.created().unwrap().timestamp(), 1_576_545_582);
        let data: Vec<_> = event
            .data()
            .map(|datum| {
                (
                    datum.name.map(Utf16::to_string_lossy),
                    datum.value.to_string_lossy(),
                )
            })
            .collect();
        assert_eq!(
            data,
            [
                (Some("n".to_owned()), "<\r\nA<b>".to_owned()),
                (None, String::new()),
                (None, "xz".to_owned()),
            ]
        );
        assert_eq!(event.binary(), Some(&[0, 0xFF][..]));
        assert!(decoded.has_record_id && decoded.other_content);
    }

    #[test]
    fn what_is_not_xml_is_none() {
        for text in ["<Event", "<Event a", "<Event a=\"", "<a></a></a>"] {
            assert!(read_xml(text).is_none(), "{text}");
        }
    }
}

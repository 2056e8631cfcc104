//! Ways of reading a log with the `evtx` crate, on one thread.

use std::fs::File;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use evtx::binxml::value_variant::BinXmlValue;
use evtx::{EvtxParser, EvtxRecord, ParserSettings};
use serde_json::Value;

use super::{Picked, Set, Time};

fn settings() -> ParserSettings {
    ParserSettings::new().num_threads(1).indent(false)
}

fn parser(path: &Path) -> EvtxParser<File> {
    EvtxParser::from_path(path)
        .expect("a log")
        .with_configuration(settings())
}

/// Every record as JSON text; returns its bytes.
#[must_use]
pub fn records_json(path: &Path) -> u64 {
    let text = |record: evtx::err::Result<evtx::SerializedEvtxRecord<String>>| {
        black_box(record.expect("undamaged").data).len() as u64
    };
    parser(path).records_json().map(text).sum()
}

/// The picked fields of `records_json_value`.
pub fn pick_json_value(path: &Path, set: Set, mut each: impl FnMut(Picked<'_>)) {
    for record in parser(path).records_json_value() {
        let record = record.expect("undamaged").data;
        let system = &record["Event"]["System"];
        let id = match &system["EventID"] {
            Value::Object(object) => &object["#text"],
            id => id,
        };
        each(Picked {
            event_id: id.as_u64().expect("an event id") as u32,
            created: Time::Text(
                system["TimeCreated"]["#attributes"]["SystemTime"]
                    .as_str()
                    .expect("a time"),
            ),
            computer: system["Computer"].as_str().expect("a computer"),
            text: text(&record, set),
        });
    }
}

fn text(record: &Value, set: Set) -> &str {
    let data = &record["Event"]["EventData"];
    let text = match set {
        Set::Manifest => &data["SubjectUserName"],
        Set::Ordinary | Set::Maximum => match &data["Data"] {
            Value::Object(object) => &object["#text"],
            text => text,
        },
    };
    text.as_str().expect("a string")
}

/// Requests as `serde_json::Value` out of `records_json_value`; returns how many
/// and their parameters.
#[must_use]
pub fn request(path: &Path, set: Set) -> (u64, u64) {
    let (mut requests, mut parameters) = (0, 0);
    for record in parser(path).records_json_value() {
        let record = record.expect("undamaged").data;
        let request: Value = serde_json::from_str(text(&record, set)).expect("JSON");
        black_box((
            request["Operation"].as_str(),
            request["RequestStatus"].as_str(),
            request["Creator"]["HybridObjectID"].as_str(),
            request["Target"]["HybridObjectID"].as_str(),
        ));
        // One of them stands without a list.
        parameters += match &request["RequestParameter"] {
            Value::Array(parameters) => parameters.len() as u64,
            Value::Null => 0,
            _ => 1,
        };
        requests += 1;
    }
    (requests, parameters)
}

/// The picked fields without a document: `EvtxRecord::template_instances` of
/// every record, chunk by chunk, and what the crate has no parser for by hand.
/// Nothing is copied but the text, and that into one buffer.
pub fn pick_instances(path: &Path, set: Set, mut each: impl FnMut(Picked<'_>)) {
    let settings = Arc::new(settings());
    let mut parser = parser(path);
    let mut out = String::new();
    for chunk in parser.chunks() {
        let mut chunk = chunk.expect("undamaged");
        let mut chunk = chunk.parse(Arc::clone(&settings)).expect("undamaged");
        let mut computers = Computers::default();
        for record in chunk.iter() {
            let record = record.expect("undamaged");
            let (event_id, ticks, computer) = instances(&record, set, &mut computers, &mut out);
            each(Picked {
                event_id,
                created: Time::Ticks(ticks),
                computer: &computer,
                text: &out,
            });
        }
    }
}

/// The same through `serialized_records`, which wants owned results.
pub fn pick_serialized(path: &Path, set: Set, mut each: impl FnMut(Picked<'_>)) {
    let mut computers = Computers::default();
    let mut parser = parser(path);
    // The closure is cloned for each chunk, and with it the empty cache.
    let records = parser.serialized_records(move |record| {
        let mut text = String::new();
        let (id, ticks, computer) = instances(&record?, set, &mut computers, &mut text);
        Ok((id, ticks, computer, text))
    });
    for record in records {
        let (event_id, ticks, computer, text) = record.expect("undamaged");
        each(Picked {
            event_id,
            created: Time::Ticks(ticks),
            computer: &computer,
            text: &text,
        });
    }
}

/// Computers by the offsets of the definitions that they are literals of.
#[derive(Clone, Default)]
struct Computers(Vec<(u32, Arc<str>)>);

impl Computers {
    fn of(&mut self, chunk: &[u8], definition: u32) -> Arc<str> {
        if let Some((_, known)) = self.0.iter().find(|(offset, _)| *offset == definition) {
            return Arc::clone(known);
        }
        let computer = computer(chunk, definition as usize);
        self.0.push((definition, Arc::clone(&computer)));
        computer
    }
}

fn instances(
    record: &EvtxRecord<'_>,
    set: Set,
    computers: &mut Computers,
    out: &mut String,
) -> (u32, u64, Arc<str>) {
    let instances = record.template_instances().expect("undamaged");
    let event = instances.first().expect("an instance");
    let Some(&BinXmlValue::UInt16Type(id)) = event.values.get(3) else {
        panic!("no event id");
    };
    let Some(BinXmlValue::FileTimeType(time)) = event.values.get(6) else {
        panic!("no time");
    };
    let Some(&BinXmlValue::BinXmlType(data)) = event.values.last() else {
        panic!("no event data");
    };
    let computer = computers.of(record.chunk.data, event.template_def_offset);
    out.clear();
    decode(value(record.chunk.data, data, set.picked()), out);
    (id.into(), time.0, computer)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().expect("two"))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four"))
}

/// A string value of the event data, which is an instance with a fragment
/// header: the first string of an array, or the string.
fn value<'a>(chunk: &[u8], data: &'a [u8], wanted: usize) -> &'a [u8] {
    assert_eq!((data[0], data[4]), (0x0F, 0x0C), "an instance");
    let definition = u32_at(data, 10) as usize;
    let mut at = 14;
    // Both lie in the chunk: an inline definition begins right here.
    if data.as_ptr() as usize - chunk.as_ptr() as usize + at == definition {
        at += 24 + u32_at(data, at + 20) as usize;
    }
    let count = u32_at(data, at) as usize;
    let descriptors = &data[at + 4..at + 4 + 4 * count];
    at += 4 + 4 * count;
    for descriptor in descriptors[..4 * wanted].chunks_exact(4) {
        at += usize::from(u16_at(descriptor, 0));
    }
    let size = usize::from(u16_at(descriptors, 4 * wanted));
    &data[at..at + size]
}

/// UTF-16 up to a NUL. As a tuned program would have it: ASCII by blocks that
/// the compiler makes vector code of, and only what is left unit by unit.
fn decode(text: &[u8], out: &mut String) {
    const BLOCK: usize = 64;
    out.reserve(text.len() / 2);
    let mut rest = text;
    while let Some((block, after)) = rest.split_first_chunk::<{ 2 * BLOCK }>() {
        let pairs = block.as_chunks::<2>().0;
        let units: [u16; BLOCK] = std::array::from_fn(|unit| u16::from_le_bytes(pairs[unit]));
        let high = units.iter().fold(0, |bits, unit| bits | unit) & 0xFF80 != 0;
        let nul = units
            .iter()
            .fold(0, |any, &unit| any | u16::from(unit == 0))
            != 0;
        if high || nul {
            break;
        }
        let narrow = units.map(|unit| unit as u8);
        out.push_str(std::str::from_utf8(&narrow).expect("ASCII"));
        rest = after;
    }
    let units = rest
        .chunks_exact(2)
        .map(|unit| u16_at(unit, 0))
        .take_while(|&unit| unit != 0);
    out.extend(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
}

/// The literal in the element `Computer` of a definition.
fn computer(chunk: &[u8], definition: usize) -> Arc<str> {
    const NAME: &[u8] = b"C\0o\0m\0p\0u\0t\0e\0r\0";
    let mut at = definition + 24 + 4;
    let mut inside = false;
    let name = |at: &mut usize| {
        let node = u32_at(chunk, *at) as usize;
        let bytes = 2 * usize::from(u16_at(chunk, node + 6));
        *at += 4;
        if node == *at {
            *at += 8 + bytes + 2;
        }
        &chunk[node + 8..node + 8 + bytes] == NAME
    };
    loop {
        let token = chunk[at];
        at += 1;
        match token {
            0x01 | 0x41 => {
                at += 6;
                inside = name(&mut at);
                at += if token == 0x41 { 4 } else { 0 };
            }
            0x06 | 0x46 => drop(name(&mut at)),
            0x05 | 0x45 => {
                let bytes = 2 * usize::from(u16_at(chunk, at + 1));
                at += 3;
                if inside {
                    let mut out = String::new();
                    decode(&chunk[at..at + bytes], &mut out);
                    return out.into();
                }
                at += bytes;
            }
            0x0D | 0x0E => at += 3,
            0x02..=0x04 => {}
            other => panic!("token {other:#x}"),
        }
    }
}

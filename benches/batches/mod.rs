//! Batches of records: what is sealed and opened, and by whom.
//!
//! The same 10,000 records for everybody, in ten batches of 1,000, of either size:
//! requests of the generator ([`Set::Whole`]), and requests cut down ([`Set::Short`]).

use std::collections::HashSet;
use std::fs;
use std::ops::RangeInclusive;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use ingest_protocol::frame::Record;
use mim_events::generate::{Generator, Item, Options};
use mim_events::request::{Reference, Request};
use uuid::Uuid;

pub mod disk;
#[cfg(feature = "peers")]
pub mod otlp;
pub mod own;
#[cfg(feature = "peers")]
pub mod peers;
mod ways;

pub use ways::{Sizes, Way, sizes, way, ways};

/// Records of a batch, and so of a frame.
pub const RECORDS: usize = 1_000;
/// Batches of a set.
pub const BATCHES: usize = 10;
/// Goes into the files' names; raise it when what is in them changes.
const VERSION: u32 = 1;
/// How long the requests are that are taken whole, in bytes: those of the generator that are
/// so long have a mean of about 5 KB.
const WHOLE: RangeInclusive<usize> = 4_000..=31_000;

/// Records to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "the benches' own")]
pub enum Set {
    /// About 450 bytes each: id, operation, status, time, the creator's and the target's id and
    /// name, and the first parameter of a generated request, each as it stands there.
    Short,
    /// The longer ones of the generated requests, as they are: about 5 KB each.
    Whole,
}

impl Set {
    /// Every set.
    pub const ALL: [Self; 2] = [Self::Short, Self::Whole];

    /// The name in groups and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Short => "450B",
            Self::Whole => "5KB",
        }
    }

    /// The set of a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.name() == name)
    }

    /// The records, from a file in `target/bench-data` that is made once.
    #[must_use]
    pub fn batches(self) -> Vec<Batch> {
        let path = crate::logs::directory().join(format!("{}-v{VERSION}.tsv", self.name()));
        if !path.exists() {
            let lines: String = self.events().iter().map(Event::line).collect();
            let new = path.with_extension(std::process::id().to_string());
            fs::create_dir_all(crate::logs::directory()).expect("the target directory");
            fs::write(&new, lines).expect("the target directory can be written");
            fs::rename(&new, &path).expect("the target directory can be written");
        }
        let lines = fs::read_to_string(&path).expect("a file");
        let mut events = lines.lines().map(Event::of_line);
        (0..BATCHES)
            .map(|_| Batch::new(events.by_ref().take(RECORDS).collect()))
            .collect()
    }

    fn events(self) -> Vec<Event> {
        let mut events = Vec::new();
        let mut seen = HashSet::new();
        for step in Generator::new(&Options::new(42).requests(u64::MAX >> 20)) {
            let Item::Request(request) = step.item else {
                continue;
            };
            let text = match self {
                Self::Short => short(&request.json),
                Self::Whole if WHOLE.contains(&request.json.len()) => request.json,
                Self::Whole => continue,
            };
            // A request is logged at several states; nobody has to send a copy.
            if !seen.insert(request.id) {
                continue;
            }
            events.push(Event {
                text,
                id: request.id,
                time: step.time,
            });
            if events.len() == RECORDS * BATCHES {
                break;
            }
        }
        events
    }
}

/// One record before it is anybody's.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "the benches' own")]
pub struct Event {
    /// One JSON text.
    pub text: String,
    /// The request's id.
    pub id: Uuid,
    /// When it was logged.
    pub time: DateTime<Utc>,
}

impl Event {
    /// A generated text has neither tabs nor lines.
    fn line(&self) -> String {
        let time = self.time.timestamp_micros();
        format!("{}\t{time}\t{}\n", self.id, self.text)
    }

    fn of_line(line: &str) -> Self {
        let mut fields = line.splitn(3, '\t');
        let mut field = || fields.next().expect("three fields");
        Self {
            id: field().parse().expect("an id"),
            time: field()
                .parse()
                .ok()
                .and_then(DateTime::from_timestamp_micros)
                .expect("a time"),
            text: field().to_owned(),
        }
    }
}

/// A thousand records, and what their senders hold before they encode them.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "the benches' own")]
pub struct Batch {
    /// The records.
    pub events: Vec<Event>,
    /// As records of a frame: texts alone.
    pub records: Vec<Record>,
    /// As records of a frame, with id and time.
    pub full: Vec<Record>,
    /// As an OTLP export: texts alone.
    #[cfg(feature = "peers")]
    pub otlp: otlp::ExportLogsServiceRequest,
    /// As an OTLP export, with id and time.
    #[cfg(feature = "peers")]
    pub otlp_full: otlp::ExportLogsServiceRequest,
}

impl Batch {
    fn new(events: Vec<Event>) -> Self {
        let records: Vec<_> = events
            .iter()
            .map(|event| Record::new(Bytes::from(event.text.clone())))
            .collect();
        let full = events
            .iter()
            .zip(&records)
            .map(|(event, record)| record.clone().with_id(event.id).with_time(event.time))
            .collect();
        Self {
            #[cfg(feature = "peers")]
            otlp: otlp::export(&events, false),
            #[cfg(feature = "peers")]
            otlp_full: otlp::export(&events, true),
            records,
            full,
            events,
        }
    }

    /// Bytes of the texts.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        self.events.iter().map(|event| event.text.len()).sum()
    }
}

/// A part of a request.
fn short(json: &str) -> String {
    let request = Request::from_json(json).expect("a generated request");
    let mut out = String::from("{");
    let mut put = |key: &str, raw: &str| {
        if out.len() > 1 {
            out.push(',');
        }
        out.push('"');
        out.push_str(key);
        out.push_str("\":");
        out.push_str(raw);
    };
    for key in [
        "HybridObjectID",
        "Operation",
        "RequestStatus",
        "CreatedTime",
    ] {
        if let Some(value) = request.get(key) {
            put(key, value.raw());
        }
    }
    for (key, reference) in [("Creator", request.creator()), ("Target", request.target())] {
        if let Some(reference) = reference {
            put(key, &short_reference(&reference));
        }
    }
    let parameters = request.get("RequestParameter");
    if let Some(first) = parameters.and_then(|list| list.items().next()) {
        put("RequestParameter", first.raw());
    }
    out.push('}');
    out
}

fn short_reference(reference: &Reference<'_>) -> String {
    let members: Vec<_> = ["HybridObjectID", "DisplayName"]
        .into_iter()
        .filter_map(|key| Some(format!("\"{key}\":{}", reference.get(key)?.raw())))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// An encoding of batches. What is decoded is each record's text, lent.
pub trait Codec {
    /// The batch as it would be sent.
    fn encode(&mut self, batch: &Batch) -> Bytes;

    /// Every record's text. What holds the text may be used again for the next.
    fn decode(&mut self, encoded: &Bytes, each: impl FnMut(&[u8]));
}

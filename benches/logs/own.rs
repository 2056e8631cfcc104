//! Ways of reading a log with this crate.

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::path::Path;

use mim_events::ActivityReader;
use mim_events::eventlog::{Lane, LogFilter, LogReader};
use mim_events::message::Assembler;
use mim_events::request::Request;

use super::{Picked, Set, Time};

/// A log, and by which lane to read it; `None` for what readers do by themselves.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "the benches' own")]
pub struct Source<'a> {
    /// The file.
    pub path: &'a Path,
    /// The only lane.
    pub lane: Option<Lane>,
}

impl<'a> Source<'a> {
    /// A log, read as it is by default.
    #[must_use]
    pub fn new(path: &'a Path) -> Self {
        Self { path, lane: None }
    }

    fn open(self, filter: LogFilter) -> LogReader<std::fs::File> {
        let reader = LogReader::open(self.path)
            .expect("a log")
            .with_filter(filter);
        match self.lane {
            Some(lane) => reader.with_lane(lane),
            None => reader,
        }
    }
}

/// Reads with a filter that no event passes: an event id that none has.
#[must_use]
pub fn reject_by_id(log: Source<'_>) -> u64 {
    reject(log, LogFilter::all().event_ids([1]))
}

/// The same, by a provider that no event is of.
#[must_use]
pub fn reject_by_provider(log: Source<'_>) -> u64 {
    reject(log, LogFilter::all().provider("Nobody"))
}

fn reject(log: Source<'_>, filter: LogFilter) -> u64 {
    let mut reader = log.open(filter);
    assert!(reader.next_event().is_none(), "the filter rejects all");
    reader.summary().filtered.total()
}

/// Event id, time, computer and one string, decoded into one buffer.
pub fn pick(log: Source<'_>, set: Set, mut each: impl FnMut(Picked<'_>)) {
    let mut reader = log.open(LogFilter::all());
    let mut text = String::new();
    while let Some(event) = reader.next_event() {
        let event = event.expect("undamaged");
        text.clear();
        if let Some(datum) = event.data().nth(set.picked()) {
            datum.value.decode_into(&mut text);
        }
        each(Picked {
            event_id: event.event_id(),
            created: Time::Ticks(event.created_filetime().expect("a time")),
            computer: event.computer(),
            text: &text,
        });
    }
}

/// Everything an event has, decoded; returns the bytes of all texts.
#[must_use]
pub fn whole(log: Source<'_>) -> u64 {
    let mut reader = log.open(LogFilter::all());
    let mut text = String::new();
    let mut bytes = 0;
    while let Some(event) = reader.next_event() {
        let event = event.expect("undamaged");
        black_box((
            event.record_id(),
            event.header_id(),
            event.written(),
            event.created(),
            event.provider(),
            event.event_id(),
            event.qualifiers(),
        ));
        black_box((
            event.level(),
            event.channel(),
            event.computer(),
            event.user(),
            event.binary(),
            event.offset(),
            event.lane(),
        ));
        for datum in event.data() {
            text.clear();
            if let Some(name) = datum.name {
                name.decode_into(&mut text);
            }
            datum.value.decode_into(&mut text);
            bytes += black_box(&text).len() as u64;
        }
    }
    bytes
}

/// The same by two threads, chunk by chunk.
#[must_use]
pub fn whole_by_two(log: Source<'_>) -> u64 {
    let threads = NonZeroUsize::new(2).expect("not zero");
    let reader = log.open(LogFilter::all());
    let lengths = reader.par_map(threads, |event| {
        let mut text = String::new();
        for datum in event.data() {
            if let Some(name) = datum.name {
                name.decode_into(&mut text);
            }
            datum.value.decode_into(&mut text);
        }
        black_box(&text).len() as u64
    });
    lengths
        .expect("threads")
        .map(|length| length.expect("undamaged"))
        .sum()
}

/// Typed requests from the file's bytes; returns how many and their parameters.
#[must_use]
pub fn request(log: Source<'_>) -> (u64, u64) {
    let mut reader = log.open(LogFilter::requests());
    let mut assembler = Assembler::new();
    let (mut requests, mut parameters) = (0, 0);
    while let Some(event) = reader.next_event() {
        let document = assembler.push(&event.expect("undamaged")).expect("framed");
        if let Some(document) = document {
            parameters += touch(&document.parse().expect("a request"));
            requests += 1;
        }
    }
    (requests, parameters)
}

/// Looks at what reports need of a request; returns the number of its parameters.
pub fn touch(request: &Request<'_>) -> u64 {
    let creator = request.creator();
    let target = request.target();
    black_box((
        request.operation(),
        request.status(),
        creator.as_ref().and_then(|person| person.id()),
        target.as_ref().and_then(|object| object.id()),
    ));
    request.parameters().count() as u64
}

/// Activities from the file's bytes, the short way.
#[must_use]
pub fn activities(log: Source<'_>) -> u64 {
    let mut reader = ActivityReader::open(log.path).expect("a log");
    let mut activities = 0;
    for activity in &mut reader {
        black_box(activity.expect("an activity"));
        activities += 1;
    }
    activities
}

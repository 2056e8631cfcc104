//! `LogReader`: every shape against the `evtx` crate, damage, filters, order.

mod broken;
mod filters;
mod limits;
mod shapes;
mod whole;

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use mim_events::eventlog::{Lane, LogFilter, LogReader, MIM_PROVIDER, ReadSummary};
use mim_events::{Error, ErrorKind};
use proptest::prelude::*;

use super::fixture::*;
use super::oracle::{Row, own, rows};

struct Run {
    rows: Vec<Row>,
    lanes: Vec<Lane>,
    errors: Vec<Error>,
    summary: ReadSummary,
}

fn run<R: Read + Seek>(mut reader: LogReader<R>) -> Run {
    let (mut rows, mut lanes, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    let mut position = reader.position();
    while let Some(event) = reader.next_event() {
        match event {
            Ok(event) => {
                rows.push(own(&event));
                lanes.push(event.lane());
            }
            Err(error) => errors.push(error),
        }
        assert!(reader.position() >= position, "progress goes forward");
        position = reader.position();
    }
    assert!(reader.next_event().is_none(), "the end is the end");
    let summary = reader.summary();
    assert_eq!(summary.events(), rows.len() as u64);
    Run {
        rows,
        lanes,
        errors,
        summary,
    }
}

fn read(log: &[u8]) -> Run {
    run(LogReader::from_slice(log).unwrap())
}

fn read_by(log: &[u8], lane: Lane) -> Run {
    run(LogReader::from_slice(log).unwrap().with_lane(lane))
}

fn records(count: u64) -> Vec<u8> {
    log(&[chunk_of(1, count).finish()])
}

fn chunk_of(first: u64, count: u64) -> Chunk {
    let mut chunk = Chunk::new(first);
    for record in first..first + count {
        let event = Classic {
            record,
            ..Classic::default()
        };
        chunk.record(TIME + record, &event.content());
    }
    chunk
}

/// A log of all these records is read as the `evtx` crate reads it, by
/// whichever lane; returns the lanes that the records took by themselves.
#[track_caller]
fn agrees(contents: &[Content]) -> Vec<Lane> {
    let mut chunk = Chunk::new(1);
    for content in contents {
        chunk.record(TIME, content);
    }
    let log = log(&[chunk.finish()]);
    let (wanted, unreadable) = rows(&log);
    assert_eq!((wanted.len(), unreadable), (contents.len(), 0));
    let found = read(&log);
    assert!(found.errors.is_empty(), "{:?}", found.errors);
    assert_eq!(found.summary.checksum_mismatches, 0);
    assert_eq!(found.rows, wanted);
    if cfg!(feature = "evtx") {
        assert_eq!(read_by(&log, Lane::Evtx).rows, wanted);
    }
    super::writer::copy::copies_alike(&log);
    found.lanes
}

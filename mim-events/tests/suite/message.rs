//! Tests of `message` through the public API: every cut, every order, every
//! loss, and what is reported of it.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod cuts;
mod limits;
mod parts;
mod properties;

use chrono::{DateTime, TimeDelta, Utc};
use mim_events::eventlog::{MIM_CHANNEL, MIM_PROVIDER, OwnedLogEvent, REQUEST, REQUEST_PART};
use mim_events::message::{Assembler, AssemblerSummary, Header};
use mim_events::text::Utf16;
use mim_events::{Error, ErrorKind};
use uuid::Uuid;

const ID: Uuid = Uuid::from_u128(0x3f0a_9d52_7c1e_4d1b_b0a4_5b0c_2b1f_9e77);
const OTHER: Uuid = Uuid::from_u128(0x9b6f_8c34_5a0e_4a37_9a55_3f4b_8f6f_1d01);

fn minute(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_000_000, 0).unwrap() + TimeDelta::minutes(minute)
}

fn event(event_id: u32, record_id: u64) -> OwnedLogEvent {
    OwnedLogEvent::new(MIM_PROVIDER, event_id)
        .channel(MIM_CHANNEL)
        .computer("mim01")
        .record_id(record_id)
        .created(minute(0))
}

fn whole(record_id: u64, text: &str) -> OwnedLogEvent {
    event(REQUEST, record_id).data(text)
}

fn part(record_id: u64, request: Uuid, number: u64, total: u64, body: &str) -> OwnedLogEvent {
    let units: Vec<u16> = body.encode_utf16().collect();
    part_of_units(record_id, request, number, total, &units)
}

fn part_of_units(
    record_id: u64,
    request: Uuid,
    number: u64,
    total: u64,
    body: &[u16],
) -> OwnedLogEvent {
    let header = Header::new(request, number, total).to_string();
    let units = header.encode_utf16().chain(body.iter().copied());
    let bytes: Vec<u8> = units.flat_map(u16::to_le_bytes).collect();
    event(REQUEST_PART, record_id).data_utf16(Utf16::from_le_bytes(&bytes))
}

/// What a push gave, without the borrow.
#[derive(Debug)]
enum Pushed {
    Waits,
    Document(String),
    Error(Error),
}

fn push(assembler: &mut Assembler, event: &OwnedLogEvent) -> Pushed {
    match assembler.push(&event.as_event()) {
        Ok(None) => Pushed::Waits,
        Ok(Some(document)) => Pushed::Document(document.as_str().to_owned()),
        Err(error) => Pushed::Error(error),
    }
}

#[track_caller]
fn waits(assembler: &mut Assembler, event: &OwnedLogEvent) {
    let pushed = push(assembler, event);
    assert!(matches!(pushed, Pushed::Waits), "{pushed:?}");
}

#[track_caller]
fn gives(assembler: &mut Assembler, event: &OwnedLogEvent, text: &str) {
    match push(assembler, event) {
        Pushed::Document(found) => assert_eq!(found, text),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn fails(assembler: &mut Assembler, event: &OwnedLogEvent, kind: &ErrorKind) {
    match push(assembler, event) {
        Pushed::Error(error) => {
            assert_eq!(error.kind(), kind);
            assert!(error.is_recoverable());
            assert_eq!(error.record_id(), Some(event.as_event().record_id()));
        }
        other => panic!("{other:?}"),
    }
}

/// Every event and every part is accounted for, `waiting` parts included.
#[track_caller]
fn is_accounted(summary: &AssemblerSummary, waiting: u64) {
    assert_eq!(
        summary.events,
        summary.whole + summary.parts + summary.no_document + summary.too_large,
        "{summary:?}"
    );
    assert_eq!(
        summary.parts,
        summary.parts_assembled
            + summary.parts_incomplete
            + summary.duplicates
            + summary.late_copies
            + summary.bad_numbers
            + waiting,
        "{summary:?}"
    );
}

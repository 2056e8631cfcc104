//! A small log as [`LogWriter`] writes it, of whatever events the input says.

use std::io::Cursor;

use chrono::DateTime;
use mim_events::ErrorKind;
use mim_events::eventlog::{Layout, LogWriter, OwnedLogEvent};
use mim_events::text::Utf16;

use crate::input::Input;

/// The log, and the events in it.
pub(super) fn written(input: &mut Input<'_>) -> (Vec<u8>, Vec<OwnedLogEvent>) {
    let how = input.byte();
    let layout = if how & 1 == 0 {
        Layout::V3_1
    } else {
        Layout::V3_2
    };
    let out = Cursor::new(Vec::new());
    let mut writer = LogWriter::new(out)
        .expect("memory takes all")
        .with_layout(layout);
    if how & 2 != 0 {
        writer = writer.with_max_size(4096 + 2 * 65_536);
    }
    let mut events = Vec::new();
    for _ in 0..=how >> 4 {
        let event = event(input);
        match writer.write(&event.as_event()) {
            Ok(_) => events.push(event),
            Err(error) => assert!(
                matches!(
                    error.kind(),
                    ErrorKind::RecordTooLarge { .. } | ErrorKind::Event { .. }
                ),
                "{error}"
            ),
        }
    }
    let log = writer.finish().expect("memory takes all").into_inner();
    (log, events)
}

fn event(input: &mut Input<'_>) -> OwnedLogEvent {
    let kind = input.byte();
    let provider = ["P", "Provider <&\"'>", "Проба", "\u{1F600}"][usize::from(kind & 3)];
    let mut event = OwnedLogEvent::new(provider, u32::from(input.u16()))
        .channel(if kind & 4 == 0 { "A channel" } else { "" })
        .computer("c")
        .level(kind)
        .qualifiers((kind & 8 != 0).then_some(7))
        .created(DateTime::from_timestamp(i64::from(input.u32()), 0).unwrap_or_default());
    if kind & 16 != 0 {
        event = event.user("S-1-5-21-1-2-4294967295-500");
    }
    if kind & 32 != 0 {
        let length = usize::from(input.byte() % 40);
        event = event.binary(input.bytes(length));
    }
    for _ in 0..kind >> 6 {
        let length = usize::from(input.byte());
        // A few are long, so that there are several chunks.
        if length == 255 {
            event = event.data("x".repeat(input.below(32_000)));
            continue;
        }
        // Strings are stored with a NUL at their end.
        let text = input.bytes(length / 8 * 2);
        let end = text.chunks_exact(2).position(|unit| unit == [0, 0]);
        let text = &text[..end.map_or(text.len() / 2, |units| units) * 2];
        event = if length & 1 == 0 {
            event.data_utf16(Utf16::from_le_bytes(text))
        } else {
            let text = String::from_utf8_lossy(text).replace('\0', "0");
            event.named_data("n\u{e4}", text)
        };
    }
    event
}

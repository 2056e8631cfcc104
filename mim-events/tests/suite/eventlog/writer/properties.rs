//! Any events make a log, and come back.

use mim_events::eventlog::{Lane, LogReader, check};
use mim_events::text::Utf16;
use proptest::prelude::*;

use super::*;

pub(super) fn any_event() -> impl Strategy<Value = OwnedLogEvent> {
    let units = || proptest::collection::vec(any::<u16>(), 0..40);
    let value = (proptest::option::of("[a-zäß😀]{1,6}"), units());
    (
        "[a-zA-Z<&\"ß😀]{1,20}",
        any::<u16>(),
        "[a-c]{0,2}",
        proptest::option::of(any::<u8>()),
        proptest::option::of(any::<u16>()),
        proptest::collection::vec(value, 0..6),
    )
        .prop_map(|(provider, id, computer, level, qualifiers, values)| {
            let mut event = OwnedLogEvent::new(provider, u32::from(id))
                .computer(computer)
                .qualifiers(qualifiers)
                .level(level.unwrap_or(0));
            for (name, units) in values {
                let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
                event = match name {
                    Some(name) => event.named_data(name, String::from_utf16_lossy(&units)),
                    None => event.data_utf16(Utf16::from_le_bytes(&bytes)),
                };
            }
            event
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_events_make_a_log(events in proptest::collection::vec(any_event(), 0..60)) {
        let file = write(events.clone());
        let records = read(&file);
        prop_assert_eq!(records.len(), events.len());
        for (record, event) in records.iter().zip(&events) {
            let event = event.as_event();
            prop_assert_eq!(
                &record["Event"]["System"]["Provider"]["#attributes"]["Name"],
                event.provider()
            );
        }
    }

    /// Our reader gives back everything, unit by unit, up to a NUL.
    #[test]
    fn any_events_come_back_unit_by_unit(events in proptest::collection::vec(any_event(), 0..60)) {
        let file = write(events.clone());
        let mut reader = LogReader::from_slice(&file).unwrap();
        let mut number = 0;
        for event in &events {
            let wanted = event.as_event();
            let found = reader.next_event().unwrap().unwrap();
            number += 1;
            prop_assert_eq!(found.lane(), Lane::Own);
            prop_assert_eq!((found.record_id(), found.header_id()), (number, number));
            prop_assert_eq!(found.provider(), wanted.provider());
            prop_assert_eq!(found.computer(), wanted.computer());
            prop_assert_eq!(found.event_id(), wanted.event_id());
            prop_assert_eq!(found.level(), wanted.level());
            prop_assert_eq!(found.qualifiers(), wanted.qualifiers());
            prop_assert_eq!(found.user(), wanted.user());
            prop_assert_eq!(found.data().count(), wanted.data().count());
            for (found, wanted) in found.data().zip(wanted.data()) {
                prop_assert_eq!(found.name, wanted.name);
                let wanted = wanted.value.as_utf16().unwrap();
                let wanted = wanted.units().take_while(|&unit| unit != 0);
                let found = found.value.as_utf16().unwrap();
                prop_assert!(found.units().eq(wanted), "{:?}", event);
            }
        }
        prop_assert!(reader.next_event().is_none());
        prop_assert!(reader.summary().to_string().contains(&number.to_string()));
    }

    #[test]
    fn a_check_of_anything_ends(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in 0_usize..3000) {
        let mut file = write([request().data("x"), request().named_data("N", "v")]);
        for (place, byte) in file[CHUNK + at..].iter_mut().zip(bytes) {
            *place = byte;
        }
        // The structure behind wrong checksums is walked all the same.
        let _ = check(&file);
    }
}

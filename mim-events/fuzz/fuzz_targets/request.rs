//! A document: what is JSON and where it is not is what `serde_json` says, what parses is
//! kept byte for byte, and every accessor answers.
#![no_main]
use libfuzzer_sys::fuzz_target;
use mim_events::ErrorKind;
use mim_events::request::{ParseOptions, Request, Value, ValueKind};
use serde_json::value::RawValue;

/// Line and column where the text is no JSON, inside of what may stand around it.
fn oracle(text: &str) -> Option<(u64, u64)> {
    let blank = ['\u{FEFF}', '\0', ' ', '\t', '\r', '\n'];
    let document = text.trim_matches(blank);
    let error = serde_json::from_str::<&RawValue>(document).err()?;
    let start = text.trim_end_matches(blank).len() - document.len();
    let (before, _) = text.split_at(start);
    let lines = before.matches('\n').count() as u64;
    let tail = before.rsplit('\n').next().unwrap_or_default().len() as u64;
    let column = error.column() as u64 + if error.line() <= 1 { tail } else { 0 };
    Some((error.line() as u64 + lines, column))
}

/// A value, and all in it, is JSON without anything around it.
fn check(value: Value<'_>, depth: usize) {
    let raw: &RawValue = serde_json::from_str(value.raw()).expect("a value is JSON");
    assert_eq!(raw.get(), value.raw());
    // Each level is read anew.
    if depth > 16 {
        return;
    }
    if let Some(object) = value.as_object() {
        let members: Vec<_> = object.members().collect();
        for (key, value) in &members {
            let last = members
                .iter()
                .rfind(|(other, _)| other.eq_ignore_ascii_case(key));
            assert_eq!(object.get(key), last.map(|(_, value)| *value));
            if members.len() < 64 {
                check(*value, depth + 1);
            }
        }
    } else if value.kind() == ValueKind::Array {
        let items: Vec<&RawValue> = serde_json::from_str(value.raw()).expect("an array");
        let found: Vec<_> = value.items().map(Value::raw).collect();
        assert_eq!(
            found,
            items.iter().map(|item| item.get()).collect::<Vec<_>>()
        );
        value
            .items()
            .take(64)
            .for_each(|item| check(item, depth + 1));
    }
}

fuzz_target!(|text: &str| {
    let lenient = ParseOptions::default().allow_control_characters(true);
    let leniently = Request::from_json_with(text, &lenient);
    let request = match Request::from_json(text) {
        Ok(request) => request,
        Err(error) => {
            let place = oracle(text);
            assert_eq!(*error.kind() == ErrorKind::Json, place.is_some());
            if let Some((line, column)) = place {
                assert_eq!((error.line(), error.column()), (Some(line), Some(column)));
            }
            return;
        }
    };
    assert_eq!(oracle(text), None);
    assert_eq!(leniently.as_ref().ok(), Some(&request));
    assert_eq!(request.as_json(), text);
    request.members().for_each(|(_, value)| check(value, 1));
    let members: usize = request
        .members()
        .map(|(_, value)| value.items().count())
        .sum();
    let _ = (
        members,
        request.unknown().count(),
        request.status_details().count(),
    );
    for parameter in request.parameters() {
        let _ = (
            parameter.property(),
            parameter.reference(),
            parameter.value_text(),
        );
    }
    assert!(!request.activities().is_empty());
});

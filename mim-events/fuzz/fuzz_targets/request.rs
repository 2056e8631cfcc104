//! A document: what parses is kept byte for byte, and every accessor answers.
#![no_main]
use libfuzzer_sys::fuzz_target;
use mim_events::request::{ParseOptions, Request};

fuzz_target!(|text: &str| {
    let lenient = ParseOptions::default().allow_control_characters(true);
    let _ = Request::from_json_with(text, &lenient);
    let Ok(request) = Request::from_json(text) else {
        return;
    };
    assert_eq!(request.as_json(), text);
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

//! The laws of a lossless document, on any JSON.

use mim_events::ErrorKind;
use mim_events::request::{ParseOptions, Request};
use proptest::prelude::*;

use super::with;

/// JSON text of any value, with numbers no float holds and escapes of all kinds.
fn json(depth: u32) -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
        text(),
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    prop_oneof![
        4 => leaf,
        1 => proptest::collection::vec(json(depth - 1), 0..4).prop_map(|items| format!("[ {}]", items.join(" ,\n"))),
        1 => proptest::collection::vec((text(), json(depth - 1)), 0..4)
            .prop_map(|members| format!("{{{}}}", members.iter().map(|(k, v)| format!("{k} :\t{v}")).collect::<Vec<_>>().join(","))),
    ]
    .boxed()
}

/// A JSON string, as written.
fn text() -> BoxedStrategy<String> {
    proptest::collection::vec(
        prop_oneof![
            "[^\"\\\\\\x00-\\x1f]{1,6}",
            r#"\\["\\/bfnrt]"#,
            r"\\u[0-9a-fA-F]{4}",
            Just(r"\ud83d\ude00".to_owned()),
        ],
        0..5,
    )
    .prop_map(|parts| format!("\"{}\"", parts.concat()))
    .boxed()
}

proptest! {
    #[test]
    fn round_trip_keeps_every_member(members in proptest::collection::vec((text(), json(3)), 0..8), operation in text()) {
        let mut source = vec![("\"Operation\"".to_owned(), operation)];
        source.extend(members);
        let document = format!("{{{}}}", source.iter().map(|(k, v)| format!("{k}:{v}")).collect::<Vec<_>>().join(", "));
        let request = match Request::from_json(&document) {
            Ok(request) => request,
            // A generated key may be a known time or type.
            Err(error) => { prop_assert!(!matches!(error.kind(), ErrorKind::Json)); return Ok(()) }
        };
        prop_assert_eq!(request.as_json(), document.as_str());
        let found: Vec<_> = request.members().map(|(_, value)| value.raw()).collect();
        let wanted: Vec<_> = source.iter().map(|(_, value)| value.as_str()).collect();
        prop_assert_eq!(found, wanted);
        let again = serde_json_free_copy(&request);
        prop_assert_eq!(Request::from_json(&again).unwrap().members().count(), source.len());
    }

    #[test]
    fn strings_read_as_serde_json_reads_them(string in text()) {
        let document = format!(r#"{{"Operation":{string}}}"#);
        let request = Request::from_json(&document).unwrap();
        if let Ok(wanted) = serde_json::from_str::<String>(&string) {
            prop_assert_eq!(request.get("Operation").unwrap().as_text().unwrap(), wanted);
            prop_assert_eq!(request.replaced_characters(), 0);
        } else {
            prop_assert!(request.replaced_characters() > 0);
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,80}", cut in 0..200usize) {
        let _ = Request::from_json(&text);
        let document = with(r#""RequestParameter":[{"PropertyName":"a","Value":"\ud83d\ude00é"}],"ManagementPolicy":{}"#);
        if let Some(part) = document.get(..cut) {
            prop_assert!(Request::from_json(part).is_err() || part.len() == document.len());
            let lenient = ParseOptions::default().allow_control_characters(true);
            let _ = Request::from_json_with(part, &lenient);
        }
    }
}

/// The document written anew from its members.
fn serde_json_free_copy(request: &Request<'_>) -> String {
    let members: Vec<_> = request
        .members()
        .map(|(key, value)| format!("{}:{}", quoted(&key), value.raw()))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

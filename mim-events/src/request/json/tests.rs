//! The pass over a document beside `serde_json`, and the walk beside a slow one.

use std::ops::Range;

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::{Invalid, Valid, Value, ValueKind, unescape, validate};

/// What `serde_json` says: nothing, or line and column.
fn oracle(text: &str) -> Result<(), (usize, usize)> {
    match serde_json::from_str::<&RawValue>(text) {
        Ok(_) => Ok(()),
        Err(error) => Err((error.line(), error.column())),
    }
}

/// The same of the own pass.
fn own(text: &str) -> Result<(), (usize, usize)> {
    validate(text, "", |_| {})
        .map(drop)
        .map_err(|Invalid(read)| {
            let read = &text.as_bytes()[..read];
            let column = read.iter().rev().take_while(|byte| **byte != b'\n').count();
            (
                1 + read.iter().filter(|byte| **byte == b'\n').count(),
                column,
            )
        })
}

#[track_caller]
fn agree(text: &str) {
    assert_eq!(own(text), oracle(text), "{text:?}");
}

/// The members of the top level, as the pass meets them.
fn members(text: &str) -> Vec<(Range<usize>, Range<usize>)> {
    let mut found = Vec::new();
    validate(text, "", |member| found.push((member.key, member.value))).unwrap();
    found
}

fn measured(text: &str) -> Valid {
    validate(text, "", |_| {}).unwrap()
}

/// A number, word, string or half of one, in all forms that the grammar tells apart.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => r#"[\[\]{}:,"]"#,
        2 => r"[ \t\r\n]",
        2 => prop::sample::select(vec![
            "true", "false", "null", "nul", "0", "-", "1.", "1e", "-0.5E+10", "01", "12",
            r#""""#, r#""a""#, r#""a":"b""#, r#","a":"b""#, r#"":""#, r#"",""#, r"\u", "\u{1}", "\0",
            r#""\ud83d\ude00""#, r#""\ud83d""#, r#""\udc00""#, r#""\\""#, r#""\x""#, r#""\u12""#,
            r#""\"""#, "é", "\u{1F600}", "\u{7F}", "\u{2028}",
        ]).prop_map(str::to_owned),
        1 => "[a-zA-Zé]{0,70}".prop_map(|text| format!("\"{text}\"")),
    ]
}

/// Any JSON, with and without blanks.
fn document(depth: u32) -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
        string(),
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    let blank = || prop::sample::select(vec!["", "", "", " ", "\n", "\r\n\t "]);
    let element = (blank(), document(depth - 1), blank());
    let member = (
        blank(),
        string(),
        blank(),
        blank(),
        document(depth - 1),
        blank(),
    );
    prop_oneof![
        2 => leaf,
        1 => prop::collection::vec(element, 0..6).prop_map(|items| {
            let items: Vec<_> = items.iter().map(|(a, item, b)| format!("{a}{item}{b}")).collect();
            format!("[{}]", items.join(","))
        }),
        2 => prop::collection::vec(member, 0..6).prop_map(|members| {
            let members: Vec<_> = members
                .iter()
                .map(|(a, key, b, c, value, d)| format!("{a}{key}{b}:{c}{value}{d}"))
                .collect();
            format!("{{{}}}", members.join(","))
        }),
    ]
    .boxed()
}

fn string() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => r#"[^"\\\x00-\x1f]{0,40}"#,
        1 => r#"[{}\[\],:]{1,8}"#,
        1 => r#"\\["\\/bfnrt]"#,
        1 => r"\\u[0-9a-fA-F]{4}",
        1 => r"\\u[dD][89a-fA-F][0-9a-f]{2}",
    ];
    prop::collection::vec(part, 0..4).prop_map(|parts| format!("\"{}\"", parts.concat()))
}

/// An object of members with keys that are `Id` in some spelling, or nearly.
fn with_ids(depth: u32) -> BoxedStrategy<String> {
    let key = prop::sample::select(vec![
        r#""Id""#,
        r#""iD""#,
        r#""I\u0064""#,
        r#""\u0049\u0044""#,
        r#""Ix""#,
        r#""Idx""#,
        r#""I\n""#,
        r#""""#,
        r#""Name""#,
    ]);
    let value = match depth {
        0 => string().boxed(),
        _ => prop_oneof![
            4 => string(),
            1 => document(1),
            2 => with_ids(depth - 1),
            1 => with_ids(depth - 1).prop_map(|object| format!("[{object}]")),
        ]
        .boxed(),
    };
    let blank = || prop::sample::select(vec!["", "", "", "", " "]);
    prop::collection::vec((key, blank(), blank(), value), 0..8)
        .prop_map(|members| {
            let members: Vec<_> = members
                .iter()
                .map(|(key, a, b, value)| format!("{a}{key}{b}:{b}{value}{a}"))
                .collect();
            format!("{{{}}}", members.join(","))
        })
        .boxed()
}

/// Where the items of an array or object are, by a reader that looks at every byte.
fn slow_items(text: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let (mut depth, mut quoted, mut escaped, mut start) = (0, false, false, 1);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        let ends = depth == 0 || depth == 1 && byte == b',' && !quoted;
        if ends && at > 0 {
            items.push(text[start..at].trim());
            start = at + 1;
        }
    }
    items.retain(|item| !item.is_empty());
    items
}

/// Checks a valid value against the slow reader, and everything below it.
fn check_walk(text: &str) {
    let value = Value::from_valid(text);
    match value.kind() {
        ValueKind::Array => {
            let found: Vec<_> = value.elements().map(Value::raw).collect();
            assert_eq!(found, slow_items(text));
            found.into_iter().for_each(check_walk);
        }
        ValueKind::Object => {
            let object = value.as_object().unwrap();
            let found: Vec<_> = object.members().collect();
            let wanted = slow_items(text);
            assert_eq!(found.len(), wanted.len());
            for ((key, value), wanted) in found.iter().zip(wanted) {
                assert!(wanted.ends_with(value.raw()), "{wanted} {}", value.raw());
                let written = wanted[..wanted.len() - value.raw().len()].trim_end();
                let written = written.strip_suffix(':').unwrap().trim_end();
                assert_eq!(*key, unescape(&written[1..written.len() - 1]));
                let last = found
                    .iter()
                    .rfind(|(other, _)| other.eq_ignore_ascii_case(key));
                assert_eq!(
                    object.get(key).map(Value::raw),
                    last.map(|(_, value)| value.raw())
                );
                check_walk(value.raw());
            }
        }
        _ => {}
    }
}

#[test]
fn agrees_on_what_the_grammar_tells_apart() {
    for text in [
        "",
        " ",
        "\n",
        "x",
        "1 2",
        "{}}",
        "[]]",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\":1,}",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{1:1}",
        "{\"a\" 1}",
        "[1}",
        "{\"a\":1]",
        "[",
        "{",
        "[[",
        "{\"a\":[",
        "{\"a\":{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "[1",
        "\"",
        "\"a",
        "\"\\",
        "\"\\u",
        "\"\\u1",
        "\"\\u12g4\"",
        "\"\\u+123\"",
        "\"\\u123\"",
        "\"\\a\"",
        "\"\\é\"",
        "\"a\nb\"",
        "\"\t\"",
        "\"a\0\"",
        "-",
        "-x",
        "-01",
        "00",
        "0.",
        "0.x",
        "1.5e",
        "1e+",
        "1e+x",
        "1ee",
        ".5",
        "+1",
        "1_",
        "0x1",
        "tru",
        "trux",
        "t",
        "truee",
        "nul\n",
        "\nnull\nx",
        "fals",
        "{\"a\":1}\n\n x",
        "\u{FEFF}1",
        "{\"a\":\"b\",\"c\":\"d\",}",
        "{\"a\":\"b\",\"c\",\"d\"}",
        "[\"a\",\"b\",]",
        "[\"a\",\"b\":\"c\"]",
        "{\"a\":{\"a\":\"b\",\"c\":\"d\n\"}}",
        "{\"a\":{\"a\":\"b\",\"c\n\":\"d\"}}",
    ] {
        agree(text);
        for (at, _) in text.char_indices() {
            agree(&text[..at]);
        }
    }
}

#[test]
fn blocks_end_anywhere() {
    // Whatever matters stands once at each place of a block, and the text ends there.
    for length in 0..140 {
        let run = "x".repeat(length);
        for tail in [
            "\"",
            "\\\"\"",
            "\\\\\"",
            "\\u00e9\"",
            "\u{1}\"",
            "é\"",
            "",
            "\\",
            "\",\"b\":\"\"}",
            "\":\"a\"",
        ] {
            agree(&format!("\"{run}{tail}"));
            agree(&format!("{{\"{run}{tail}"));
            agree(&format!("{{\"a\":[{{\"a\":\"{run}{tail}"));
        }
        let text =
            format!(r#"{{"{run}":["{run}\\",{{"a{run}":"]}}\"{run}"}},[]],"b" : {length}}}"#);
        agree(&text);
        check_walk(&text);
        assert_eq!(members(&text).len(), 2);
    }
}

#[test]
fn depth_is_measured_and_costs_no_stack() {
    assert_eq!(measured("1").depth, 0);
    assert_eq!(measured("[]").depth, 1);
    assert_eq!(measured(r#"{"a":[{"b":1},[[2]]]}"#).depth, 4);
    for depth in [63, 64, 65, 127, 128, 129, 200_000] {
        // Objects and arrays by turns, to see that each level is closed by its own bracket.
        let open: String = (0..depth)
            .map(|level| if level % 3 == 0 { "{\"\":" } else { "[" })
            .collect();
        let close: String = (0..depth)
            .rev()
            .map(|level| if level % 3 == 0 { '}' } else { ']' })
            .collect();
        let text = format!("{open}1{close}");
        assert_eq!(measured(&text).depth, depth);
        agree(&text);
        agree(&format!("{open}1{}", &close[..close.len() - 1]));
        agree(&format!("{open}1]{close}"));
        agree(&format!("{open}1}}{close}"));
        agree(&open);
    }
}

#[test]
fn long_runs_of_anything() {
    // Each would take forever if some place were gone back to.
    for run in [
        "\\\\", "\\u00e9", "\\ud83d", "{\"\":", "[", "[],", "\"\",", "0", " ", "\n", "}", "\\\"",
    ] {
        let run = run.repeat(100_000);
        for text in [
            run.clone(),
            format!("\"{run}\""),
            format!("[{run}0]"),
            format!("{{\"{run}\":[\"{run}\"]}}"),
        ] {
            agree(&text);
            if own(&text).is_ok() {
                let value = Value::from_valid(&text);
                assert_eq!(value.items().count(), slow_items_of(value));
            }
        }
    }
}

/// How many items a value has, by the slow reader.
fn slow_items_of(value: Value<'_>) -> usize {
    match value.kind() {
        ValueKind::Array => slow_items(value.raw()).len(),
        _ => usize::from(!value.is_none()),
    }
}

#[test]
fn halves_of_pairs_are_counted() {
    for (text, halves) in [
        (r#""\ud83d\ude00""#, 0),
        (r#""\ud83d""#, 1),
        (r#""\ude00\ud83d""#, 2),
        (r#""\ud83d\ud83d\ude00""#, 1),
        (r#""\ud83d\n\ude00""#, 2),
        (r#""\ud83dx\ude00""#, 2),
        (r#"["\ud83d","\ude00"]"#, 2),
        (r#"{"\ud83d":"\\ude00"}"#, 1),
        (r#""\uD83D\uDE00\u00e9""#, 0),
    ] {
        assert_eq!(measured(text).halves, halves, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn agrees_on_documents_and_what_damage_makes_of_them(
        text in document(4), at in any::<prop::sample::Index>(), byte in any::<u8>(), printable in r#"[\[\]{}:,"\\0-9eE.+\- \ntu]"#,
    ) {
        prop_assert_eq!(own(&text), Ok(()));
        agree(&text);
        check_walk(&text);
        let halves = text.matches("\\u").count();
        prop_assert!(measured(&text).halves <= halves);
        let at = at.index(text.len());
        if let Some(cut) = text.get(..at) {
            agree(cut);
        }
        for byte in [byte, printable.as_bytes()[0]] {
            let mut damaged = text.clone().into_bytes();
            damaged[at] = byte;
            if let Ok(damaged) = String::from_utf8(damaged) {
                agree(&damaged);
            }
            let mut longer = text.clone().into_bytes();
            longer.insert(at, byte);
            if let Ok(longer) = String::from_utf8(longer) {
                agree(&longer);
            }
        }
        let mut shorter = text.into_bytes();
        shorter.remove(at);
        if let Ok(shorter) = String::from_utf8(shorter) {
            agree(&shorter);
        }
    }

    #[test]
    fn agrees_on_any_pieces(pieces in prop::collection::vec(piece(), 0..24)) {
        agree(&pieces.concat());
    }

    #[test]
    fn meets_the_members_of_the_top_level(text in document(3)) {
        let found: Vec<_> = members(&text).into_iter().map(|(key, value)| (unescape(&text[key]), &text[value])).collect();
        let object = Value::from_valid(&text).as_object();
        let wanted = object.into_iter().flat_map(|object| object.members());
        let wanted: Vec<_> = wanted.map(|(key, value)| (key, value.raw())).collect();
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn the_key_looked_for_is_the_one_that_reading_finds(text in with_ids(3)) {
        let mut found = Vec::new();
        validate(&text, "ID", |member| {
            let quote = member.inner.end.saturating_sub(member.value.start);
            found.push((member.value, quote));
        }).unwrap();
        for (value, quote) in found {
            let value = Value::from_valid(&text[value]);
            let Some(object) = value.as_object() else {
                prop_assert_eq!(quote, 0);
                continue;
            };
            let wanted = object.get("iD").map(Value::raw);
            let direct = (quote > 0).then(|| object.value_behind(quote).unwrap().raw());
            prop_assert_eq!(direct.map(str::as_ptr), wanted.map(str::as_ptr));
            prop_assert_eq!(direct, wanted);
        }
    }

    #[test]
    fn halves_are_what_reading_replaces(text in string()) {
        // Texts without U+FFFD of their own.
        let text = text.replace('\u{FFFD}', "").replace("\\ufffd", "").replace("\\uFFFD", "");
        prop_assume!(!text.to_lowercase().contains("\\ufffd"));
        let read = unescape(&text[1..text.len() - 1]);
        prop_assert_eq!(measured(&text).halves, read.matches('\u{FFFD}').count());
    }
}

//! Tests of single options; what filters find is tested from outside.

use proptest::prelude::*;

use super::*;
use crate::activity::columns;
use crate::query::Query;

fn binds(expr: Expr) {
    Query::new().filter(expr).bind(&columns::schema()).unwrap();
}

fn message(text: &str) -> String {
    filter(text).unwrap_err().to_string()
}

/// A condition of every property with every operator, by the name of its variable.
fn conditions() -> Vec<String> {
    let mut all: Vec<String> = ["eq", "ne", "gt", "ge", "lt", "le"]
        .map(|operator| format!("activityDateTime {operator} 2026-03-02T08:15:09.5Z"))
        .into();
    all.push("activityDateTime in (2026-03-02, 2026-03-03)".to_owned());
    let ids = [
        "id",
        "correlationId",
        "initiatedBy/user/id",
        "initiatedBy/app/appId",
    ];
    let texts = [
        "activityDisplayName",
        "category",
        "loggedByService",
        "operationType",
        "result",
        "initiatedBy/user/displayName",
        "initiatedBy/user/userPrincipalName",
        "initiatedBy/app/displayName",
        "initiatedBy/app/appDisplayName",
    ];
    let mut of = |property: &str, is_id: bool, wrap: &dyn Fn(String) -> String| {
        for form in [
            "{} eq 'a'",
            "{} ne 'a'",
            "{} in ('a', 'b')",
            "{} eq null",
            "'a' ne {}",
        ] {
            all.push(wrap(form.replace("{}", property)));
        }
        for function in ["startswith", "endswith", "contains"] {
            if !is_id {
                all.push(wrap(format!("{function}({property}, 'a') eq false")));
            }
        }
    };
    ids.iter().for_each(|id| of(id, true, &|text| text));
    texts.iter().for_each(|text| of(text, false, &|text| text));
    let any = |text: String| format!("targetResources/any(t: {text})");
    of("t/id", true, &any);
    of("t/displayName", false, &any);
    of("t/userPrincipalName", false, &any);
    all
}

#[test]
fn every_condition_binds_however_deep_it_stands() {
    for condition in conditions() {
        let mut text = condition.clone();
        let mut levels = 0;
        // Each round is an `and`, an `or` and a `not`.
        while let Ok(expr) = filter(&text) {
            binds(expr);
            levels += 1;
            text = format!("not (category eq 'a' or id eq 'b' and ({text}))");
        }
        assert_eq!(
            message(&text).split(" at ").next(),
            Some("Invalid filter clause: it is nested too deep"),
            "{text}"
        );
        assert!(levels > 3, "{condition}: {levels}");
    }
}

#[test]
fn parentheses_are_limited() {
    let nested = |open: usize| format!("{}id eq 'a'{}", "(".repeat(open), ")".repeat(open));
    binds(filter(&nested(40)).unwrap());
    let error = filter(&nested(41)).unwrap_err();
    assert_eq!(*error.kind(), ODataErrorKind::TooDeep);
    assert_eq!(error.position(), 41);
    assert!(filter(&"(".repeat(8000)).is_err());
    assert!(filter(&"not ".repeat(2000)).is_err());
}

#[test]
fn a_long_filter_is_refused_before_it_is_read() {
    let long = format!("id eq '{}'", "a".repeat(9000));
    assert_eq!(
        message(&long),
        "Invalid filter clause: it is longer than 8192 bytes."
    );
    let many = ["id eq 'a'"; 500].join(" or ");
    binds(filter(&many).unwrap());
}

#[test]
fn errors_name_what_is_expected_and_where() {
    for (text, expected) in [
        ("", "expected a condition at position 0."),
        ("category", "expected an operator at position 8."),
        ("category like 'a'", "expected an operator at position 9."),
        ("category eq", "expected a literal at position 11."),
        ("category eq Policy", "expected a literal at position 12."),
        (
            "category eq 'a",
            "expected a text that ends with a quote at position 12.",
        ),
        (
            "category eq 'a' category eq 'b'",
            "expected `and`, `or` or the end at position 16.",
        ),
        ("(category eq 'a'", "expected `)` at position 16."),
        (
            "category eq 2026-03-02",
            "expected a text in quotes at position 12.",
        ),
        (
            "activityDateTime ge 'yesterday'",
            "expected a date or a time at position 20.",
        ),
        (
            "activityDateTime ge 2026-02-30",
            "expected a date, a time or a GUID at position 20.",
        ),
        (
            "activityDateTime gt null",
            "this operator for this property is not supported at position 17.",
        ),
        (
            "category gt 'a'",
            "this operator for this property is not supported at position 9.",
        ),
        (
            "startswith(id,'a')",
            "a text function of this property is not supported at position 11.",
        ),
        (
            "startswith(category,null)",
            "expected a text at position 20.",
        ),
        ("startswith(category 'a')", "expected `,` at position 20."),
        (
            "startswith('a',category)",
            "expected a property at position 11.",
        ),
        (
            "startswith(category,'a') eq 'a'",
            "expected `true` or `false` at position 28.",
        ),
        (
            "tolower(category) eq 'a'",
            "An unknown function with name 'tolower' was found.",
        ),
        ("category in 'a'", "expected `(` at position 12."),
        ("category in ('a'", "expected `,` or `)` at position 16."),
        (
            "category in (null)",
            "expected a text, a date or a time at position 13.",
        ),
        ("'a' in (category)", "expected a property at position 0."),
        ("'a' eq 'b'", "expected a property at position 7."),
        (
            "resultReason eq 'a'",
            "filtering by this property is not supported at position 0.",
        ),
        (
            "targetResources/any(t:t/type eq 'User')",
            "filtering by this property is not supported at position 22.",
        ),
        (
            "targetResources/any(t t/id eq 'a')",
            "expected `:` at position 22.",
        ),
        (
            "targetResources/all()",
            "expected a variable at position 20.",
        ),
        (
            "additionalDetails/any(d:d/key eq 'a')",
            "`any` or `all` of this property is not supported at position 0.",
        ),
        (
            "category eq 'a' # b",
            "expected a property, an operator or a literal at position 16.",
        ),
    ] {
        assert_eq!(
            message(text),
            format!("Invalid filter clause: {expected}"),
            "{text}"
        );
    }
    for (text, name) in [
        ("targetResources/any(t:t/upn eq 'a')", "upn"),
        (
            "targetResources/any(t:t/targetResources/any(u:u/id eq 'a'))",
            "targetResources",
        ),
    ] {
        let expected = "on type 'microsoft.graph.targetResource'.";
        let expected = format!("Could not find a property named '{name}' {expected}");
        assert_eq!(message(text), expected);
    }
}

#[test]
fn an_error_never_shows_a_literal() {
    for text in [
        "category eq 'kim@harbor.example",
        "category gt 'kim@harbor.example'",
        "initiatedBy/user/upn eq 'kim@harbor.example'",
        "activityDateTime ge 'kim@harbor.example'",
        "lower('kim@harbor.example') eq 'x'",
    ] {
        let error = filter(text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("kim@"), "{text}");
    }
}

#[test]
fn orders() {
    for (text, order) in [
        ("activityDateTime", Order::OldestFirst),
        ("activityDateTime asc", Order::OldestFirst),
        (" ACTIVITYDATETIME+desc ", Order::NewestFirst),
    ] {
        assert_eq!(order_by(text), Ok(order), "{text}");
    }
    for (text, message) in [
        (
            "",
            "Invalid orderby clause: expected a property at position 0.",
        ),
        (
            "category",
            "Invalid orderby clause: ordering by this property is not supported at position 0.",
        ),
        (
            "initiatedBy/user",
            "Invalid orderby clause: ordering by this property is not supported at position 0.",
        ),
        (
            "time",
            "Could not find a property named 'time' on type 'microsoft.graph.directoryAudit'.",
        ),
        (
            "activityDateTime up",
            "Invalid orderby clause: expected `asc`, `desc` or the end at position 17.",
        ),
        (
            "activityDateTime desc, id",
            "Invalid orderby clause: expected `asc`, `desc` or the end at position 21.",
        ),
    ] {
        assert_eq!(order_by(text).unwrap_err().to_string(), message, "{text}");
    }
}

/// Texts of the pieces that the language is made of, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "(",
        ")",
        ",",
        ":",
        "'",
        "''",
        " ",
        "+",
        "and",
        "or",
        "not ",
        "eq",
        "ne",
        "ge",
        "in",
        "null",
        "true",
        "startswith(",
        "contains(",
        "targetResources/any(t:",
        "t/displayName",
        "category",
        "id",
        "activityDateTime",
        "initiatedBy/user/id",
        "'a'",
        "2026-03-02",
        "2026-03-02T08:15:09Z",
        "2026-03-02T08:15:09 01:00",
        "ab0e0c1d-0000-4000-8000-0000000000ff",
        "\u{0}",
        "ü",
        "/",
        ".",
        "-",
        "9999-12-31T23:59:59.999999999Z",
        "0000-01-01",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.join(" "))
}

proptest! {
    #[test]
    fn any_text_is_a_filter_that_binds_or_an_error_within_it(text in prop_oneof![pieces(), ".*"]) {
        match filter(&text) {
            Ok(expr) => binds(expr),
            Err(error) => {
                prop_assert!(text.is_char_boundary(error.position()));
                prop_assert!(!error.to_string().is_empty());
            }
        }
        if let Err(error) = order_by(&text) {
            prop_assert!(text.is_char_boundary(error.position()));
        }
        binds(id(&text));
    }
}

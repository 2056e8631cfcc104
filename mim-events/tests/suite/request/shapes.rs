//! The shapes that break naive parsers, one test each.

use mim_events::ErrorKind;
use mim_events::request::{
    DisplayName, Mode, Operation, ParseOptions, Reference, Request, ValueKind, parse_guid,
};
use mim_events::time::DateOrder;

use super::{at, fails, parse, with};

#[test]
fn shape_01_one_instead_of_many() {
    for (json, count) in [
        (r#""ManagementPolicy":{"DisplayName":"Rule A"}"#, 1),
        (
            r#""ManagementPolicy":[{"DisplayName":"Rule A"},{"DisplayName":"Rule B","GrantRight":"1"}]"#,
            2,
        ),
    ] {
        let text = with(json);
        let request = parse(&text);
        assert_eq!(request.policies().count(), count);
        assert_eq!(
            request.policies().next().unwrap().display_name().unwrap(),
            "Rule A"
        );
    }
}

#[test]
fn shape_02_empty_many() {
    for none in [r#"[]"#, r#""""#, "null", "[ ]"] {
        let text = with(&format!(
            r#""ActionWorkflowInstance":{none},"Operation":"Put""#
        ));
        assert_eq!(parse(&text).action_workflows().count(), 0, "{none}");
    }
}

#[test]
fn shape_03_scalar_one_or_many() {
    let text =
        with(r#""ManagementPolicy":[{"ActionType":"Modify"},{"ActionType":["Add","Remove"]}]"#);
    let counts: Vec<_> = parse(&text)
        .policies()
        .map(|policy| policy.action_types().count())
        .collect();
    assert_eq!(counts, [1, 2]);
}

#[test]
fn shape_04_actor_as_internal_key() {
    for creator in [r#""2731""#, "2731"] {
        let text = with(&format!(r#""Creator":{creator}"#));
        let creator = parse(&text)
            .creator()
            .map(|creator| (creator.id(), creator.key().unwrap().into_owned()));
        assert_eq!(creator, Some((None, "2731".to_owned())));
    }
}

#[test]
fn shape_05_target_as_guid() {
    let text = with(r#""Target":"3f0a9d52-7c1e-4d1b-b0a4-5b0c2b1f9e77","Operation":"Delete""#);
    let request = parse(&text);
    assert_eq!(
        request.target(),
        Some(Reference::Id(
            parse_guid("3F0A9D527C1E4D1BB0A45B0C2B1F9E77").unwrap()
        ))
    );
}

#[test]
fn shape_06_no_target() {
    let text = with(r#""Operation":"Create","RequestStatus":"Failed""#);
    assert!(parse(&text).target().is_none());
}

#[test]
fn shape_07_blank_type() {
    let text =
        with(r#""TargetObjectType":"","DisplayName":"Delete Group:  'Night Shift' Request""#);
    let request = parse(&text);
    assert!(request.target_object_type().is_none());
    let name = request.display_name().unwrap();
    let name = DisplayName::parse(&name).unwrap();
    assert_eq!((name.object_type, name.name), ("Group", "Night Shift"));
}

#[test]
fn shape_08_key_case() {
    let text = with(
        r#""RequestParameter":[{"Propertyname":"Owner"},{"PropertyName":"Owner"},{"propertyNAME":"Owner"}]"#,
    );
    assert!(
        parse(&text)
            .parameters()
            .all(|parameter| parameter.property().unwrap() == "Owner")
    );
}

#[test]
fn shape_09_value_kinds() {
    let values = [
        (r#""Value":"7""#, Some(ValueKind::Text)),
        (r#""Value":{"ObjectID":"7"}"#, Some(ValueKind::Object)),
        (r#""Value":null"#, Some(ValueKind::Null)),
        (r#""Mode":"Modify""#, None),
        (r#""Value":7"#, Some(ValueKind::Number)),
        (r#""Value":true"#, Some(ValueKind::Bool)),
        (r#""Value":["a"]"#, Some(ValueKind::Array)),
    ];
    for (item, kind) in values {
        let text = with(&format!(
            r#""RequestParameter":{{"PropertyName":"A",{item}}}"#
        ));
        let request = parse(&text);
        let parameter = request.parameters().next().unwrap();
        assert_eq!(parameter.value().map(|value| value.kind()), kind, "{item}");
        if let Some(value) = parameter.value() {
            assert_eq!(
                format!(r#""Value":{}"#, value.raw()),
                item,
                "kept as it was written"
            );
        }
    }
}

#[test]
fn shape_10_json_in_a_text() {
    let text = with(r#""RequestParameter":{"Value":"[{\"DisplayName\":\"Dana Okafor\"}]"}"#);
    let request = parse(&text);
    let value = request
        .parameters()
        .next()
        .unwrap()
        .value_text()
        .unwrap()
        .into_owned();
    assert_eq!(value, r#"[{"DisplayName":"Dana Okafor"}]"#);
}

#[test]
fn shape_11_booleans() {
    let text = with(
        r#""ManagementPolicy":{"Disabled":"0","GrantRight":1},"RequestParameter":[{"Calculated":"True"},{"Calculated":true},{"Calculated":"maybe"}]"#,
    );
    let request = parse(&text);
    let policy = request.policies().next().unwrap();
    assert_eq!(
        (policy.disabled(), policy.grant_right()),
        (Some(false), Some(true))
    );
    let calculated: Vec<_> = request
        .parameters()
        .map(|parameter| parameter.calculated())
        .collect();
    assert_eq!(calculated, [true, true, false]);
}

#[test]
fn shape_12_other_time_forms() {
    let text = with(r#""CreatedTime":"3/4/2021 7:05:09 AM""#);
    assert_eq!(parse(&text).created(), at("2021-03-04T07:05:09Z"));
    let day_first = ParseOptions::default().date_order(DateOrder::DayFirst);
    assert_eq!(
        Request::from_json_with(&text, &day_first)
            .unwrap()
            .created(),
        at("2021-04-03T07:05:09Z")
    );

    let text = with(r#""CommittedTime":"16.11.2022 16:24:03""#);
    assert!(matches!(
        fails(&text),
        ErrorKind::Time {
            field: "CommittedTime",
            ..
        }
    ));
    assert_eq!(
        Request::from_json_with(&text, &day_first)
            .unwrap()
            .committed(),
        at("2022-11-16T16:24:03Z")
    );

    for unclear in [r#""soon""#, "12", "{}", r#"["3/4/2021"]"#] {
        let text = with(&format!(r#""ExpirationTime":{unclear}"#));
        assert!(
            matches!(
                fails(&text),
                ErrorKind::Time {
                    field: "ExpirationTime",
                    ..
                }
            ),
            "{unclear}"
        );
    }
}

#[test]
fn shape_13_no_time() {
    let text = with(r#""msidmCompletedTime":"0001-01-01 00:00:00.000","CreatedTime":null"#);
    assert_eq!(
        (parse(&text).completed(), parse(&text).created()),
        (None, None)
    );
}

#[test]
fn shape_14_missing_time() {
    let text = with(r#""RequestStatus":"Denied","CreatedTime":"2019-12-17 01:19:42.633""#);
    let request = parse(&text);
    assert_eq!(
        (request.committed(), request.created()),
        (None, at("2019-12-17T01:19:42.633Z"))
    );
}

#[test]
fn shape_15_nasty_names() {
    let name = DisplayName::parse("Update to Group:  'Bob's: 'A' team' Request").unwrap();
    assert_eq!(name.name, "Bob's: 'A' team");
}

#[test]
fn shape_16_odd_blanks_and_other_verbs() {
    assert_eq!(
        DisplayName::parse("Create  Person: 'X' Request")
            .unwrap()
            .object_type,
        "Person"
    );
    let text = with(r#""DisplayName":"Personne « X » créée""#);
    let request = parse(&text);
    assert!(DisplayName::parse(&request.display_name().unwrap()).is_none());
}

#[test]
fn shape_17_mode_names() {
    let text = with(r#""RequestParameter":[{"Mode":"Insert"},{"Mode":"modify"},{"Mode":""},{}]"#);
    let request = parse(&text);
    let modes: Vec<_> = request
        .parameters()
        .map(|parameter| parameter.mode())
        .collect();
    assert_eq!(modes, [Some(Mode::INSERT), Some(Mode::MODIFY), None, None]);
}

#[test]
fn shape_18_parent_as_object() {
    let text = with(r#""ParentRequest":{"HybridObjectID":"3f0a9d52-7c1e-4d1b-b0a4-5b0c2b1f9e77"}"#);
    assert_eq!(
        parse(&text).parent().unwrap().id(),
        parse_guid("3f0a9d52-7c1e-4d1b-b0a4-5b0c2b1f9e77")
    );
}

#[test]
fn shape_19_unknown_words() {
    let text = with(r#""RequestStatus":"Paused","Operation":"Merge""#);
    let request = parse(&text);
    assert_eq!(
        (request.status().as_str(), request.operation().as_str()),
        ("Paused", "Merge")
    );
    assert!(!request.status().is_known() && !request.status().is_final());
}

#[test]
fn shape_20_duplicate_keys() {
    let text = with(r#""DisplayName":"a","displayname":"b""#);
    let request = parse(&text);
    assert_eq!(request.display_name().unwrap(), "b");
    assert_eq!(request.get("DISPLAYNAME").unwrap().as_text().unwrap(), "b");
    let kept: Vec<_> = request
        .members()
        .skip(2)
        .map(|(_, value)| value.raw().to_owned())
        .collect();
    assert_eq!(kept, [r#""a""#, r#""b""#]);
}

#[test]
fn shape_21_not_json() {
    for (text, column) in [
        (r#"{"DisplayName":"x",}"#, 20),
        (r#"{""DisplayName"":""x""}"#, 4),
        (r#""Creator":{},"Operation":"Put""#, 10),
        (r#"{"Operation":"Put"},{"Operation":"Put"}"#, 20),
    ] {
        let error = Request::from_json(text).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Json);
        assert_eq!(
            (error.line(), error.column()),
            (Some(1), Some(column)),
            "{text}"
        );
    }
}

#[test]
fn shape_22_byte_order_mark_nul_and_blanks() {
    let text = "\u{FEFF} \r\n{\"Operation\":\"Put\"} \u{0}\u{0}";
    let request = parse(text);
    assert_eq!(request.operation(), Operation::PUT);
    assert_eq!(request.as_json(), text);
    let error = Request::from_json("\u{FEFF}\r\n {\"Operation\":x}").unwrap_err();
    assert_eq!(
        (error.line(), error.column()),
        (Some(2), Some(15)),
        "places are those of the whole text"
    );
}

#[test]
fn shape_23_raw_control_characters() {
    let text = with("\"Description\":\"a\nb\tc\\\\\u{1}\"");
    assert_eq!(fails(&text), ErrorKind::Json);
    let lenient = ParseOptions::default().allow_control_characters(true);
    let request = Request::from_json_with(&text, &lenient).unwrap();
    assert_eq!(
        request.get("Description").unwrap().as_text().unwrap(),
        "a\nb\tc\\\u{1}"
    );
    let clean = with("\n\"Operation\":\"Put\"");
    assert_eq!(
        Request::from_json_with(&clean, &lenient).unwrap().as_json(),
        clean
    );
}

#[test]
fn shape_24_escapes_that_a_cut_halved_are_an_error_until_joined() {
    let text = with(r#""DisplayName":"N\u00e9e""#);
    assert_eq!(parse(&text).display_name().unwrap(), "Née");
    let cut = text.find("e9").unwrap();
    assert_eq!(fails(&text[..cut]), ErrorKind::Json);
}

#[test]
fn shape_25_half_a_surrogate() {
    let text = with(r#""DisplayName":"x\ud83d","Justification":"\ud83d\ude00 \ude00","K\udfff":1"#);
    let request = parse(&text);
    assert_eq!(request.display_name().unwrap(), "x\u{FFFD}");
    assert_eq!(request.justification().unwrap(), "\u{1F600} \u{FFFD}");
    assert_eq!(request.replaced_characters(), 3);
    assert_eq!(request.members().last().unwrap().0, "K\u{FFFD}");
}

#[test]
fn shape_29_big() {
    let long = with(&format!(r#""Description":"{}""#, "x".repeat(2 << 20)));
    assert_eq!(
        parse(&long).get("description").unwrap().raw().len(),
        (2 << 20) + 2
    );
    let small = ParseOptions::default().max_bytes(1 << 20);
    let error = Request::from_json_with(&long, &small).unwrap_err();
    assert!(matches!(
        error.kind(),
        ErrorKind::Limit {
            what: "document bytes",
            limit: 0x10_0000,
            ..
        }
    ));

    let many = with(&format!(
        r#""RequestParameter":[{}]"#,
        vec!["{}"; 20_000].join(",")
    ));
    assert_eq!(parse(&many).parameters().count(), 20_000);
    let error = Request::from_json_with(&many, &ParseOptions::default().max_parameters(19_999))
        .unwrap_err();
    assert_eq!(
        error.kind(),
        &ErrorKind::Limit {
            what: "request parameters",
            actual: 20_000,
            limit: 19_999
        }
    );

    let deep = |depth: usize| {
        with(&format!(
            r#""A":{}{}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        ))
    };
    parse(&deep(127));
    assert_eq!(
        fails(&deep(200)),
        ErrorKind::Limit {
            what: "nesting depth",
            actual: 201,
            limit: 128
        }
    );
    assert_eq!(
        fails(&deep(100_000)),
        ErrorKind::Limit {
            what: "nesting depth",
            actual: 100_001,
            limit: 128
        }
    );
}

#[test]
fn shape_30_nasty_characters_stay() {
    let text =
        with("\"Target\":{\"DisplayName\":\"\\u202Efdp.exe\",\"AccountName\":\"=HYPERLINK(1)\"}");
    let target = parse(&text).target().map(|t| {
        (
            t.display_name().unwrap().into_owned(),
            t.text().into_owned(),
        )
    });
    assert_eq!(
        target,
        Some(("\u{202E}fdp.exe".to_owned(), "=HYPERLINK(1)".to_owned()))
    );
}

#[test]
fn shape_31_case_of_type_and_guid_forms() {
    let text =
        with(r#""TargetObjectType":"person","Target":"{3F0A9D52-7C1E-4D1B-B0A4-5B0C2B1F9E77}""#);
    let request = parse(&text);
    assert_eq!(request.target_object_type().unwrap(), "person");
    assert_eq!(
        request.target().unwrap().id(),
        parse_guid("3f0a9d527c1e4d1bb0a45b0c2b1f9e77")
    );
}

#[test]
fn shape_32_parameters_without_a_name() {
    let text = with(r#""RequestParameter":{"Calculated":"false","Operation":"Delete"}"#);
    let request = parse(&text);
    let parameter = request.parameters().next().unwrap();
    assert!(parameter.property().is_none() && parameter.value().is_none());
    assert_eq!(parameter.operation(), Operation::DELETE);
}

#[test]
fn shape_33_added_and_removed() {
    let item = |mode| {
        format!(
            r#"{{"PropertyName":"ExplicitMember","Mode":"{mode}","Value":"5d0c0000-0000-4000-8000-000000000001"}}"#
        )
    };
    let text = with(&format!(
        r#""RequestParameter":[{},{}]"#,
        item("Add"),
        item("Remove")
    ));
    let modes: Vec<_> = parse(&text)
        .parameters()
        .map(|p| p.mode().unwrap().as_str().to_owned())
        .collect();
    assert_eq!(modes, ["Add", "Remove"]);
}

#[test]
fn shape_36_no_object_or_no_request() {
    for text in [
        "[]",
        r#""x""#,
        "12",
        "null",
        "true",
        "{}",
        r#"{"createdDateTime":"x","appDisplayName":"y"}"#,
    ] {
        assert!(
            matches!(fails(text), ErrorKind::NotRequest { .. }),
            "{text}"
        );
    }
    assert!(matches!(
        fails(r#"{"ObjectType":"Person","HybridObjectID":"x"}"#),
        ErrorKind::NotRequest { .. }
    ));
    assert_eq!(fails(""), ErrorKind::Json);
    assert_eq!(fails("\u{FEFF}\0"), ErrorKind::Json);
}

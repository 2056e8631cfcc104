//! A user's rules with a request: whatever loads classifies.
#![no_main]
use libfuzzer_sys::fuzz_target;
use mim_events::activity::Rules;
use mim_events::request::Request;

const REQUEST: &str = r#"{"Operation":"Put","TargetObjectType":"Group","RequestParameter":[{"PropertyName":"ExplicitMember","Mode":"Add","Value":"5d0c0000-0000-4000-8000-000000000001"}]}"#;

fuzz_target!(|text: &str| {
    let Ok(user) = Rules::from_json(text) else {
        return;
    };
    let request = Request::from_json(REQUEST).expect("a request");
    assert!(!request.activities_with(&Rules::with_user(user)).is_empty());
});

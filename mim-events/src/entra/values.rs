//! Old and new values: JSON in a text, or just a text.

use super::json::{Json, quote};

/// What stands for a value that is not shown.
pub(super) const MASK: &str = "***";

/// The value in an `oldValue` or `newValue`, decoded once; `None` where it says nothing.
///
/// `"\"Sales\""` and `"[\"Sales\"]"` are `Sales`, `"DirectorySync"` is itself, several
/// elements and objects stay as JSON without white space.
pub(super) fn decode(raw: Option<&str>) -> Option<String> {
    let raw = raw?;
    let Ok(value) = Json::parse(raw.trim()) else {
        return (!raw.trim().is_empty()).then(|| raw.to_owned());
    };
    match value {
        Json::Null => None,
        Json::Text(text) => (!text.is_empty()).then_some(text),
        Json::Array(items) => {
            let says =
                |item: &Json| !matches!(item, Json::Null) && *item != Json::Text(String::new());
            match items.as_slice() {
                items if !items.iter().any(says) => None,
                [Json::Text(text)] => Some(text.clone()),
                [one] => Some(one.to_compact()),
                _ => Some(Json::Array(items).to_compact()),
            }
        }
        other => Some(other.to_compact()),
    }
}

/// A text that [`decode`] reads as this value, as services write it: objects and lists
/// as they are, anything else as a JSON string.
pub(super) fn encode(value: Option<&str>) -> Option<String> {
    let value = value.filter(|value| !value.is_empty())?;
    if value.starts_with(['{', '[']) && decode(Some(value)).as_deref() == Some(value) {
        // Text that only looks like JSON, `[A=1, B=2]`, decodes to itself too.
        if Json::parse(value).is_ok() {
            return Some(value.to_owned());
        }
    }
    Some(quote(value))
}

/// Whether a modified property refers to something or says how, and changes nothing.
pub(super) fn is_attribute(property: &str) -> bool {
    const NAMES: [&str; 3] = [
        "Included Updated Properties",
        "Action Client Name",
        "MethodExecutionResult.",
    ];
    const STARTS: [&str; 6] = [
        "TargetId.",
        "Group.",
        "Role.",
        "AppRole.",
        "ServicePrincipal.",
        "Device.",
    ];
    NAMES.iter().any(|name| name.eq_ignore_ascii_case(property))
        || STARTS.iter().any(|start| starts_with(property, start))
}

/// `prefix` at the beginning, in any ASCII case.
pub(super) fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Whether values of a property can hold a secret.
pub(super) fn is_secret(property: &str) -> bool {
    let name: String = property
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    // `ForceChangePassword` and the like are yes or no.
    let flag = name.starts_with("forcechange");
    !flag
        && ["credential", "keydescription", "password", "pwd", "secret"]
            .iter()
            .any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decodes_once() {
        for (raw, value) in [
            (r#""Sales""#, Some("Sales")),
            (r#"["Sales"]"#, Some("Sales")),
            ("DirectorySync", Some("DirectorySync")),
            ("[]", None),
            (r#"[""]"#, None),
            (r#""""#, None),
            ("", None),
            ("null", None),
            ("[true]", Some("true")),
            (r#""False""#, Some("False")),
            (r#"["a", "b"]"#, Some(r#"["a","b"]"#)),
            (
                r#"["[KeyIdentifier=1,DisplayName=CN=x, y]"]"#,
                Some("[KeyIdentifier=1,DisplayName=CN=x, y]"),
            ),
            (r#"{"state": "enabled"}"#, Some(r#"{"state":"enabled"}"#)),
            (r#""{\"state\": 1}""#, Some(r#"{"state": 1}"#)),
            (r#""a\"b""#, Some(r#"a"b"#)),
            ("\"x", Some("\"x")),
        ] {
            assert_eq!(decode(Some(raw)).as_deref(), value, "{raw}");
        }
        assert_eq!(decode(None), None);
    }

    #[test]
    fn secrets_and_what_is_none() {
        assert!(is_secret("KeyDescription"));
        assert!(is_secret("PasswordProfile"));
        assert!(is_secret("Credential"));
        assert!(!is_secret("ForceChangePassword"));
        assert!(!is_secret("StrongAuthenticationMethod"));
    }

    proptest! {
        #[test]
        fn encode_is_the_inverse(value in r#"[\[\]{}:", a-c0-9\\]{1,20}|.{1,20}"#) {
            prop_assert_eq!(decode(encode(Some(&value)).as_deref()), Some(value));
        }

        #[test]
        fn a_second_round_changes_nothing(raw in r#"[\[\]{}:", a-c0-9\\]{0,20}"#) {
            let once = decode(Some(&raw));
            prop_assert_eq!(decode(encode(once.as_deref()).as_deref()), once);
        }
    }
}

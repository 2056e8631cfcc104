//! The steps of a password reset and the authentication methods, which records name in
//! sentences.

/// A step of the password reset flow, read from the sentence in `resultReason`.
///
/// Sentences were seen in English; others give `other`. The office phone's and the
/// alternate methods' wording is inferred.
pub(super) fn step(reason: &str) -> (&'static str, Option<String>) {
    let sentence = reason.trim().trim_end_matches('.').to_lowercase();
    for (start, word) in [
        ("user started the ", "started"),
        ("user completed the ", "completed"),
    ] {
        if let Some(rest) = sentence.strip_prefix(start) {
            let option = rest
                .strip_suffix(" verification option")
                .or_else(|| rest.strip_suffix(" verification"));
            if let Some(option) = option {
                return (word, Some(method(option)));
            }
        }
    }
    let has = |text: &str| sentence.contains(text);
    let word = if has("submitted their user id") {
        "submitted_id"
    } else if has("presented with verification options") {
        "presented"
    } else if has("submitted a new password") {
        "submitted_password"
    } else if has("successfully reset") {
        "succeeded"
    } else if has("cancel") {
        "canceled"
    } else if has("completed all") || (has("all") && has("completed") && has("verification")) {
        "all_completed"
    } else if [
        "fail",
        "not enabled",
        "insufficient",
        "not registered",
        "policy",
        "error",
        "could not",
        "couldn't",
        "unable",
        "not have enough",
        "blocked",
        "incorrect",
    ]
    .iter()
    .any(|text| has(text))
    {
        "failed"
    } else {
        "other"
    };
    (word, None)
}

/// The method in the sentence of a registration, change or removal.
pub(super) fn registered(reason: &str) -> Option<String> {
    let sentence = reason.trim().trim_end_matches('.');
    let folded = sentence.to_ascii_lowercase();
    for actor in ["user ", "admin "] {
        for verb in [
            "registered ",
            "updated ",
            "changed ",
            "deleted ",
            "reviewed ",
        ] {
            let start = actor.len() + verb.len();
            if !(folded.starts_with(actor) && folded[actor.len()..].starts_with(verb)) {
                continue;
            }
            let end = folded
                .rfind(" method for user")
                .filter(|end| *end >= start)
                .unwrap_or(sentence.len());
            let option = sentence.get(start..end)?.trim();
            let many = option.eq_ignore_ascii_case("all required security info")
                || option.eq_ignore_ascii_case("security info");
            return (!option.is_empty() && !many).then(|| method(option));
        }
    }
    None
}

/// A method as reports name it: the words of the old portal, of which several are
/// one method (`mobile SMS`, `Mobile Phone Call and SMS`); any other text stays.
pub(super) fn method(text: &str) -> String {
    let folded = text.trim().to_lowercase();
    let has = |word: &str| folded.contains(word);
    let word = if has("office") {
        "Office Phone"
    } else if has("question") {
        "Security Questions"
    } else if has("authenticator") || has("app notification") || has("app code") {
        "Authenticator App"
    } else if has("app password") || has("apppassword") {
        "App Password"
    } else if has("email") || has("e-mail") {
        "Alternate Email"
    } else if has("phone") || has("sms") || has("voice") || has("mobilecall") {
        "Mobile Phone"
    } else if has("fido") || has("passkey") {
        "FIDO2 Security Key"
    } else if has("temporary access pass") {
        "Temporary Access Pass"
    } else if ["appnotification", "appcode"].contains(&folded.as_str()) {
        "Authenticator App"
    } else {
        return text.trim().to_owned();
    };
    word.to_owned()
}

/// A list of methods as a detail holds it.
pub(super) fn list(text: &str) -> Vec<String> {
    let mut methods: Vec<String> = Vec::new();
    for item in text.split([',', ';']).map(str::trim) {
        if !item.is_empty() && !methods.iter().any(|known| known == item) {
            methods.push(item.to_owned());
        }
    }
    methods
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps() {
        for (reason, word, option) in [
            ("User submitted their user ID", "submitted_id", None),
            (
                "User was presented with verification options",
                "presented",
                None,
            ),
            (
                "User started the mobile SMS verification option",
                "started",
                Some("Mobile Phone"),
            ),
            (
                "User completed the mobile voice call verification option.",
                "completed",
                Some("Mobile Phone"),
            ),
            (
                "user completed the email verification",
                "completed",
                Some("Alternate Email"),
            ),
            (
                "User completed the security questions verification option",
                "completed",
                Some("Security Questions"),
            ),
            (
                "User started the mobile app code verification option",
                "started",
                Some("Authenticator App"),
            ),
            (
                "User started the office phone call verification option",
                "started",
                Some("Office Phone"),
            ),
            (
                "User completed all verification steps",
                "all_completed",
                None,
            ),
            ("User submitted a new password", "submitted_password", None),
            ("User successfully reset password", "succeeded", None),
            (
                "User canceled before passing the required authentication methods",
                "canceled",
                None,
            ),
            (
                "User's account has insufficient authentication methods registered",
                "failed",
                None,
            ),
            ("Something in another language", "other", None),
        ] {
            assert_eq!(step(reason), (word, option.map(str::to_owned)), "{reason}");
        }
    }

    #[test]
    fn registrations() {
        for (reason, option) in [
            (
                "User registered Authenticator App with Notification and Code",
                Some("Authenticator App"),
            ),
            (
                "User registered Mobile Phone Call and SMS.",
                Some("Mobile Phone"),
            ),
            ("User registered Fido", Some("FIDO2 Security Key")),
            (
                "Admin registered phone method for user",
                Some("Mobile Phone"),
            ),
            (
                "Admin registered temporary access pass method for user",
                Some("Temporary Access Pass"),
            ),
            (
                "Admin deleted Email method for user",
                Some("Alternate Email"),
            ),
            ("User registered all required security info", None),
            ("User cancelled", None),
            ("User registered Carrier Pigeon", Some("Carrier Pigeon")),
        ] {
            assert_eq!(registered(reason).as_deref(), option, "{reason}");
        }
    }
}

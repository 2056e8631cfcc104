//! How a request's status reads as a result.

use super::Outcome;

impl Outcome {
    /// The result class of a MIM `RequestStatus`, compared without regard to case.
    ///
    /// A password reset is an exception, see [the rules](super#the-rules), section 4.
    ///
    /// ```
    /// use mim_events::activity::Outcome;
    ///
    /// assert_eq!(Outcome::of_request_status("Authorizing"), Outcome::Pending);
    /// assert_eq!(Outcome::of_request_status("Paused"), Outcome::Unknown);
    /// ```
    #[must_use]
    pub fn of_request_status(status: &str) -> Self {
        STATUSES
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(status.trim()))
            .map_or(Self::Unknown, |(_, outcome)| *outcome)
    }
}

const STATUSES: [(&str, Outcome); 18] = [
    ("Completed", Outcome::Success),
    ("Committed", Outcome::Success),
    ("PostProcessing", Outcome::Success),
    ("PostProcessingError", Outcome::Success),
    ("CanceledPostProcessing", Outcome::Success),
    ("Denied", Outcome::Denied),
    ("Failed", Outcome::Failure),
    ("NotFound", Outcome::Failure),
    ("Canceled", Outcome::Canceled),
    ("Cancelled", Outcome::Canceled),
    ("Expired", Outcome::Expired),
    ("Validating", Outcome::Pending),
    ("Validated", Outcome::Pending),
    ("Authenticating", Outcome::Pending),
    ("Authenticated", Outcome::Pending),
    ("Authorizing", Outcome::Pending),
    ("Authorized", Outcome::Pending),
    ("Canceling", Outcome::Pending),
];

/// How a password reset ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ResetEnd {
    pub(crate) outcome: Outcome,
    /// The report's word: `Succeeded`, `Failed`, `Blocked`, `Cancelled`, `Abandoned`.
    pub(crate) word: Option<&'static str>,
    /// One sentence for the column *Details*.
    pub(crate) sentence: Option<String>,
}

/// Reads the end of a password reset. The directory is written by an action workflow,
/// after the commit, so what is a success with errors elsewhere is a failure here.
///
/// `methods` are those that the document itself names.
pub(crate) fn reset_end(status: &str, locked_out: bool, methods: &[String]) -> ResetEnd {
    let at = |verb: &str, otherwise: &str| {
        if methods.is_empty() {
            otherwise.to_owned()
        } else {
            format!("{verb} at {}", methods.join(", "))
        }
    };
    let status = status.trim();
    let is = |word: &str| status.eq_ignore_ascii_case(word);
    let plain = Outcome::of_request_status(status);
    let (outcome, word, sentence) = if is("Completed") {
        (plain, Some("Succeeded"), Some("Reset finished".to_owned()))
    } else if is("Committed") || is("PostProcessing") {
        let sentence = "Gates passed, reset under way".to_owned();
        (plain, Some("Succeeded"), Some(sentence))
    } else if is("PostProcessingError") {
        let sentence = "Gates passed, directory refused the password".to_owned();
        (Outcome::Failure, Some("Failed"), Some(sentence))
    } else if is("CanceledPostProcessing") {
        let sentence = "Gates passed, reset cancelled".to_owned();
        (Outcome::Canceled, Some("Cancelled"), Some(sentence))
    } else if (is("Denied") || is("Failed")) && locked_out {
        let sentence = at("Locked out", "Locked out after too many tries");
        (plain, Some("Blocked"), Some(sentence))
    } else if is("Denied") {
        let sentence = at("Stopped", "Stopped at the gates");
        (plain, Some("Failed"), Some(sentence))
    } else if is("Failed") {
        let sentence = at("Stopped", "Stopped by an error");
        (plain, Some("Failed"), Some(sentence))
    } else if is("NotFound") {
        let sentence = "Stopped by an error".to_owned();
        (plain, Some("Failed"), Some(sentence))
    } else if is("Authenticating") {
        let sentence = at("Left", "Left at the gates");
        (plain, Some("Abandoned"), Some(sentence))
    } else {
        match plain {
            Outcome::Canceled => {
                let sentence = "Cancelled before the end".to_owned();
                (plain, Some("Cancelled"), Some(sentence))
            }
            Outcome::Expired => {
                let sentence = "Not finished in time".to_owned();
                (plain, Some("Abandoned"), Some(sentence))
            }
            Outcome::Pending => (plain, None, Some("Not finished yet".to_owned())),
            _ => (plain, None, None),
        }
    };
    ResetEnd {
        outcome,
        word,
        sentence,
    }
}

/// Whether one of the words begins a word of the text, also inside `CamelCase`.
pub(crate) fn begins_a_word(text: &str, words: &[String]) -> bool {
    let mut before: Option<char> = None;
    for (at, c) in text.char_indices() {
        let free = match before {
            None => true,
            Some(before) => !before.is_alphabetic() || (before.is_lowercase() && c.is_uppercase()),
        };
        before = Some(c);
        if !free {
            continue;
        }
        let rest = &text[at..];
        if words.iter().any(|word| {
            rest.get(..word.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(word))
        }) {
            return true;
        }
    }
    false
}

/// Whether the word stands in the text with no letter or digit directly around it.
/// The word is in lower case.
pub(crate) fn holds_word(lower_text: &str, word: &str) -> bool {
    lower_text.match_indices(word).any(|(at, _)| {
        let before = lower_text[..at].chars().next_back();
        let after = lower_text[at + word.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lockout_words_begin_a_word() {
        let words = ["lock".to_owned()];
        for text in [
            "Lockout threshold",
            "user is locked out",
            "GateLockout",
            "x:LOCK",
        ] {
            assert!(begins_a_word(text, &words), "{text}");
        }
        for text in ["blocked", "o'clock", "unlock", "", "loc"] {
            assert!(!begins_a_word(text, &words), "{text}");
        }
        assert!(!begins_a_word("é", &words));
    }

    #[test]
    fn words_stand_alone() {
        assert!(holds_word("otp sms gate", "sms"));
        assert!(holds_word("sms", "sms"));
        assert!(!holds_word("smstest", "sms"));
        assert!(holds_word("asms sms", "sms"));
        assert!(!holds_word("ésms", "sms"));
    }

    #[test]
    fn every_status_of_a_reset() {
        let none: &[String] = &[];
        let sms = &["OTP over SMS".to_owned()];
        let check = |status: &str, locked, methods: &[String], outcome, word, sentence| {
            let end = reset_end(status, locked, methods);
            assert_eq!(
                (end.outcome, end.word, end.sentence.as_deref()),
                (outcome, word, sentence),
                "{status}"
            );
        };
        use Outcome::{Canceled, Denied, Expired, Failure, Pending, Success, Unknown};
        let (succeeded, failed) = (Some("Succeeded"), Some("Failed"));
        let cancelled = Some("Cancelled");
        check(
            "completed",
            false,
            sms,
            Success,
            succeeded,
            Some("Reset finished"),
        );
        let under_way = Some("Gates passed, reset under way");
        check("Committed", false, none, Success, succeeded, under_way);
        check("PostProcessing", false, none, Success, succeeded, under_way);
        let refused = Some("Gates passed, directory refused the password");
        check("PostProcessingError", true, none, Failure, failed, refused);
        let blocked = Some("Blocked");
        check(
            "Denied",
            true,
            sms,
            Denied,
            blocked,
            Some("Locked out at OTP over SMS"),
        );
        let tries = Some("Locked out after too many tries");
        check("Failed", true, none, Failure, blocked, tries);
        check(
            "Denied",
            false,
            none,
            Denied,
            failed,
            Some("Stopped at the gates"),
        );
        check(
            "Denied",
            false,
            sms,
            Denied,
            failed,
            Some("Stopped at OTP over SMS"),
        );
        check(
            "Failed",
            false,
            none,
            Failure,
            failed,
            Some("Stopped by an error"),
        );
        check(
            "NotFound",
            true,
            sms,
            Failure,
            failed,
            Some("Stopped by an error"),
        );
        check(
            "Canceled",
            false,
            none,
            Canceled,
            cancelled,
            Some("Cancelled before the end"),
        );
        let after = Some("Gates passed, reset cancelled");
        check(
            "CanceledPostProcessing",
            false,
            none,
            Canceled,
            cancelled,
            after,
        );
        let left = Some("Left at the gates");
        check(
            "Authenticating",
            false,
            none,
            Pending,
            Some("Abandoned"),
            left,
        );
        check(
            "Expired",
            false,
            none,
            Expired,
            Some("Abandoned"),
            Some("Not finished in time"),
        );
        for status in ["Validating", "Authorized", "Canceling"] {
            check(status, false, none, Pending, None, Some("Not finished yet"));
        }
        check("Paused", true, sms, Unknown, None, None);
        check("", true, sms, Unknown, None, None);
    }
}

//! The words of a request: open sets, so a word that is not known here is kept.

use std::borrow::Cow;
use std::fmt;

macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $constant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        ///
        /// Compared without regard to ASCII case. An open set: other words are kept.
        #[derive(Clone, Default)]
        pub struct $name<'a>(Cow<'a, str>);

        impl<'a> $name<'a> {
            $($(#[$item])* pub const $constant: $name<'static> = $name(Cow::Borrowed($word));)*

            /// The words known when this version was made.
            pub const KNOWN: &'static [$name<'static>] = &[$($name::$constant),*];

            /// Takes a word as it was logged.
            #[must_use]
            pub fn new(word: impl Into<Cow<'a, str>>) -> Self {
                Self(word.into())
            }

            /// The word as it was logged; empty where none was.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether no word was logged.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.0.trim().is_empty()
            }

            /// Whether it is one of the known words.
            #[must_use]
            pub fn is_known(&self) -> bool {
                Self::KNOWN.iter().any(|known| known == self)
            }

            /// A copy that borrows nothing.
            #[must_use]
            pub fn into_owned(self) -> $name<'static> {
                $name(Cow::Owned(self.0.into_owned()))
            }
        }

        impl PartialEq<$name<'_>> for $name<'_> {
            fn eq(&self, other: &$name<'_>) -> bool {
                self.0.trim().eq_ignore_ascii_case(other.0.trim())
            }
        }

        impl Eq for $name<'_> {}

        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

vocabulary! {
    /// What was asked for: `Operation`.
    Operation {
        /// A resource is made.
        CREATE = "Create",
        /// Attributes are changed.
        PUT = "Put",
        /// A resource is deleted.
        DELETE = "Delete",
        /// A set transition or temporal event.
        SYSTEM_EVENT = "SystemEvent",
        /// A read; no request should be kept of it.
        GET = "Get",
        /// A search; no request should be kept of it.
        ENUMERATE = "Enumerate",
        /// The next page of a search; no request should be kept of it.
        PULL = "Pull",
    }
}

vocabulary! {
    /// How far a request came: `RequestStatus`.
    RequestStatus {
        /// Rights and rules are being checked.
        VALIDATING = "Validating",
        /// Rights and rules were checked.
        VALIDATED = "Validated",
        /// Authentication workflows (gates) run.
        AUTHENTICATING = "Authenticating",
        /// The gates were passed.
        AUTHENTICATED = "Authenticated",
        /// Authorization workflows run; approval is waited for.
        AUTHORIZING = "Authorizing",
        /// Approved.
        AUTHORIZED = "Authorized",
        /// A cancel is under way.
        CANCELING = "Canceling",
        /// The data is written, action workflows come.
        COMMITTED = "Committed",
        /// Action workflows run.
        POST_PROCESSING = "PostProcessing",
        /// All done.
        COMPLETED = "Completed",
        /// The data is written, an action workflow failed.
        POST_PROCESSING_ERROR = "PostProcessingError",
        /// No rule granted it, or a gate, workflow or approver refused.
        DENIED = "Denied",
        /// An error before the data was written.
        FAILED = "Failed",
        /// Cancelled before the data was written.
        CANCELED = "Canceled",
        /// Cancelled after the data was written.
        CANCELED_POST_PROCESSING = "CanceledPostProcessing",
        /// Nobody approved in time.
        EXPIRED = "Expired",
        /// The resource was not there.
        NOT_FOUND = "NotFound",
    }
}

impl RequestStatus<'_> {
    /// The place in the order of processing, from 0; of two statuses of one
    /// request the higher is the later. Unknown words rank between the pending
    /// and the final ones.
    #[must_use]
    pub fn rank(&self) -> u8 {
        match RequestStatus::KNOWN.iter().position(|known| known == self) {
            Some(at @ 0..=6) => at as u8,
            None => 7,
            Some(7) => 8,
            Some(8) => 9,
            Some(_) => 10,
        }
    }

    /// Whether the request goes no further.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.rank() == 10
    }
}

vocabulary! {
    /// How an attribute changes: `Mode` of a parameter.
    Mode {
        /// A value is added.
        ADD = "Add",
        /// A value is added, as the service's SDK names it.
        INSERT = "Insert",
        /// A value is removed.
        REMOVE = "Remove",
        /// A single value is set.
        MODIFY = "Modify",
    }
}

vocabulary! {
    /// The state of a workflow: `WorkflowStatus`.
    WorkflowStatus {
        /// Made, not started.
        CREATED = "Created",
        /// At work.
        RUNNING = "Running",
        /// Waiting, for an approval for example.
        SUSPENDED = "Suspended",
        /// Done.
        COMPLETED = "Completed",
        /// Stopped before its end.
        TERMINATED = "Terminated",
        /// Ended by an error.
        FAULTED = "Faulted",
        /// Cancelled.
        CANCELED = "Canceled",
    }
}

vocabulary! {
    /// The state of an approval: `ApprovalStatus`.
    ApprovalStatus {
        /// Waited for.
        PENDING = "Pending",
        /// Granted.
        APPROVED = "Approved",
        /// Refused.
        REJECTED = "Rejected",
        /// Nobody decided in time.
        EXPIRED = "Expired",
    }
}

vocabulary! {
    /// What an approver decided: `Decision`.
    Decision {
        /// Yes.
        APPROVED = "Approved",
        /// No.
        REJECTED = "Rejected",
    }
}

vocabulary! {
    /// When a policy rule works: `ManagementPolicyRuleType`.
    RuleType {
        /// When somebody asks for something.
        REQUEST = "Request",
        /// When a resource enters or leaves a set.
        SET_TRANSITION = "SetTransition",
    }
}

vocabulary! {
    /// What a policy rule allows or reacts to: `ActionType`.
    ActionType {
        /// Making a resource.
        CREATE = "Create",
        /// Deleting a resource.
        DELETE = "Delete",
        /// Reading attributes.
        READ = "Read",
        /// Adding a value.
        ADD = "Add",
        /// Removing a value.
        REMOVE = "Remove",
        /// Setting a single value.
        MODIFY = "Modify",
        /// Entering a set.
        TRANSITION_IN = "TransitionIn",
        /// Leaving a set.
        TRANSITION_OUT = "TransitionOut",
    }
}

vocabulary! {
    /// What a request is told to do after it was made: `RequestControl`.
    RequestControl {
        /// Cancel the operation.
        CANCEL_OPERATION = "CancelOperation",
        /// Cancel the action workflows.
        CANCEL_ACTION_WORKFLOW = "CancelActionWorkflow",
    }
}

/// A request's `DisplayName` taken apart: `Update to Group:  'Night Shift' Request`.
///
/// Names may hold apostrophes and colons, so the name reaches to the last apostrophe.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DisplayName<'a> {
    /// `Create`, `Update to` or `Delete`, as written.
    pub verb: &'a str,
    /// The type of the target.
    pub object_type: &'a str,
    /// The target's name.
    pub name: &'a str,
}

impl<'a> DisplayName<'a> {
    /// Takes a display name apart; `None` where it has another form, as a
    /// localized service or a customer's workflow may write.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let verb = ["Create", "Update to", "Delete"]
            .into_iter()
            .find_map(|verb| {
                let head = text.get(..verb.len())?;
                head.eq_ignore_ascii_case(verb).then_some(head)
            })?;
        let rest = text.get(verb.len()..)?;
        let start = rest.trim_start();
        if start.len() == rest.len() {
            return None;
        }
        // The type word ends at the first colon that blanks and an apostrophe follow.
        let (object_type, quoted) = start.match_indices(':').find_map(|(at, _)| {
            let after = start.get(at + 1..)?;
            let quoted = after.trim_start();
            (quoted.len() < after.len() && quoted.starts_with('\''))
                .then(|| (start.get(..at).unwrap_or_default(), quoted))
        })?;
        if object_type.is_empty() || object_type.contains(char::is_whitespace) {
            return None;
        }
        let head = quoted
            .len()
            .checked_sub("Request".len())
            .and_then(|at| quoted.split_at_checked(at))?;
        if !head.1.eq_ignore_ascii_case("Request") || !head.0.ends_with(char::is_whitespace) {
            return None;
        }
        let name = head.0.trim_end().strip_prefix('\'')?.strip_suffix('\'')?;
        Some(Self {
            verb,
            object_type,
            name,
        })
    }
}

/// The type only: names are people's data.
impl fmt::Debug for DisplayName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DisplayName")
            .field("object_type", &self.object_type)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared_without_case_and_kept() {
        assert_eq!(Operation::new("put"), Operation::PUT);
        let merge = Operation::new("Merge");
        assert!(!merge.is_known());
        assert_eq!(merge.as_str(), "Merge");
    }

    #[test]
    fn statuses_rank_in_the_order_of_processing() {
        let ranks: Vec<_> = [
            "Authenticating",
            "Authorizing",
            "Canceling",
            "Paused",
            "Committed",
            "PostProcessing",
            "Denied",
        ]
        .map(|word| RequestStatus::new(word).rank())
        .to_vec();
        assert!(ranks.is_sorted_by(|a, b| a < b), "{ranks:?}");
        assert!(RequestStatus::COMPLETED.is_final() && !RequestStatus::COMMITTED.is_final());
    }

    #[test]
    fn display_names() {
        let parsed = DisplayName::parse("Update to Group:  'Bob's: 'A' team' Request").unwrap();
        assert_eq!(
            (parsed.verb, parsed.object_type, parsed.name),
            ("Update to", "Group", "Bob's: 'A' team")
        );
        let parsed = DisplayName::parse(" Create  Person: 'X'  Request ").unwrap();
        assert_eq!((parsed.object_type, parsed.name), ("Person", "X"));
        assert_eq!(
            DisplayName::parse("Delete Group:  '' Request")
                .unwrap()
                .name,
            ""
        );
        for other in [
            "",
            "Request",
            "Update Group: 'x' Request",
            "Create Person: x Request",
            "Création Person: 'x' Request",
            "Create Person: ' Request",
            "Create a b: 'x' Request",
        ] {
            assert!(DisplayName::parse(other).is_none(), "{other}");
        }
    }
}

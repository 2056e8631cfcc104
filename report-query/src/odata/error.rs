//! What is wrong with a query option, and where.

use std::fmt;

/// What is wrong with a query option, and at which byte of its text.
///
/// `Display` is the message as Graph clients know it. It holds names and
/// positions, never a literal.
///
/// ```
/// use report_query::odata::{ODataErrorKind, filter};
///
/// let error = filter("category eq 'Policy' and actor eq 'kim'").unwrap_err();
/// assert_eq!(error.position(), 25);
/// assert!(matches!(error.kind(), ODataErrorKind::UnknownProperty { .. }));
/// assert_eq!(
///     error.to_string(),
///     "Could not find a property named 'actor' on type 'microsoft.graph.directoryAudit'."
/// );
/// assert_eq!(
///     filter("category eq").unwrap_err().to_string(),
///     "Invalid filter clause: expected a literal at position 11."
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ODataError {
    clause: Clause,
    kind: ODataErrorKind,
    position: usize,
}

/// Which option it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clause {
    Filter,
    OrderBy,
}

/// What is wrong. New kinds may be added.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ODataErrorKind {
    /// Something else must stand here.
    Expected {
        /// What.
        what: &'static str,
    },
    /// The type has no such property.
    UnknownProperty {
        /// The name written, cut where it is very long.
        name: String,
        /// The type.
        on: &'static str,
    },
    /// There is no such function.
    UnknownFunction {
        /// The name written, cut where it is very long.
        name: String,
    },
    /// The property is known, and can't be used in this way.
    Unsupported {
        /// What can't be done with it.
        what: &'static str,
    },
    /// The text is longer than is read.
    TooLong {
        /// How many bytes it may have.
        limit: usize,
    },
    /// Parentheses, `not`, `any` and alternations stand too deep within each other.
    TooDeep,
}

impl ODataError {
    pub(super) const fn new(clause: Clause, kind: ODataErrorKind, position: usize) -> Self {
        Self {
            clause,
            kind,
            position,
        }
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> &ODataErrorKind {
        &self.kind
    }

    /// Where, in bytes from 0.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }
}

/// A name as errors show it.
pub(super) fn shown(name: &str) -> String {
    const MOST: usize = 60;
    match name.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", name.get(..end).unwrap_or_default()),
        None => name.to_owned(),
    }
}

impl fmt::Display for ODataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clause = match self.clause {
            Clause::Filter => "Invalid filter clause",
            Clause::OrderBy => "Invalid orderby clause",
        };
        let at = self.position;
        match &self.kind {
            ODataErrorKind::Expected { what } => {
                write!(f, "{clause}: expected {what} at position {at}.")
            }
            ODataErrorKind::UnknownProperty { name, on } => {
                write!(
                    f,
                    "Could not find a property named '{name}' on type '{on}'."
                )
            }
            ODataErrorKind::UnknownFunction { name } => {
                write!(
                    f,
                    "{clause}: An unknown function with name '{name}' was found."
                )
            }
            ODataErrorKind::Unsupported { what } => {
                write!(f, "{clause}: {what} is not supported at position {at}.")
            }
            ODataErrorKind::TooLong { limit } => {
                write!(f, "{clause}: it is longer than {limit} bytes.")
            }
            ODataErrorKind::TooDeep => {
                write!(f, "{clause}: it is nested too deep at position {at}.")
            }
        }
    }
}

impl std::error::Error for ODataError {}

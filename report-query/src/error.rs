//! The one error of the engine: what, and where in the query.

use std::fmt;

/// The result of this crate's functions.
pub type Result<T, E = QueryError> = std::result::Result<T, E>;

/// How deep a query may be nested, in levels of its JSON form.
pub(crate) const MAX_DEPTH: usize = 64;

/// What is wrong with a query, and where: the [kind](QueryError::kind) and the
/// [path](QueryError::path) into its JSON form, which a query built in code has too.
///
/// Every unknown name and every type error is found when a query is bound to a
/// schema, before it runs. Errors hold names of columns and sizes, never a
/// value of a row or a literal of the query.
///
/// ```
/// use report_query::{DataType, Field, Query, Schema, col, count};
///
/// let schema = Schema::new([Field::new("door", DataType::Text)])?;
/// let query = Query::new().filter(col("door").ne("front")).group_by([col("dor")]).aggregate([count()]);
/// let error = query.bind(&schema).unwrap_err();
/// assert_eq!(error.to_string(), "stages[1].group.by[0]: no column `dor`; is `door` meant?");
/// # Ok::<(), report_query::QueryError>(())
/// ```
pub struct QueryError(Box<Inner>);

struct Inner {
    kind: QueryErrorKind,
    path: String,
}

/// What is wrong. New kinds may be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryErrorKind {
    // --- the JSON form ---
    /// The text is not valid JSON.
    #[error("invalid JSON at line {line}, column {column}")]
    Json {
        /// The line, from 1.
        line: usize,
        /// The column, in bytes from 1.
        column: usize,
    },
    /// Valid JSON that is not what is expected at this place.
    #[error("{what}")]
    Form {
        /// What is expected, or which name is unknown.
        what: String,
    },
    /// The query is written in a version of the form that is not known.
    #[error("version {found} of the query form is not known (this build reads up to {supported})")]
    Version {
        /// The version written.
        found: i64,
        /// The newest version that is known.
        supported: i64,
    },
    /// The query is nested deeper than is allowed.
    #[error("nested deeper than {limit} levels")]
    TooDeep {
        /// How deep it may be.
        limit: usize,
    },

    // --- names and types ---
    /// There is no column of this name here.
    #[error("no column `{name}`{}", suggestion(.nearest))]
    UnknownColumn {
        /// The name written.
        name: String,
        /// The known name that is probably meant.
        nearest: Option<String>,
    },
    /// The record has no field of this name.
    #[error("no field `{name}`{}", suggestion(.nearest))]
    UnknownField {
        /// The name written.
        name: String,
        /// The known name that is probably meant.
        nearest: Option<String>,
    },
    /// Two columns would have one name.
    #[error("column `{name}` occurs twice")]
    DuplicateColumn {
        /// The name.
        name: String,
    },
    /// An expression becomes a column and has no name; give it an alias.
    #[error("the column needs a name")]
    MissingName,
    /// A value of another type is needed here.
    #[error("expected {expected}, found {found}")]
    Type {
        /// The type, or types, that would do.
        expected: String,
        /// The type found.
        found: String,
    },
    /// An argument can't be used: a percentile over 100, an unreadable pattern.
    #[error("{what}")]
    Argument {
        /// What is wrong with it.
        what: &'static str,
    },
    /// A schema can't be used for what was asked.
    #[error("{what}")]
    Schema {
        /// What is wrong with it.
        what: &'static str,
    },

    /// The time zone database has no zone of this name.
    #[error("no time zone `{name}`")]
    UnknownZone {
        /// The name written, cut where it is very long.
        name: String,
    },
    /// This build knows no zones by name.
    #[error("time zones by name need the feature `tz`")]
    NoZones,

    // --- running ---
    /// A parameter that the query needs was not given.
    #[error("parameter `{name}` is missing")]
    MissingParameter {
        /// The parameter's name.
        name: String,
    },
    /// A number does not fit its type.
    #[error("{operation} overflows")]
    Overflow {
        /// What was calculated.
        operation: &'static str,
    },
    /// The query needs more than it may have. Nothing was cut: there is no result.
    #[error("more than {limit} {what}")]
    LimitExceeded {
        /// What was counted.
        what: &'static str,
        /// How many there may be.
        limit: u64,
    },
    /// The caller said that the result is no longer wanted:
    /// [`Plan::run_until`](crate::Plan::run_until).
    #[error("cancelled")]
    Cancelled,
    /// A stage needs all rows at once, so the query can't be answered
    /// [in parts](crate::Plan::partial).
    #[error("can't be answered in parts: {what}")]
    NotSplittable {
        /// Why not.
        what: &'static str,
    },
    /// A [partial result](crate::PartialResult) can't be used.
    #[error("partial result: {what}")]
    PartialResult {
        /// What is wrong with it.
        what: &'static str,
    },
    /// A page token can't be used.
    #[error("page token: {what}")]
    PageToken {
        /// What is wrong with it.
        what: &'static str,
    },
}

fn suggestion(nearest: &Option<String>) -> String {
    nearest
        .as_ref()
        .map(|name| format!("; is `{name}` meant?"))
        .unwrap_or_default()
}

impl QueryError {
    #[cold]
    #[inline(never)]
    pub(crate) fn new(kind: QueryErrorKind) -> Self {
        Self(Box::new(Inner {
            kind,
            path: String::new(),
        }))
    }

    pub(crate) fn form(what: impl Into<String>) -> Self {
        Self::new(QueryErrorKind::Form { what: what.into() })
    }

    pub(crate) fn argument(what: &'static str) -> Self {
        Self::new(QueryErrorKind::Argument { what })
    }

    pub(crate) fn overflow(operation: &'static str) -> Self {
        Self::new(QueryErrorKind::Overflow { operation })
    }

    pub(crate) fn limit(what: &'static str, limit: u64) -> Self {
        Self::new(QueryErrorKind::LimitExceeded { what, limit })
    }

    pub(crate) fn type_mismatch(expected: impl fmt::Display, found: impl fmt::Display) -> Self {
        Self::new(QueryErrorKind::Type {
            expected: expected.to_string(),
            found: found.to_string(),
        })
    }

    /// Puts a member's name in front of the path.
    pub(crate) fn at(mut self, name: &str) -> Self {
        let path = &mut self.0.path;
        if !path.is_empty() && !path.starts_with('[') {
            path.insert(0, '.');
        }
        path.insert_str(0, name);
        self
    }

    /// Puts a position in front of the path.
    pub(crate) fn at_index(self, index: usize) -> Self {
        self.at(&format!("[{index}]"))
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &QueryErrorKind {
        &self.0.kind
    }

    /// The place in the query's JSON form, such as `stages[2].group.aggregate[0]`;
    /// empty for the query as a whole. An error while running names the stage.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// The outermost stage that is wrong, from 0.
    #[must_use]
    pub fn stage(&self) -> Option<usize> {
        let (_, rest) = self.0.path.split_once("stages[")?;
        rest.split_once(']')?.0.parse().ok()
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.path.is_empty() {
            write!(f, "{}: ", self.0.path)?;
        }
        self.0.kind.fmt(f)
    }
}

impl fmt::Debug for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QueryError({self})")
    }
}

impl std::error::Error for QueryError {}

/// Adds places to the errors of results.
pub(crate) trait At {
    fn at(self, name: &str) -> Self;
    fn at_index(self, index: usize) -> Self;
}

impl<T> At for Result<T> {
    fn at(self, name: &str) -> Self {
        self.map_err(|error| error.at(name))
    }

    fn at_index(self, index: usize) -> Self {
        self.map_err(|error| error.at_index(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_grows_from_inside() {
        let error = QueryError::argument("a percentile lies between 0 and 100")
            .at_index(0)
            .at("aggregate")
            .at("group")
            .at_index(2)
            .at("stages");
        assert_eq!(error.path(), "stages[2].group.aggregate[0]");
        assert_eq!(error.stage(), Some(2));
        assert_eq!(
            error.to_string(),
            "stages[2].group.aggregate[0]: a percentile lies between 0 and 100"
        );
    }

    #[test]
    fn is_one_word_and_crosses_threads() {
        fn check<T: Send + Sync + 'static>() {}
        check::<QueryError>();
        assert_eq!(size_of::<QueryError>(), size_of::<usize>());
    }
}

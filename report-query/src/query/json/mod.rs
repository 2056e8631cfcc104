//! The serialised form of queries, expressions and aggregates.
//!
//! Reading goes through a [`Tree`](tree::Tree), so that an error can say where
//! it is, and so that the form is one for JSON, TOML and whatever serde reads.

mod members;
mod partial;
mod read;
mod read_expr;
pub(super) mod token;
mod tree;
mod write;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

use self::tree::{Fault, Tree, TreeSeed};
use super::partial::PartialResult;
use super::pipeline::Query;
use crate::aggregate::Aggregate;
use crate::error::{MAX_DEPTH, QueryError, QueryErrorKind, Result};
use crate::expr::{Expr, Parameters};

/// The newest version of the form.
pub(crate) const VERSION: i64 = 1;

impl Query {
    /// Reads the JSON form.
    ///
    /// ```
    /// use report_query::{Query, col, count};
    ///
    /// let query = Query::from_json(
    ///     r#"{"version": 1, "stages": [
    ///         {"filter": {"ne": [{"col": "result"}, "success"]}},
    ///         {"group": {"by": [{"col": "activity"}], "aggregate": [{"count": [], "as": "n"}]}}
    ///     ]}"#,
    /// )?;
    /// let same = Query::new()
    ///     .filter(col("result").ne("success"))
    ///     .group_by(["activity"])
    ///     .aggregate([count().alias("n")]);
    /// assert_eq!(query, same);
    /// # Ok::<(), report_query::QueryError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// With its line and column if it is no JSON, else with its
    /// [path](QueryError::path): unknown or missing members, unknown
    /// operators, a newer version, more than 64 levels.
    pub fn from_json(json: &str) -> Result<Self> {
        read::query(parse(json)?)
    }

    /// Writes the JSON form, on one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        write::query(self).to_json()
    }
}

fn parse(json: &str) -> Result<Tree> {
    let fault = Fault::default();
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let tree = TreeSeed {
        depth: 0,
        fault: &fault,
    }
    .deserialize(&mut deserializer)
    .and_then(|tree| deserializer.end().map(|()| tree));
    tree.map_err(|error| match fault.take() {
        Some(fault) => fault,
        // Its message may quote the text, so only the place is kept.
        None => QueryError::new(QueryErrorKind::Json {
            line: error.line(),
            column: error.column(),
        }),
    })
}

/// Reads a tree and then what it stands for; the error's text has the path.
fn deserialize<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    read: impl FnOnce(Tree) -> Result<T>,
) -> Result<T, D::Error> {
    let fault = Fault::default();
    let tree = TreeSeed {
        depth: 0,
        fault: &fault,
    }
    .deserialize(deserializer)
    .map_err(|error| match fault.take() {
        Some(fault) => D::Error::custom(fault),
        None => error,
    })?;
    read(tree).map_err(D::Error::custom)
}

macro_rules! serde {
    ($($type:ty => $read:path, $write:path;)*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $write(self).serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserialize(deserializer, $read)
            }
        }
    )*};
}

serde! {
    Query => read::query, write::query;
    Expr => read_expr::expr, write::expr;
    Aggregate => read_expr::aggregate, write::aggregate;
    PartialResult => partial::read, partial::write;
}

/// Tells a query with its parameters from others; the page it is at does not count.
pub(super) fn fingerprint(query: &Query, parameters: &Parameters) -> u64 {
    let mut first_page = query.clone();
    for stage in &mut first_page.stages {
        if let super::pipeline::Stage::Page(page) = stage {
            page.after = None;
        }
    }
    let mut hash = Fnv::default();
    hash.write(first_page.to_json().as_bytes());
    for (name, value) in parameters.iter() {
        hash.write(name.as_bytes());
        hash.write(write::expr(&Expr::from(value.clone())).to_json().as_bytes());
    }
    hash.0
}

/// FNV-1a: the same on every machine, which the standard hasher is not.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn write(&mut self, bytes: &[u8]) {
        // A zero after each part keeps "ab", "c" and "a", "bc" apart.
        for byte in bytes.iter().chain(&[0]) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

const _: () = assert!(MAX_DEPTH < 100, "serde_json stops at 128 levels by itself");

#[cfg(test)]
mod tests;

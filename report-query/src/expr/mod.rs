//! Expressions: one type for filters, computed columns, group keys and sort keys.
//!
//! An [`Expr`] is built from columns ([`col`], or a constant made with
//! [`Expr::column`]), literals (anything that becomes a [`Value`](crate::Value))
//! and [parameters](param), by methods:
//!
//! ```
//! use report_query::{Bucket, Expr, col, field};
//!
//! const TIME: Expr = Expr::column("time");
//! const RESULT: Expr = Expr::column("result");
//!
//! let failed = RESULT.ne("success").and(col("actor").starts_with("adm"));
//! let at_night = col("targets").any(field("name").contains("night"));
//! let day = TIME.bucket(Bucket::DAY).alias("day");
//! # let _ = (failed, at_night, day);
//! ```
//!
//! Nothing is checked while an expression is built. Binding a query to a schema
//! finds every unknown name and every type error, with its place.
//!
//! What null, case, order and overflow mean is written down once, in the
//! [semantics](crate::semantics).

mod bind;
mod bound;
mod calls;
mod convert;
mod eval;
mod function;
mod functions;
mod item_test;
mod parameters;
mod text;
mod time;
mod tree;
mod typed;
mod zone;

pub use convert::Key;
pub use parameters::Parameters;
pub use time::{Bucket, TimePart};
pub use tree::{Expr, case, col, concat, field, if_then_else, item, list, lit, param, when_param};
pub use zone::Zone;

pub(crate) use bind::Binder;
pub(crate) use bound::{Bound, Comparison};
pub(crate) use eval::{Cells, Row, Scope};
pub(crate) use function::Function;
pub(crate) use item_test::ItemTest;
#[cfg(feature = "activity")]
pub(crate) use text::folded;
pub(crate) use text::{FOLD_TO_ASCII, Needle, TextTest};
pub(crate) use time::parse_offset;
pub(crate) use tree::{Each, Node};
pub(crate) use typed::is_ordered;

#[cfg(test)]
mod tests;
#[cfg(all(test, feature = "tz"))]
mod zone_tests;

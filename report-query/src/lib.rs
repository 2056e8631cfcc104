//! Query.
#![forbid(unsafe_code)]

pub mod result;

mod error;
mod schema;
mod value;

pub use error::{QueryError, QueryErrorKind, Result};
pub use result::{QueryResult, ResultColumn};
pub use schema::{DataType, Field, Schema, Unit};
pub use value::Value;

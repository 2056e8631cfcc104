//! Integration tests through the public API, one binary.

mod engine;
#[cfg(feature = "activity")]
mod reports;
mod results;

//! Integration tests through the public API, one binary.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod engine;
#[cfg(feature = "odata")]
mod odata;
#[cfg(feature = "activity")]
mod reports;
mod results;

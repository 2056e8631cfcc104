//! Integration tests, through the public API.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

#[cfg(feature = "sim")]
mod journal;

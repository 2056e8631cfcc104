//! Tests of `eventlog` through the public API.
#![cfg(feature = "eventlog")]
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fixture;
mod oracle;
mod reader;
mod writer;

//! Integration tests through the public API, one binary.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod activity;
mod entra;
mod eventlog;
#[cfg(feature = "generate")]
mod generate;
mod message;
mod reader;
mod request;

//! Integration tests through the public API, one binary.

mod activity;
mod entra;
mod eventlog;
#[cfg(feature = "generate")]
mod generate;
mod message;
mod reader;
mod request;

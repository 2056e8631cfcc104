//! Tests of `eventlog` through the public API.
#![cfg(feature = "eventlog")]

mod bookmark;
mod fixture;
mod oracle;
mod reader;
mod writer;

//! Tests of `eventlog` through the public API.
#![cfg(feature = "eventlog")]

mod bookmark;
mod fixture;
mod oracle;
#[cfg(feature = "parallel")]
mod parallel;
mod reader;
mod writer;

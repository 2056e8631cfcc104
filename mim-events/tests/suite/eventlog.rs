//! Tests of `eventlog` through the public API.

#[cfg(feature = "eventlog")]
mod writer;

//! Tests of `eventlog` through the public API.

mod writer;

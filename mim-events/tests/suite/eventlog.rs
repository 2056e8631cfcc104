//! Tests of `eventlog` through the public API.
#![cfg(feature = "eventlog")]

mod bookmark;
mod claims;
mod damage;
mod fixture;
mod oracle;
mod reader;
mod writer;

//! Tests of `eventlog` through the public API.
#![cfg(feature = "eventlog")]

#[cfg(feature = "evtx")]
mod agree;
#[cfg(feature = "evtx")]
mod claims;
#[cfg(feature = "evtx")]
mod damage;
mod fixture;
#[cfg(feature = "evtx")]
mod kinds;
mod oracle;
mod reader;
mod writer;

//! Tests of `eventlog` through the public API.
#![cfg(feature = "eventlog")]

#[cfg(feature = "evtx")]
mod agree;
mod bookmark;
#[cfg(feature = "evtx")]
mod claims;
#[cfg(feature = "evtx")]
mod damage;
mod fixture;
#[cfg(feature = "evtx")]
mod hostile;
#[cfg(feature = "evtx")]
mod kinds;
mod oracle;
#[cfg(feature = "parallel")]
mod parallel;
mod reader;
mod writer;

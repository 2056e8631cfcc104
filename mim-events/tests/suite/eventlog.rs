//! Tests of `eventlog` through the public API.
#![cfg(feature = "eventlog")]
// Big-endian targets have no `evtx` crate to compare with, so only a part runs there.
#![cfg_attr(
    target_endian = "big",
    allow(dead_code, reason = "fixtures of the rest")
)]

#[cfg(all(feature = "evtx", target_endian = "little"))]
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
#[cfg(target_endian = "little")]
mod oracle;
#[cfg(feature = "parallel")]
mod parallel;
#[cfg(target_endian = "little")]
mod reader;
#[cfg(target_endian = "little")]
mod writer;

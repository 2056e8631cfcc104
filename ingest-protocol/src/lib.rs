//! Upload batches of records from agents to a service, over any transport. **Nothing is
//! lost in silence, and a frame that is sent again is stored once.** Only after a machine
//! went back to a snapshot may records be there twice, and event ids let a store remove
//! those.
//!
//! An agent reads records (MIM requests, audit rows, anything with an id, a kind
//! and a time), a service stores them. Between the two there are crashes,
//! restored backups, slow disks and proxies. The crate holds the part that is
//! hard to get right, and leaves the part that every program does its own way:
//!
//! ```text
//!   agent                                                service
//!   records -> Sender -> frame == any transport ==> Receiver -> records
//!                 |                                       |
//!              journal                                 journal
//! ```
//!
//! - [`sender`] and [`receiver`] are pure state machines: bytes and decisions come out, bytes and
//!   answers go in. There is **no clock, socket, thread or random source** inside; `now` is an
//!   argument. Both pages draw the machine, and say the driving loop in a sentence and in code.
//! - [`frame`] is what is sent and stored; the [specification](spec) says each byte of it.
//! - The `journal` feature stores on `std::fs`, and adds both ends in one piece:
//!   `sender::SpooledSender` for an agent, `receiver::ReceiverLog` for a service.
//! - Records are opaque payloads. The crate depends on neither of its siblings,
//!   `mim-events` and `report-query`, and works for events of any other kind.
//!
//! # The contract
//!
//! 1. **Identity outlives connections.** A batch is named by its stream (a UUID
//!    of the agent's log) and the sequence number of its first record, not by a
//!    connection. It is sealed into a frame once and resent byte for byte, but for the
//!    trailer that authenticates it, which is made with the key in use.
//! 2. **A frame commits whole or not at all.** The receiver keeps one watermark
//!    for each stream, and fingerprints of the frames before it, so that a frame
//!    that was stored already is acknowledged and not stored again, and a sender
//!    that was restored from an old backup is noticed.
//! 3. **An acknowledgement means "may delete".** It can only be made from a
//!    commit; no other answer, and no silence, ever means that records may go.
//! 4. **What is lost is said.** Where records can't be sent (a full disk, a log
//!    that wrapped before it was read), the next frame declares how many.
//! 5. **Bad records never stop good ones.** They are quarantined with a reason, and
//!    the acknowledgement lists them.
//!
//! # The three states of a batch
//!
//! ```text
//!             seal                transmit              acknowledge
//!  records ---------> spooled ---------------> in flight ----------> acknowledged
//!                        ^                         |                (may be deleted)
//!                        +--- no answer, refused --+
//! ```
//!
//! # How far it can be trusted
//!
//! A model in the tests drives the real sender and receiver over simulated disks (which lose, tear
//! and reorder what was not synced, and fail to sync) and a channel that drops, repeats, reorders,
//! cuts, flips and mixes up what it carries, while both sides crash, start again and go back to snapshots.
//! Each rule of the specification can be left out there, and the model then fails.
//!
//! # Features
//!
//! None is on by default.
//!
//! - `zstd`: compress bodies (level 3, a window of 8 MiB); needs a C compiler.
//! - `mac`: authenticate frames with HMAC-SHA256, keys by name.
//! - `journal`: the spool and the service's log, on `std::fs`; `sim` adds a disk that
//!   fails, for tests.
//! - `encrypt`: encrypt bodies end to end with AES-256-GCM-SIV, keys by name.
//! - `http`: requests and responses, frames or NDJSON, in the types of the `http` crate;
//!   `gzip` takes NDJSON that is compressed so, and `zstd` the other.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs_ingest_protocol, feature(doc_cfg))]

mod answer;
pub mod frame;
#[cfg(feature = "http")]
pub mod http;
mod ids;
#[cfg(feature = "journal")]
pub mod journal;
pub mod receiver;
#[cfg(feature = "sim")]
#[doc(hidden)]
pub mod rules;
#[cfg(not(feature = "sim"))]
#[allow(unreachable_pub)] // public where tests leave one out
mod rules;
pub mod sender;

pub use answer::{Ack, Action, Answer, Code, Crc64, Outcome, Problem, Rejected};
pub use ids::{Audience, KeyId, StreamId};

pub mod spec {
    #![doc = include_str!("../SPEC.md")]
}

/// The README's code compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;

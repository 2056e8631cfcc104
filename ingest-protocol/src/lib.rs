//! Upload batches of records from agents to a service: **nothing lost, nothing
//! twice, over any transport**.
//!
//! <div class="warning">
//!
//! This version reserves the crate and states its contract. It has no items
//! yet: the frame, the two state machines, the journal and the HTTP mapping
//! arrive with the next releases, in that order.
//!
//! </div>
//!
//! # What it will be
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
//! - It does **no I/O**: bytes and decisions come out, bytes and answers go in.
//!   There is no clock, socket, thread or random source inside; `now` is an argument.
//! - Records are opaque payloads. The crate depends on neither of its siblings,
//!   `mim-events` and `report-query`, and works for events of any other kind.
//!
//! # The contract
//!
//! 1. **Identity outlives connections.** A batch is named by its stream (a UUID
//!    of the agent's log) and the sequence number of its first record, not by a
//!    connection. It is sealed into a frame once and resent byte for byte.
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
//! # Features
//!
//! None yet. Compression, authentication, encryption, the journal on `std::fs`
//! and the HTTP mapping will each be a feature, none of them on by default.
#![forbid(unsafe_code)]

#[cfg(feature = "journal")]
pub mod journal;

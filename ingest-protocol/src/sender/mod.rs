//! The sender: from records to acknowledged frames ([SPEC](crate::spec) section 3).
//!
//! ```text
//!           push            full, old, flush          poll_spool: durable
//!  record ---------> batch ------------------> sealed -------------------> spooled
//!                                                                            |  ^
//!                                                              poll_transmit |  | retry, verify, hold,
//!                                                                            v  | rewind, no answer
//!                      released <--- acknowledged <--------------------- in flight
//!                                                         ack                |
//!                                                                            | split, downgrade, restamp:
//!                                           sealed anew, spooled <-----------+ (never stored as it was)
//! ```
//!
//! The driving loop in one sentence: carry out every [`poll_spool`](Sender::poll_spool), send what
//! [`poll_transmit`](Sender::poll_transmit) gives and hand its answer back, look at every
//! [`poll_event`](Sender::poll_event), and when there is nothing to do wait until
//! [`poll_timeout`](Sender::poll_timeout) or the next record.
//!
//! ```
//! use std::time::Instant;
//! use ingest_protocol::frame::{Frame, Header, Limits, Record};
//! use ingest_protocol::receiver::{Decision, StreamState};
//! use ingest_protocol::sender::{Sender, SenderConfig};
//!
//! # let tenant: ingest_protocol::Audience = "6f1d2c3b-4a59-4e8f-9b70-112233445566".parse()?;
//! # let stream = "0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01".parse()?;
//! let (now, limits) = (Instant::now(), Limits::default());
//! let mut sender = Sender::new(SenderConfig::new(tenant).max_records(2), stream);
//! let mut state = StreamState::default(); // the receiver's, one for each stream
//!
//! sender.push(Record::new(r#"{"Operation":"Create"}"#), now)?;
//! sender.push(Record::new(r#"{"Operation":"Delete"}"#), now)?;
//! while let Some(transmit) = sender.poll_transmit(now) {
//!     let header = Header::peek(&transmit.frame, &limits)?;
//!     let ack = match state.decide(&header) {
//!         Decision::Commit(commit) => {
//!             let frame = Frame::open(transmit.frame.clone(), &limits)?;
//!             for record in &frame { /* store it durably, with commit.state() */ }
//!             let (next, ack) = commit.committed(Vec::new());
//!             state = next;
//!             ack
//!         }
//!         Decision::Duplicate(ack) => ack,
//!         Decision::Refuse(problem) => {
//!             sender.handle_problem(transmit.id, problem, now);
//!             continue;
//!         }
//!     };
//!     sender.handle_ack(transmit.id, &ack, now);
//! }
//! assert_eq!(sender.backlog(), 0);
//! assert_eq!(state.next_seq(), 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Numbers
//!
//! Records have numbers in the spool, given once. A sequence number is a record's number less
//! that of the stream's sequence number 0. So a stamp follows from what was acknowledged, and a
//! frame is sealed anew, when it comes to the head, exactly if its stamp is not the one that comes next:
//! after a new stream, after a hole, after a split. What has no frame is a hole, and is
//! declared lost by the frame after it.

mod batch;
mod config;
mod event;
mod handle;
mod machine;
mod poll;
mod queue;
mod recover;
mod reseal;
mod retry;
mod seal;
mod spool;
#[cfg(feature = "journal")]
mod spooled;
mod tombstone;

pub use config::SenderConfig;
pub use event::Event;
pub use handle::StreamInUse;
pub use machine::{FrameId, PushError, Sender};
pub use poll::Transmit;
pub use recover::{RecoverError, spooled_header};
pub use spool::SpoolOp;
#[cfg(feature = "journal")]
pub use spooled::{SpoolError, SpooledSender};

//! The receiver: what becomes of a frame that arrives ([SPEC](crate::spec) section 4).
//!
//! ```text
//!               not a frame, another's, too large           400 403 413 415
//!             +--------------------------------------------------------------> Refuse(Problem)
//!             |    stored before (R2)                            200 duplicate
//!  bytes -----+--------------------------------------------------------------> Duplicate(Ack)
//!  Receiver   |    too early (R3), numbers used (R4), forgotten (R5)   409 410
//!             +--------------------------------------------------------------> Refuse(Problem)
//!             |    next (R1)
//!             +----> Commit --- store records and state ---> committed() ---> Ack, 200
//!                      |             in one transaction
//!                      +--- it failed, or someone was first: drop it, decide again
//! ```
//!
//! The driving loop in one sentence: look up the stream's [`StreamState`], let
//! [`Receiver::receive`] decide, and where it says [`Commit`], store the records together with
//! [`Commit::state`] before [`Commit::committed`] makes the acknowledgement.
//!
//! ```
//! use std::collections::HashMap;
//! use ingest_protocol::frame::{Limits, Opener, Record, Sealer, Stamp};
//! use ingest_protocol::receiver::{Receiver, Reception, StreamState};
//! use ingest_protocol::{Outcome, StreamId};
//!
//! # let (audience, stream) = ("6f1d2c3b-4a59-4e8f-9b70-112233445566".parse()?, "0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01".parse()?);
//! # let bytes = Sealer::new(Limits::default()).seal(&Stamp::new(audience, stream, 1), &[Record::new("{}")])?;
//! let receiver = Receiver::new(Opener::new(Limits::default()).with_audience(audience));
//! let mut store: HashMap<StreamId, StreamState> = HashMap::new();
//!
//! for attempt in 0..2 {
//!     let stream = receiver.header(&bytes)?.stream();
//!     match receiver.receive(bytes.clone(), store.get(&stream), None) {
//!         Reception::Commit(frame, commit) => {
//!             let rejected = ingest_protocol::receiver::not_json(&frame);
//!             // one transaction: the records, those that are set aside, and
//!             store.insert(stream, commit.state().clone());
//!             let (_, ack) = commit.committed(rejected);
//!             assert_eq!((attempt, ack.outcome()), (0, Outcome::Committed));
//!         }
//!         Reception::Duplicate(ack) => assert_eq!((attempt, ack.next_seq()), (1, 2)),
//!         Reception::Refuse(problem) => println!("{}", serde_json::to_string(&problem)?),
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **Several front ends** may share a store. Each commit carries [`Commit::expected_next_seq`]:
//! make the transaction depend on the stored state still having it (compare-and-swap), and
//! where it has not, load the state and decide again. No change of a state leaves `next_seq`
//! as it was, so the one number is enough.
//!
//! **Who may send** is decided before: bind a stream to the identity that began it, since
//! whoever may write into a stream learns its `next_seq` ([SPEC](crate::spec) section 9).

mod decide;
#[cfg(feature = "journal")]
mod log;
mod quarantine;
mod receive;
mod state;

pub use decide::{Commit, Decision};
#[cfg(feature = "journal")]
pub use log::{ReceiverLog, Stored};
pub use quarantine::not_json;
pub use receive::{Receiver, Reception};
pub use state::StreamState;

//! The protocol over HTTP ([SPEC](crate::spec) section 7), in the types of the `http`
//! crate, which most clients and servers speak. No I/O: requests and responses are made and read,
//! whoever embeds this sends them.
//!
//! ```text
//!  sender                                                            receiver
//!  Transmit::frame --request()--> POST /v1/batches --Endpoint::read()--> a frame
//!  Answer <------answer()------- 200, 4xx, 5xx <-------respond()------- Answer
//!
//!  curl, a script --- NDJSON ---> POST /v1/batches --Endpoint::read()--> a frame
//! ```
//!
//! The sender's side: [`request`] and [`answer`].
//!
//! ```
//! use std::time::Instant;
//! use ingest_protocol::frame::Record;
//! use ingest_protocol::http;
//! use ingest_protocol::sender::{Sender, SenderConfig};
//! # use ::http as types;
//! # let tenant: ingest_protocol::Audience = "6f1d2c3b-4a59-4e8f-9b70-112233445566".parse()?;
//! # let stream = "0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01".parse()?;
//! # let send = |_: types::Request<_>| types::Response::builder().status(503).body(b"busy".to_vec());
//! # let time = "2026-11-28T12:00:00Z".parse()?;
//! let mut sender = Sender::new(SenderConfig::new(tenant), stream);
//! # let now = Instant::now();
//! sender.push(Record::new("{}"), now)?;
//! sender.flush()?;
//! while let Some(transmit) = sender.poll_transmit(now) {
//!     let uri = "https://ingest.example.com/v1/batches".parse()?;
//!     match send(http::request(uri, transmit.frame)) {
//!         Ok(response) => sender.handle_answer(transmit.id, http::answer(&response, time), now),
//!         Err(_) => sender.handle_failure(transmit.id, now),
//!     }
//! }
//! # assert_eq!(sender.backlog(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The receiver's side: [`Endpoint`] and [`respond`].
//!
//! ```
//! use bytes::Bytes;
//! use ingest_protocol::frame::{Limits, Opener};
//! use ingest_protocol::http::{Call, Endpoint, respond};
//! use ingest_protocol::receiver::{Receiver, Reception, not_json};
//! use ingest_protocol::{Answer, StreamId};
//! # use ::http as types;
//! # let tenant: ingest_protocol::Audience = "6f1d2c3b-4a59-4e8f-9b70-112233445566".parse()?;
//! # fn random() -> StreamId { StreamId(uuid::Uuid::from_u128(7)) }
//!
//! let limits = Limits::default();
//! let endpoint = Endpoint::new(tenant, limits);
//! let receiver = Receiver::new(Opener::new(limits).with_audience(tenant));
//!
//! let serve = |request: types::Request<Bytes>| {
//!     let (parts, body) = request.into_parts(); // at most `frame_bytes` of a body are read
//!     let frame = match endpoint.read(&parts, body, random) {
//!         Ok(Call::Frame(frame)) => frame,
//!         Ok(_) => return endpoint.limits_response(),
//!         Err(refused) => return refused.response(),
//!     };
//!     let state = None; // looked up by the stream of `receiver.header(&frame)`
//!     respond(&match receiver.receive(frame, state, None) {
//!         // stored, with the state
//!         Reception::Commit(frame, commit) => Answer::Ack(commit.committed(not_json(&frame)).1),
//!         Reception::Duplicate(ack) => Answer::Ack(ack),
//!         Reception::Refuse(problem) => Answer::Problem(problem),
//!     })
//! };
//!
//! let request = types::Request::post("/v1/batches")
//!     .header("Content-Type", "application/x-ndjson")
//!     .header("Idempotency-Key", "0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01")
//!     .body(Bytes::from("{\"line\":1}\n{\"line\":2}\n"))?;
//! let response = serve(request);
//! assert_eq!(response.status(), 200);
//! assert!(response.body().starts_with(br#"{"stream":"0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01","first_seq":1,"count":2"#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **Not here**: who may send (bind a stream to the identity that began it, [SPEC](crate::spec)
//! section 9), TLS, how many requests at once, and how long one may take.

mod client;
mod content;
mod endpoint;
mod ndjson;
mod respond;
mod retry_after;

use ::http::HeaderName;

pub use client::{answer, request};
pub use endpoint::{Call, Endpoint, Refused};
pub use respond::respond;
pub use retry_after::retry_after;

/// Where frames and NDJSON are posted.
pub const BATCHES_PATH: &str = "/v1/batches";
/// Where the receiver's limits are.
pub const LIMITS_PATH: &str = "/v1/limits";
/// The content type of a frame.
pub const FRAME_TYPE: &str = "application/vnd.hybrid-reporting.batch";
/// The content types of one record a line.
pub const LINES_TYPES: [&str; 2] = ["application/x-ndjson", "application/jsonl"];
/// Names an upload of lines, so that it is stored once however often it is sent.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The most bytes of an answer: read no more.
pub const ANSWER_BYTES: usize = 64 * 1024;

//! The framing of requests in events: one document is one event, or several.
//!
//! MIM logs a request as JSON. One that fits an event is the only string of
//! event 4121. A longer one is cut, and each part is an event 4137 that begins
//! with a header:
//!
//! ```text
//! Request '9b6f8c34-5a0e-4a37-9a55-3f4b8f6f1d01', message 2 out of 3: ⏎
//! ,"DisplayName":"Update to Group:  'Night Sh
//! ```
//!
//! [`split`] cuts a document as MIM does, [`document_events`] makes the events, and
//! [`Assembler`] puts the documents together again.
//!
//! ```
//! use mim_events::eventlog::{MIM_CHANNEL, MIM_PROVIDER, OwnedLogEvent, REQUEST};
//! use mim_events::message::{Assembler, document_events};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let id = "9b6f8c34-5a0e-4a37-9a55-3f4b8f6f1d01".parse()?;
//! let text = format!(r#"{{"HybridObjectID":"{id}","Description":"{}"}}"#, "x".repeat(70_000));
//! let like = OwnedLogEvent::new(MIM_PROVIDER, REQUEST)
//!     .channel(MIM_CHANNEL)
//!     .computer("mim.example.test");
//!
//! let mut assembler = Assembler::new();
//! let mut documents = 0;
//! for event in document_events(&text, id, &like)? {
//!     if let Some(document) = assembler.push(&event.as_event())? {
//!         assert_eq!(document.as_str(), text);
//!         assert_eq!(document.origin().parts, 3);
//!         assert_eq!(document.parse()?.id(), Some(id));
//!         documents += 1;
//!     }
//! }
//! assert_eq!(documents, 1);
//! assert!(assembler.finish().is_empty()); // nothing waits for a part that never came
//! # Ok(())
//! # }
//! ```
//!
//! # The header
//! ```text
//! blank* "Request" blank* ":"? blank* quote? GUID quote? blank* "," blank*
//! "message" blank+ N blank+ "out" blank+ "of" blank+ M [ \t]* ":"? [ \t]* line-break?
//! ```
//! in any case, the GUID with or without braces and hyphens. The one known reader
//! and the documentation differ in colons, quotes and the line break; both forms
//! are read. Exactly one line break (LF or CR LF) belongs to the header, and the
//! colon stands on the header's line: whatever follows is the document's, blanks too.
//!
//! # What counts as a document
//! The text decides, not the event id. Of an event's strings the first that
//! has a header is a part, or the first that begins with `{` is a document,
//! whichever comes first. An event 4121 or 4137 with no such string, but with one
//! string that is not blank, has that as its document (which will not parse, and
//! says where). Anything else is [`NoDocument`](crate::ErrorKind::NoDocument). The text is
//! handed on as it is, with a byte order mark or NULs around it.
//!
//! # What can happen to parts
//! Parts belong together by computer, channel and GUID. They are joined as UTF-16
//! and decoded once, since a cut may fall anywhere, between two surrogates too.
//!
//! | parts | outcome |
//! |---|---|
//! | out of order, interleaved with others | joined by number |
//! | the same part again | ignored, counted in [`AssemblerSummary::duplicates`] |
//! | a part again with other content, or with another total | what was there is reported as [`Incomplete`]; assembly begins anew with this part: [`PartConflict`](crate::ErrorKind::PartConflict) |
//! | a part of a finished document again | kept apart, see below |
//! | some never came | reported as [`Incomplete`] with the missing numbers and the text of the rest |
//! | number 0, above the total, or a total above the limit | [`PartNumber`](crate::ErrorKind::PartNumber), not kept |
//! | more waits than a [limit](AssemblerLimits) allows | the oldest is reported as [`Incomplete`] |
//!
//! The same GUID may be logged again after it was complete, at another status or
//! as the same text once more. So the assembler remembers a bounded number of
//! finished documents by the hashes of their parts, and a part that equals one
//! of them may be a late copy or the beginning of a second set. It is kept, but
//! apart: if the other parts follow, be they copies or not, there is a new
//! document; if none does, the copies are dropped and counted in
//! [`AssemblerSummary::late_copies`], since nothing is lost with them. Until a part
//! comes that is no copy they are not [waited for](Assembler::waiting_records), they are the
//! first to go when a limit is reached, and a part that differs takes the place
//! of a copy without a conflict.

mod assembler;
mod document;
mod finished;
mod header;
mod limits;
mod report;
mod split;
mod waiting;

pub use assembler::Assembler;
pub use document::Document;
pub use header::Header;
pub use limits::AssemblerLimits;
pub use report::{AssemblerSummary, Incomplete, IncompleteReason};
pub use split::{document_events, split};

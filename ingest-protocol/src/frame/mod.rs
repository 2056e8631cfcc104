//! The frame: records as they are sent, stored and sent again ([SPEC](crate::spec)
//! section 2).
//!
//! ```text
//!  Records --seal--> [ header 96 B, clear | body: sections | MAC trailer ]
//!                        |                    |
//!            Header::peek, Header::      Frame::open
//!            fingerprint: who, what,     checked, zero-copy
//!            how much, seen before?      records
//! ```
//!
//! - [`Sealer`] makes frames, [`Opener`] (or [`Frame::open`]) reads them;
//!   [`Header::peek`] reads the first 96 bytes alone.
//! - Every length is checked against [`Limits`] before it is used or allocated.
//! - A frame whose bytes end too early is told from one that is wrong:
//!   [`FrameError::needed`].
//!
//! ```
//! use ingest_protocol::frame::{Frame, Limits, Record, Sealer, Stamp};
//!
//! # let (audience, stream) = ("6f1d2c3b-4a59-4e8f-9b70-112233445566".parse()?, "0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01".parse()?);
//! let limits = Limits::default();
//! let records = [Record::new(r#"{"Operation":"Create"}"#), Record::new(r#"{"Operation":"Delete"}"#)];
//! let sealed = Sealer::new(limits).seal(&Stamp::new(audience, stream, 1), &records)?;
//!
//! let frame = Frame::open(sealed, &limits)?;
//! assert_eq!(frame.header().next_seq(), 3);
//! assert_eq!(frame.records().next().map(|record| record.payload()), Some(&br#"{"Operation":"Create"}"#[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod checksum;
#[cfg(feature = "zstd")]
mod codec;
#[cfg(feature = "encrypt")]
mod encrypt;
mod error;
mod header;
#[cfg(any(feature = "mac", feature = "encrypt"))]
mod keys;
mod limits;
#[cfg(feature = "mac")]
mod mac;
mod open;
mod record;
mod seal;
mod section;
mod stamp;

pub(crate) use checksum::crc64;
#[cfg(feature = "encrypt")]
pub use encrypt::EncryptKey;
pub use error::{FrameError, FrameErrorKind};
pub use header::{Fingerprint, Header};
#[cfg(any(feature = "mac", feature = "encrypt"))]
pub use keys::{KeyRing, NamedKey};
pub use limits::Limits;
#[cfg(feature = "mac")]
pub use mac::MacKey;
pub use open::{Frame, Opener, Records};
pub use record::{Record, RecordRef};
pub use seal::{SealError, Sealer};
pub use stamp::{Format, Stamp};

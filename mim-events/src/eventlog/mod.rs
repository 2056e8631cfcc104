//! Windows event logs (`.evtx`): read, filter, write.

mod capacity;
#[cfg(feature = "eventlog")]
mod check;
mod event;
#[cfg(feature = "eventlog")]
mod format;
#[cfg(feature = "eventlog")]
mod writer;

pub use capacity::text_capacity;
#[cfg(feature = "eventlog")]
pub use check::{CheckReport, check, check_file};
pub use event::{
    Datum, Lane, LogEvent, MIM_CHANNEL, MIM_PROVIDER, OwnedLogEvent, REQUEST, REQUEST_PART,
};
#[cfg(feature = "eventlog")]
pub use writer::LogWriter;

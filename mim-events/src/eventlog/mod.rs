//! Windows event logs (`.evtx`): read, filter, write.

mod event;
#[cfg(feature = "eventlog")]
mod format;

pub use event::{
    Datum, Lane, LogEvent, MIM_CHANNEL, MIM_PROVIDER, OwnedLogEvent, REQUEST, REQUEST_PART,
};

//! Windows event logs (`.evtx`): read, filter, write.

mod event;

pub use event::{
    Datum, Lane, LogEvent, MIM_CHANNEL, MIM_PROVIDER, OwnedLogEvent, REQUEST, REQUEST_PART,
};

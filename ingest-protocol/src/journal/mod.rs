//! The spool and the log.
mod append;
mod block;
mod checkpoint;
mod entry;
mod erase;
mod error;
mod fs;
mod head;
mod marks;
mod options;
mod position;
mod read;
mod reclaim;
mod recover;
mod report;
mod scan;
#[cfg(feature = "sim")]
#[doc(hidden)]
pub mod sim;
mod state;
mod storage;

pub use entry::{Append, Entry};
pub use erase::Rewrite;
pub use error::{Error, Result};
pub use fs::{FsFile, FsStorage};
pub use options::{Options, SyncPolicy};
pub use position::{Position, PositionProblem};
pub use read::{Item, Reader};
pub use report::{Finding, Recovery};
pub use state::Journal;
pub use storage::{Storage, StorageFile};

//! What the agent tells of itself: a file beside the spool, written anew after each change, and
//! each minute.

use std::path::Path;
use std::time::SystemTime;

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::balance::Balance;
use crate::disk;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    /// When this was so.
    pub(crate) at: Option<DateTime<Utc>>,
    pub(crate) process: u32,
    pub(crate) balance: Balance,
    /// What the spool takes on the disk, and may take.
    pub(crate) spool_bytes: u64,
    pub(crate) spool_max: u64,
    /// Since when the oldest record waits that is not acknowledged.
    pub(crate) oldest: Option<DateTime<Utc>>,
    /// When the sources were last read to their ends.
    pub(crate) last_read: Option<DateTime<Utc>>,
    /// When something was last acknowledged.
    pub(crate) last_success: Option<DateTime<Utc>>,
    /// When the sources are read next.
    pub(crate) next: Option<DateTime<Utc>>,
    pub(crate) batches_sent: u64,
    pub(crate) batches_failed: u64,
    /// Why nothing is read on.
    pub(crate) blocked: Option<String>,
    /// The reason is that the disk is full.
    pub(crate) disk_full: bool,
    /// The reason is that the disk fails: all is opened anew, again and again until that works.
    pub(crate) disk_failing: bool,
    /// How often it failed since the start.
    pub(crate) disk_failures: u64,
    /// Why the service does not take what is sent.
    pub(crate) held: Option<String>,
    /// By how many seconds this machine's clock is ahead of the service's; negative: behind.
    pub(crate) clock_ahead: Option<i64>,
    pub(crate) sources: Vec<Source>,
}

/// A log or another source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) read_through: Option<u64>,
    /// When its newest record was written that was read.
    pub(crate) newest: Option<DateTime<Utc>>,
    pub(crate) trouble: Option<String>,
}

pub(crate) fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}

impl Status {
    pub(crate) fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }

    /// Whether both tell the same, whenever it was so.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        let at = other.at;
        *other == Self { at, ..self.clone() }
    }

    /// Not synced: after a crash of the machine the spool tells more. That the disk is full is told
    /// on a full disk.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let bytes = serde_json::to_vec_pretty(self)?;
        let written = disk::replace(path, &bytes, false);
        Ok(written.or_else(|error| disk::overwrite(path, &bytes).map_err(|_| error))?)
    }

    /// How long the oldest record waits, in seconds.
    pub(crate) fn oldest_age(&self, now: DateTime<Utc>) -> i64 {
        self.oldest
            .map_or(0, |oldest| (now - oldest).num_seconds().max(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_the_same_whenever_it_is_told() {
        let before = Status {
            at: Some(now()),
            batches_sent: 7,
            ..Status::default()
        };
        let later = Status {
            at: None,
            ..before.clone()
        };
        assert!(later.is_as(&before));
        let sent = Status {
            batches_sent: 8,
            ..before.clone()
        };
        assert!(!sent.is_as(&before));
    }
}

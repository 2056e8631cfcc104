//! The ledger: what answers told that nothing else keeps.
//!
//! The spool knows what is acknowledged, but not how many of these records the service set
//! aside, nor how many losses it was told of. Both are written here before the spool notes the
//! acknowledgement durably. A frame that is sent again after a kill is known by its stamp, and
//! counts once.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use ingest_protocol::StreamId;
use ingest_protocol::frame::Limits;
use serde::{Deserialize, Serialize};

use crate::disk;

const VERSION: u32 = 1;
/// More than can be acknowledged and not durably so.
const REMEMBERED: usize = 128;

#[derive(Debug)]
pub(crate) struct Ledger {
    path: PathBuf,
    kept: Kept,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    version: u32,
    /// Acknowledged records that the service set aside.
    #[serde(default)]
    rejected: u64,
    /// Lost records that the service was told of.
    #[serde(default)]
    lost: u64,
    /// Stamps of the last frames that counted.
    #[serde(default)]
    frames: VecDeque<(StreamId, u64, u64)>,
    /// What the service accepted when it was last asked.
    #[serde(default)]
    limits: Option<Limits>,
}

/// An acknowledged frame.
pub(crate) struct Acknowledged {
    pub(crate) stream: StreamId,
    pub(crate) first_seq: u64,
    pub(crate) lost: u64,
    pub(crate) rejected: u64,
}

impl Ledger {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let unreadable = || format!("ledger {}", path.display());
        let kept = match std::fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(unreadable)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Kept {
                version: VERSION,
                rejected: 0,
                lost: 0,
                frames: VecDeque::new(),
                limits: None,
            },
            Err(error) => return Err(error).with_context(unreadable),
        };
        ensure!(
            kept.version <= VERSION,
            "ledger {}: written by a newer version of this program",
            path.display()
        );
        Ok(Self {
            path: path.to_owned(),
            kept,
        })
    }

    pub(crate) fn rejected(&self) -> u64 {
        self.kept.rejected
    }

    pub(crate) fn lost(&self) -> u64 {
        self.kept.lost
    }

    pub(crate) fn limits(&self) -> Option<Limits> {
        self.kept.limits
    }

    /// Takes notice of an acknowledgement; durable when this returns.
    pub(crate) fn acknowledged(&mut self, frame: &Acknowledged) -> Result<()> {
        let Acknowledged {
            stream,
            first_seq,
            lost,
            rejected,
        } = *frame;
        let stamp = (stream, first_seq, lost);
        if lost == 0 && rejected == 0 || self.kept.frames.contains(&stamp) {
            return Ok(());
        }
        self.kept.lost = self.kept.lost.saturating_add(lost);
        self.kept.rejected = self.kept.rejected.saturating_add(rejected);
        self.kept.frames.push_back(stamp);
        if self.kept.frames.len() > REMEMBERED {
            self.kept.frames.pop_front();
        }
        self.write()
    }

    /// Keeps the service's limits for a start at which it can't be asked.
    pub(crate) fn set_limits(&mut self, limits: Limits) -> Result<()> {
        if self.kept.limits == Some(limits) {
            return Ok(());
        }
        self.kept.limits = Some(limits);
        self.write()
    }

    fn write(&self) -> Result<()> {
        let bytes = serde_json::to_vec(&self.kept)?;
        disk::replace(&self.path, &bytes, true)
            .with_context(|| format!("ledger {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_counts_once_also_after_a_restart() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("ledger.json");
        let stream = "0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01".parse()?;
        let frame = |first_seq, lost, rejected| Acknowledged {
            stream,
            first_seq,
            lost,
            rejected,
        };
        let mut ledger = Ledger::open(&path)?;
        ledger.acknowledged(&frame(1, 0, 0))?;
        ledger.acknowledged(&frame(8, 5, 2))?;
        let mut ledger = Ledger::open(&path)?;
        // A duplicate's answer does not say what was rejected.
        ledger.acknowledged(&frame(8, 5, 0))?;
        ledger.acknowledged(&frame(11, 0, 1))?;
        assert_eq!((ledger.lost(), ledger.rejected()), (5, 3));
        Ok(())
    }
}

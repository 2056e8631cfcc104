//! The cursor: how far all of a spool's sources were read, and what was made of them.
//!
//! It is stored by each append to the spool, in the same write, and nowhere else. So no
//! kill falls between the two: what a cursor counts as read is spooled, and what is
//! not spooled is read again.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use mim_events::eventlog::Bookmark;
use serde::{Deserialize, Serialize};

use crate::cloud;

/// The version of the stored form that this program writes; it reads all up to it.
const VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    version: u32,
    #[serde(default)]
    pub(crate) totals: Totals,
    /// Logs by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) logs: BTreeMap<String, Bookmark>,
    /// Files of cloud entries by their paths.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) files: BTreeMap<String, cloud::FileMark>,
    /// Walks through Graph by the address that they began with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) walks: BTreeMap<String, cloud::WalkMark>,
}

/// What was read since the spool was made, and what was made of it at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Totals {
    /// Records given to the spool.
    pub(crate) spooled: u64,
    /// Set aside in the agent's quarantine.
    pub(crate) quarantined: u64,
    /// Requests of which parts never came, likewise.
    pub(crate) incomplete: u64,
    /// Records that the source lost before they were read.
    pub(crate) lost: u64,
    /// Entries left out since they were read before; not among those read.
    pub(crate) duplicates: u64,
}

impl Default for Cursor {
    fn default() -> Self {
        Self {
            version: VERSION,
            totals: Totals::default(),
            logs: BTreeMap::new(),
            files: BTreeMap::new(),
            walks: BTreeMap::new(),
        }
    }
}

impl Cursor {
    /// Reads what a spool has; a new spool has none.
    pub(crate) fn read(stored: Option<&[u8]>) -> Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let Some(stored) = stored else {
            return Ok(Self::default());
        };
        let unknown = "the spool's cursor can't be read: is it another program's folder?";
        let Version { version } = serde_json::from_slice(stored).context(unknown)?;
        ensure!(
            version <= VERSION,
            "the spool's cursor is of version {version}, and this program knows up to {VERSION}: update it"
        );
        let mut cursor: Self = serde_json::from_slice(stored).context(unknown)?;
        cursor.version = VERSION;
        Ok(cursor)
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).context("the cursor")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_version_1_wrote_is_read() -> Result<()> {
        let stored = br#"{"version":1,"totals":{"spooled":9,"quarantined":1,"incomplete":0,"lost":2,"duplicates":0},"logs":{"requests":{"version":1,"read_through":12}}}"#;
        let cursor = Cursor::read(Some(stored))?;
        assert_eq!(cursor.totals.spooled, 9);
        assert_eq!(cursor.logs["requests"].read_through(), Some(12));
        assert_eq!(cursor.to_bytes()?, stored);
        Ok(())
    }

    #[test]
    fn a_newer_version_is_refused_and_so_is_what_is_no_cursor() {
        for (stored, told) in [
            (&br#"{"version":2,"logs":7}"#[..], "version 2"),
            (&b"\x07\0\0\0\0\0\0\0"[..], "another program"),
        ] {
            let error = format!("{:#}", Cursor::read(Some(stored)).unwrap_err());
            assert!(error.contains(told), "{error}");
        }
    }
}

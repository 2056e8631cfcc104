//! The files of the first run: generated, then read like anybody's.

use std::path::PathBuf;

use anyhow::{Context, Result};
use mim_events::generate::{Files, Options};
use tempfile::TempDir;

/// A generated event log and Entra export in a temporary folder, which goes
/// when this is dropped.
pub struct Sample {
    folder: TempDir,
}

impl Sample {
    /// Writes the files.
    ///
    /// # Errors
    /// The folder or the files can't be written.
    pub fn write() -> Result<Self> {
        let sample = Self {
            folder: tempfile::tempdir().context("a temporary folder")?,
        };
        let options = Options::new(1).requests(400);
        Files::new()
            .evtx(sample.log())
            .cloud(sample.cloud())
            .write(&options, |_| {})?;
        eprintln!(
            "no files given: a sample log and export, written to {}",
            sample.folder.path().display()
        );
        Ok(sample)
    }

    /// The event log.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("IdentityManagerRequestLog.evtx")
    }

    /// The Entra audit export.
    pub fn cloud(&self) -> PathBuf {
        self.folder.path().join("AuditLogs.json")
    }
}

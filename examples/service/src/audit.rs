//! The audit trail: who read what, as lines of JSON on disk.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// How many of the newest entries are listed.
const LISTED: usize = 1_000;

/// One thing that was read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct AuditEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom, as the configuration calls them.
    pub reader: String,
    /// `token`, `session`, `open`.
    pub via: String,
    /// `report`, `query`, `activity`, `raw document`, `person`, `export`, `quarantine`; and what was
    /// kept for others: `saved view`, `saved report`, `deleted view`, `deleted report`.
    pub what: String,
    /// Which one.
    pub which: String,
}

/// The trail of a tenant: a file for each month, only ever appended to.
#[derive(Debug)]
pub struct AuditTrail {
    folder: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    month: String,
    /// The month's file, and its length.
    file: Option<(File, u64)>,
    newest: VecDeque<AuditEntry>,
}

impl AuditTrail {
    /// Opens the trail, or begins one.
    ///
    /// # Errors
    /// The folder can't be made or read.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let mut files: Vec<PathBuf> = fs::read_dir(&folder)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<_>>()?;
        files.retain(|path| {
            path.extension()
                .is_some_and(|extension| extension == "ndjson")
        });
        files.sort();
        let mut newest = VecDeque::new();
        for path in files.iter().rev().take(2).rev() {
            for line in fs::read(path)?.split(|byte| *byte == b'\n') {
                // A line that a crash cut short is no entry.
                if let Ok(entry) = serde_json::from_slice(line) {
                    push(&mut newest, entry);
                }
            }
        }
        Ok(Self {
            folder,
            inner: Mutex::new(Inner {
                newest,
                ..Inner::default()
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what was read. A disk that can't hold it is logged, and stops nobody.
    pub fn record(&self, reader: &str, via: &str, what: &str, which: &str) {
        let entry = AuditEntry {
            at: Utc::now(),
            reader: reader.to_owned(),
            via: via.to_owned(),
            what: what.to_owned(),
            which: which.to_owned(),
        };
        let mut inner = self.lock();
        if let Err(error) = inner.write(&self.folder, &entry) {
            tracing::error!(%error, "the audit trail can't be written");
        }
        push(&mut inner.newest, entry);
    }

    /// The newest entries, newest first.
    #[must_use]
    pub fn newest(&self, most: usize) -> Vec<AuditEntry> {
        self.lock()
            .newest
            .iter()
            .rev()
            .take(most)
            .cloned()
            .collect()
    }
}

impl Inner {
    fn write(&mut self, folder: &Path, entry: &AuditEntry) -> io::Result<()> {
        let month = entry.at.format("%Y-%m").to_string();
        if self.file.is_none() || self.month != month {
            self.file = None;
            self.file = Some(open_file(&folder.join(format!("{month}.ndjson")))?);
            self.month = month;
        }
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let Some((file, length)) = &mut self.file else {
            return Ok(());
        };
        let written = file
            .seek(SeekFrom::Start(*length))
            .and_then(|_| file.write_all(&line));
        if written.is_ok() {
            *length += line.len() as u64;
        } else if file.set_len(*length).is_err() {
            // Of a line that a full disk cut short nothing is to stay; else the next opening ends it.
            self.file = None;
        }
        written
    }
}

/// Opens a month's file; with its length.
fn open_file(path: &Path) -> io::Result<(File, u64)> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .read(true)
        .open(path)?;
    let mut length = file.seek(SeekFrom::End(0))?;
    if length > 0 {
        // What a crash cut short must not swallow the next line.
        let mut last = [0];
        file.seek(SeekFrom::Start(length - 1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
            length += 1;
        }
    }
    Ok((file, length))
}

fn push(newest: &mut VecDeque<AuditEntry>, entry: AuditEntry) {
    if newest.len() == LISTED {
        newest.pop_front();
    }
    newest.push_back(entry);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trail_goes_on_after_a_crash() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let trail = AuditTrail::open(folder.path().into())?;
        trail.record("ann", "token", "report", "audit-log");
        let file = folder.path().join(format!("{}.ndjson", trail.lock().month));
        drop(trail);
        OpenOptions::new()
            .append(true)
            .open(&file)?
            .write_all(b"{\"at\":\"20")?;
        let trail = AuditTrail::open(folder.path().into())?;
        trail.record("bob", "session", "person", "7f3a");
        for trail in [trail, AuditTrail::open(folder.path().into())?] {
            let readers: Vec<_> = trail
                .newest(9)
                .into_iter()
                .map(|entry| entry.reader)
                .collect();
            assert_eq!(readers, ["bob", "ann"]);
        }
        assert_eq!(fs::read_to_string(file)?.lines().count(), 3);
        Ok(())
    }

    #[test]
    fn what_a_full_disk_left_joins_no_entry() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let trail = AuditTrail::open(folder.path().into())?;
        trail.record("ann", "token", "report", "audit-log");
        let file = folder.path().join(format!("{}.ndjson", trail.lock().month));
        OpenOptions::new()
            .append(true)
            .open(&file)?
            .write_all(b"{\"at\":\"\xC3")?;
        trail.record("bob", "session", "person", "7f3a");
        let trail = AuditTrail::open(folder.path().into())?;
        let readers: Vec<_> = trail.newest(9).into_iter().map(|e| e.reader).collect();
        assert_eq!(readers, ["bob", "ann"]);
        Ok(())
    }
}

//! What the agent could not read: kept in `quarantine.ndjson` with reason and place.
//!
//! An entry is durable before the cursor moves past what it is about. After a kill the same is
//! read again, and known by its place and reason, and its text where no record has a number: it
//! stands in the file once.

use std::collections::HashSet;
use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::disk;

/// One line of the file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Entry {
    /// The log or file.
    pub(crate) source: String,
    pub(crate) record_id: Option<u64>,
    pub(crate) offset: Option<u64>,
    pub(crate) line: Option<u64>,
    /// When the newest record was written that was read before: a log that began again has
    /// the same places for other records.
    pub(crate) after: Option<DateTime<Utc>>,
    /// Why: positions and sizes.
    pub(crate) reason: String,
    /// The text, which holds people's data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) raw: Option<String>,
    /// Bytes of the text, where it was not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) raw_bytes: Option<u64>,
    /// What the text hashes to, where there is no record id: places repeat from page to page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<Uuid>,
}

impl Entry {
    /// The entry of an error of `mim_events`.
    pub(crate) fn of(source: &str, error: &mim_events::Error) -> Self {
        Self {
            source: source.to_owned(),
            record_id: error.record_id(),
            offset: error.offset(),
            line: error.line(),
            reason: error.kind().to_string(),
            ..Self::default()
        }
    }

    /// Notes what is known of the text before it may go.
    fn with_text_known(mut self) -> Self {
        if let (None, None, Some(raw)) = (self.record_id, self.text, &self.raw) {
            self.text = Some(Uuid::new_v5(&Uuid::nil(), raw.as_bytes()));
        }
        self
    }

    fn key(&self) -> u64 {
        // Equal in each run of one version of this program; after an update, an entry may
        // stand twice in the file.
        let mut hasher = DefaultHasher::new();
        (&self.source, self.record_id, self.offset, self.line).hash(&mut hasher);
        (self.after, &self.reason, self.text).hash(&mut hasher);
        hasher.finish()
    }
}

pub(crate) struct Quarantine {
    file: File,
    path: PathBuf,
    known: HashSet<u64>,
    /// Bytes that are durable.
    bytes: u64,
    /// Lines that are not durable yet.
    waiting: Vec<u8>,
    max: u64,
}

impl Quarantine {
    /// Opens the file, and cuts off a line that a kill left unfinished.
    pub(crate) fn open(path: &Path, max: u64) -> Result<Self> {
        Self::open_to(path, max, u64::MAX)
    }

    /// Opens the file anew, after the disk failed. Of what was never durable, what can be read may be in
    /// the cache alone: it is cut off, and written again by the next [`sync`](Self::sync).
    pub(crate) fn reopen(&mut self) -> Result<()> {
        let mut anew = Self::open_to(&self.path, self.max, self.bytes)?;
        for line in self.waiting.split_inclusive(|byte| *byte == b'\n') {
            let entry: Entry = serde_json::from_slice(line)?;
            if anew.known.insert(entry.with_text_known().key()) {
                anew.waiting.extend_from_slice(line);
            }
        }
        *self = anew;
        Ok(())
    }

    /// Opens the file, of which only so many bytes are to be trusted.
    fn open_to(path: &Path, max: u64, durable: u64) -> Result<Self> {
        let place = || format!("quarantine {}", path.display());
        let file = disk::append(path).with_context(place)?;
        if file.metadata().with_context(place)?.len() > durable {
            file.set_len(durable).with_context(place)?;
        }
        let (mut known, mut bytes) = (HashSet::new(), 0);
        let mut reader = BufReader::new(&file);
        reader.seek(SeekFrom::Start(0)).with_context(place)?;
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).with_context(place)? > 0 {
            if line.last() != Some(&b'\n') {
                break;
            }
            bytes += line.len() as u64;
            if let Ok(entry) = serde_json::from_slice::<Entry>(&line) {
                known.insert(entry.with_text_known().key());
            }
            line.clear();
        }
        file.set_len(bytes).with_context(place)?;
        Ok(Self {
            file,
            path: path.to_owned(),
            known,
            bytes,
            waiting: Vec::new(),
            max,
        })
    }

    /// Keeps an entry, unless it is there already. Durable after [`sync`](Self::sync).
    pub(crate) fn keep(&mut self, entry: Entry) -> Result<()> {
        let mut entry = entry.with_text_known();
        if !self.known.insert(entry.key()) {
            return Ok(());
        }
        if self.bytes + self.waiting.len() as u64 >= self.max {
            entry.raw_bytes = entry.raw.take().map(|raw| raw.len() as u64);
        }
        serde_json::to_writer(&mut self.waiting, &entry)?;
        self.waiting.push(b'\n');
        Ok(())
    }

    /// Makes durable what is kept. What finds no room waits for the next call.
    pub(crate) fn sync(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let mut file = &self.file;
        let written = file
            .write_all(&self.waiting)
            .and_then(|()| file.sync_data());
        if let Err(error) = written {
            // Of what was written nobody knows what is durable: all of it is written again.
            file.set_len(self.bytes)
                .and(Err(error))
                .with_context(|| format!("quarantine {}", self.path.display()))?;
        }
        self.bytes += self.waiting.len() as u64;
        self.waiting = Vec::new();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(record: u64) -> Entry {
        Entry {
            source: "log".into(),
            record_id: Some(record),
            reason: "damaged record".into(),
            raw: Some("x".repeat(100)),
            ..Entry::default()
        }
    }

    #[test]
    fn what_is_read_again_after_a_kill_stands_there_once() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("quarantine.ndjson");
        let mut quarantine = Quarantine::open(&path, 1 << 20)?;
        quarantine.keep(entry(1))?;
        quarantine.keep(entry(2))?;
        quarantine.sync()?;
        // The kill fell into the second line.
        let whole = std::fs::read(&path)?;
        std::fs::write(&path, &whole[..whole.len() - 7])?;
        let mut quarantine = Quarantine::open(&path, 1 << 20)?;
        for record in 1..=3 {
            quarantine.keep(entry(record))?;
        }
        quarantine.sync()?;
        let text = std::fs::read_to_string(&path)?;
        let ids: Vec<Entry> = text
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()?;
        let ids: Vec<_> = ids.iter().filter_map(|entry| entry.record_id).collect();
        assert_eq!(ids, [1, 2, 3]);
        Ok(())
    }

    #[test]
    fn texts_at_the_same_place_of_two_pages_are_two_also_without_their_text() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("quarantine.ndjson");
        let of = |text: &str| Entry {
            source: "graph".into(),
            offset: Some(10),
            reason: "no time".into(),
            raw: Some(text.to_owned()),
            ..Entry::default()
        };
        for _ in 0..2 {
            // The second is beyond its size.
            let mut quarantine = Quarantine::open(&path, 50)?;
            quarantine.keep(of("first"))?;
            quarantine.keep(of("second"))?;
            quarantine.sync()?;
        }
        let text = std::fs::read_to_string(&path)?;
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(!text.contains("second"), "{text}");
        // One that an older version wrote is known by its text.
        std::fs::write(
            &path,
            r#"{"source":"graph","offset":10,"reason":"no time","raw":"first"}"#.to_owned() + "\n",
        )?;
        let mut quarantine = Quarantine::open(&path, 1 << 20)?;
        quarantine.keep(of("first"))?;
        quarantine.sync()?;
        assert_eq!(std::fs::read_to_string(&path)?.lines().count(), 1);
        Ok(())
    }

    #[test]
    fn after_a_failure_only_what_was_durable_is_trusted_and_the_rest_is_written_again() -> Result<()>
    {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("quarantine.ndjson");
        let mut quarantine = Quarantine::open(&path, 1 << 20)?;
        quarantine.keep(entry(1))?;
        quarantine.sync()?;
        quarantine.keep(entry(2))?;
        // Written, and not durable; to take it back failed, too.
        disk::append(&path)?.write_all(&quarantine.waiting)?;
        disk::append(&path)?.write_all(&quarantine.waiting[..50])?;
        quarantine.reopen()?;
        assert_eq!(std::fs::read_to_string(&path)?.lines().count(), 1);
        quarantine.keep(entry(2))?;
        quarantine.keep(entry(3))?;
        quarantine.sync()?;
        let ids: Vec<_> = std::fs::read_to_string(&path)?
            .lines()
            .map(|line| Ok(serde_json::from_str::<Entry>(line)?.record_id))
            .collect::<Result<_>>()?;
        assert_eq!(ids, [Some(1), Some(2), Some(3)]);
        // What somebody took away is not waited for.
        std::fs::write(&path, "")?;
        quarantine.reopen()?;
        quarantine.keep(entry(1))?;
        quarantine.sync()?;
        assert_eq!(std::fs::read_to_string(&path)?.lines().count(), 1);
        Ok(())
    }

    #[test]
    fn beyond_its_size_entries_are_kept_without_their_text() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("quarantine.ndjson");
        let mut quarantine = Quarantine::open(&path, 150)?;
        quarantine.keep(entry(1))?;
        quarantine.keep(entry(2))?;
        quarantine.sync()?;
        let text = std::fs::read_to_string(&path)?;
        let kept: Vec<bool> = text.lines().map(|line| line.contains("xxx")).collect();
        assert_eq!(kept, [true, false]);
        assert!(text.contains(r#""raw_bytes":100"#), "{text}");
        Ok(())
    }
}

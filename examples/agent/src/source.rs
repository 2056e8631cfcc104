//! [`EventSource`]: where events come from, and [`LogFile`], a log's file.
//!
//! The live log of Windows has the same events under the same numbers, so it fits behind the
//! same trait.

use std::fs::File;
use std::path::{Path, PathBuf};

use mim_events::Result;
use mim_events::eventlog::{Bookmark, LogEvent, LogFilter, LogReader, ReadSummary, Resumed};

/// Bytes of a log that has its first chunk. One that has less is only beginning, since it was
/// cleared: what comes first is not waited for.
const FIRST: u64 = 4_096 + 65_536;

/// A log that is read again and again, each time what is new.
pub(crate) trait EventSource {
    /// Where it is, for people.
    fn place(&self) -> String;

    /// Begins to read what is new: after `bookmark` at first, and when reading failed; later after
    /// what was read. The flag says whether it was by the bookmark: then parts that wait come again.
    fn begin(&mut self, bookmark: &Bookmark) -> Result<(Resumed, bool)>;

    /// The next event, lent until the next call; `None` when there is no other now.
    fn next_event(&mut self) -> Option<Result<LogEvent<'_>>>;

    /// How far it was read.
    fn bookmark(&self) -> Bookmark;

    /// What was read since the last [`begin`](Self::begin) by a bookmark.
    fn summary(&self) -> ReadSummary;

    /// Reading failed: the next pass begins by the bookmark.
    fn leave(&mut self);

    /// Whether it is to be read before its time: it began again, or grew by so many bytes since.
    fn is_urgent(&mut self, grown: u64) -> bool;

    /// How much of it was dealt with, of how much, for a progress bar.
    fn progress(&self) -> (u64, u64);
}

/// A log as a file.
pub(crate) struct LogFile {
    path: PathBuf,
    reader: Option<LogReader<File>>,
    /// The file's length, and what it is, when it was read last.
    seen: Option<(u64, u64)>,
}

impl LogFile {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            reader: None,
            seen: None,
        }
    }

    fn look(&self) -> Option<(u64, u64)> {
        let file = std::fs::metadata(&self.path).ok()?;
        Some((file.len(), identity(&file)))
    }
}

#[cfg(unix)]
fn identity(file: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(file)
}

/// By when it was made.
#[cfg(not(unix))]
fn identity(file: &std::fs::Metadata) -> u64 {
    let made = file.created().ok();
    let since = made.and_then(|made| made.duration_since(std::time::UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_millis() as u64)
}

impl EventSource for LogFile {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn begin(&mut self, bookmark: &Bookmark) -> Result<(Resumed, bool)> {
        // Also where it can't be read: it is tried again when its time has come.
        self.seen = self.look();
        let begun = match &mut self.reader {
            Some(reader) => (reader.refresh()?, false),
            None => {
                let reader = LogReader::open(&self.path)?.with_filter(LogFilter::requests());
                let (reader, resumed) = reader.resume(bookmark)?;
                self.reader = Some(reader);
                (resumed, true)
            }
        };
        Ok(begun)
    }

    fn next_event(&mut self) -> Option<Result<LogEvent<'_>>> {
        self.reader.as_mut()?.next_event()
    }

    fn bookmark(&self) -> Bookmark {
        let reader = self.reader.as_ref();
        reader.map_or_else(Bookmark::new, LogReader::bookmark)
    }

    fn summary(&self) -> ReadSummary {
        let reader = self.reader.as_ref();
        reader.map_or_else(ReadSummary::default, LogReader::summary)
    }

    fn leave(&mut self) {
        self.reader = None;
    }

    fn is_urgent(&mut self, grown: u64) -> bool {
        match (self.seen, self.look()) {
            // What can't be looked at now waits for its time.
            (None, _) | (_, None) => false,
            (Some((before, was)), Some((length, is))) => {
                let grown = if before < FIRST { 1 } else { grown.max(1) };
                was != is || length < before || length - before >= grown
            }
        }
    }

    fn progress(&self) -> (u64, u64) {
        let reader = self.reader.as_ref();
        reader.map_or((0, 0), |reader| (reader.position(), reader.len()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_log_that_is_only_beginning_is_read_as_soon_as_it_grows() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("new.evtx");
        let mut file = File::create(&path)?;
        let mut log = LogFile::new(&path);
        for (grows, is_urgent) in [(0, false), (4_096, true), (65_536, true), (9_999, false)] {
            let _ = log.begin(&Bookmark::new());
            file.write_all(&vec![0; grows])?;
            assert_eq!(log.is_urgent(10_000), is_urgent, "{grows}");
        }
        let _ = log.begin(&Bookmark::new());
        file.write_all(&[0; 10_000])?;
        assert!(log.is_urgent(10_000));
        Ok(())
    }
}

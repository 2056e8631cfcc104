//! [`ClockNote`]: what the clock showed when it was last believed, in a tenant's folder.
//!
//! While the service is down nobody measures how much time passes. What stands here is what the clock is
//! compared with at the next start. One that is too old only makes the clock doubted for longer.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, Utc};

use crate::saved::write_durably;

const NAME: &str = "clock";
/// The file is written no more often; well below what a start tolerates.
pub(crate) const EVERY: Duration = Duration::from_secs(300);

/// The file.
#[derive(Debug)]
pub(crate) struct ClockNote {
    folder: PathBuf,
    /// When it was written last.
    written: Option<Instant>,
    /// That it can't be written was told.
    is_failing: bool,
}

impl ClockNote {
    pub(crate) fn of(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            written: None,
            is_failing: false,
        }
    }

    /// What it says; nothing at the first start, and where it can't be read, which is told.
    pub(crate) fn read(&self) -> Option<DateTime<Utc>> {
        let path = self.folder.join(NAME);
        let read = std::fs::read_to_string(&path).and_then(|text| {
            let time = DateTime::parse_from_rfc3339(text.trim_end());
            time.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
        });
        match read {
            Ok(time) => Some(time.to_utc()),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(
                    file = %path.display(),
                    %error,
                    "the time of the last run can't be read: the clock is compared with the newest batch alone"
                );
                None
            }
        }
    }

    /// Notes what a clock shows that is believed, if it is time to, or `at_once`.
    pub(crate) fn write(&mut self, shown: DateTime<Utc>, at: Instant, at_once: bool) {
        let is_due = |last| at.saturating_duration_since(last) >= EVERY;
        if !at_once && self.written.is_some_and(|last| !is_due(last)) {
            return;
        }
        let text = shown.to_rfc3339_opts(SecondsFormat::Secs, true) + "\n";
        let written = write_durably(&self.folder, NAME, text.as_bytes());
        // What has no room now is tried again when it is due again.
        self.written = Some(at);
        let was_failing = std::mem::replace(&mut self.is_failing, written.is_err());
        if let Err(error) = written
            && !was_failing
        {
            tracing::warn!(folder = %self.folder.display(), %error, "the time can't be noted");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_read_and_not_written_too_often() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let mut note = ClockNote::of(folder.path());
        assert_eq!(note.read(), None);
        let time = DateTime::from_timestamp(1_790_000_000, 0).unwrap_or_default();
        let begun = Instant::now();
        let seconds = |seconds| begun + Duration::from_secs(seconds);
        for (second, at_once, is_written) in [
            (0, false, true),
            (299, false, false),
            (299, true, true),
            (598, false, false),
            (599, false, true),
        ] {
            let shown = time + Duration::from_secs(second);
            note.write(shown, seconds(second), at_once);
            assert_eq!(note.read() == Some(shown), is_written, "{second}");
        }
        // Noise is told, and is nothing; a folder that is gone is no reason to end.
        std::fs::write(folder.path().join(NAME), "soon")?;
        assert_eq!(note.read(), None);
        folder.close()?;
        note.write(time, seconds(2_000), true);
        assert!(note.is_failing);
        Ok(())
    }
}

//! [`Bookmark`].

use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};

use super::anchors::Anchor;
use super::numbers::Numbers;
use crate::error::{Error, ErrorKind, Result};
use crate::time::from_filetime;

/// The version of the stored form that this code writes.
pub(super) const VERSION: u32 = 1;

/// Where the reading of a log stands: what was read, by which records the log
/// is known again, and which records must be read again since they wait for others.
///
/// It holds numbers and times, nothing of any event, so it can be logged and
/// stored in the clear. Its stored form (`serde`) is about half a kilobyte in JSON, and
/// never more than 12 KiB; a version is in it, and every later version reads it.
///
/// The numbers are those in the records' headers ([`LogEvent::header_id`]), the times
/// those at which the records were written. In a log that was not exported both are what
/// the live log shows too (`EventRecordID` and `TimeCreated`), so a bookmark
/// serves a log both as a file and live.
///
/// # What it promises
/// [`LogReader::resume`] and [`LogReader::refresh`] give every record that was not
/// behind the bookmark, oldest first, and those that it says wait; no other.
/// What they can't give they count. [`Resumed`] says what became of the log:
///
/// | the log | [`Resumed::found`] | gives | [`Resumed::lost`] |
/// |---|---|---|---|
/// | is one of which nothing was read | [`Beginning`] | all there is | 0 |
/// | is as it was, or has grown; the newest record is whole now | [`Continued`] | what is new | 0 |
/// | was overwritten beyond the bookmark (it wrapped around) | [`Overwritten`] | all there is | exact |
/// | was cleared, and its numbers go on | [`Continued`] or [`Overwritten`] | all there is | exact |
/// | was cleared, and is empty | [`Empty`] | nothing; the bookmark stays | not known yet |
/// | was cleared or deleted, and its numbers began again | [`Restarted`] | all there is | at least |
/// | is another log, or an export of it | [`Replaced`] | all there is | not known |
/// | was restored from a backup, or cut | [`RolledBack`] | what was not read before | not known |
/// | was cut, and is whole again | [`Continued`] | what was not read before | 0 |
///
/// What was lost is behind the bookmark that the reader then has, so it is
/// counted once. Records that are overwritten while the reader is on its way
/// to them are in [`ReadSummary::records_missing`].
///
/// The records themselves are all that there is to tell by, so some changes look like others:
/// - A log that was put back to the bookmark's own place, or to a later one,
///   is as it was: what came and went between two visits left no trace.
/// - A log whose numbers began again and went beyond the bookmark's before it was
///   looked at, and whose first records are overwritten, has wrapped around.
/// - Of a log that was put back, the first records after the last one that is surely
///   known are taken for read as long as they are not newer than all that was
///   read. If the clock was set back too, new ones are among them.
///   [`Resumed::passed_over`] counts them.
/// - A log that was put back, went on, and was then put back to a state that it had
///   before all this gives some records again.
///
/// # Parts that wait
/// A request may be spread over several events (`REQUEST_PART`). Until its last part has
/// come, the parts before wait in an [`Assembler`]. A bookmark that is told of them
/// ([`waiting_for`](Self::waiting_for)) makes the next reader give these parts again, and
/// no others:
///
/// ```
/// use mim_events::eventlog::{Bookmark, LogReader};
/// use mim_events::message::Assembler;
///
/// # fn store(_: &str) {}
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut log = mim_events::eventlog::LogWriter::new(std::io::Cursor::new(Vec::new()))?;
/// # log.write(&mim_events::eventlog::OwnedLogEvent::new("P", 1).record_id(1).as_event())?;
/// # let log = log.finish()?.into_inner();
/// # let stored = serde_json::to_string(&Bookmark::default())?;
/// let bookmark: Bookmark = serde_json::from_str(&stored)?;
/// let (mut reader, resumed) = LogReader::from_slice(&log)?.resume(&bookmark)?;
/// println!("{resumed}");
/// let mut assembler = Assembler::new();
/// while let Some(event) = reader.next_event() {
///     let event = event?;
///     // Use the event, or what the assembler makes of it, and then:
/// #   let _ = assembler.push(&event);
///     let bookmark = reader.bookmark().waiting_for(assembler.waiting_records());
///     store(&serde_json::to_string(&bookmark)?);
/// }
/// # assert_eq!(reader.bookmark().read_through(), Some(1));
/// # Ok(())
/// # }
/// ```
///
/// [`Beginning`]: super::Found::Beginning
/// [`Continued`]: super::Found::Continued
/// [`Overwritten`]: super::Found::Overwritten
/// [`Empty`]: super::Found::Empty
/// [`Restarted`]: super::Found::Restarted
/// [`Replaced`]: super::Found::Replaced
/// [`RolledBack`]: super::Found::RolledBack
/// [`Resumed`]: super::Resumed
/// [`Resumed::found`]: super::Resumed::found
/// [`Resumed::lost`]: super::Resumed::lost
/// [`Resumed::passed_over`]: super::Resumed::passed_over
/// [`ReadSummary::records_missing`]: crate::eventlog::ReadSummary::records_missing
/// [`LogReader::resume`]: crate::eventlog::LogReader::resume
/// [`LogReader::refresh`]: crate::eventlog::LogReader::refresh
/// [`LogEvent::header_id`]: crate::eventlog::LogEvent::header_id
/// [`Assembler`]: crate::message::Assembler
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bookmark {
    pub(super) version: u32,
    pub(super) read_through: Option<u64>,
    /// Ascending; those beyond `read_through` are of a state that the log was
    /// put back from.
    pub(super) anchors: Vec<Anchor>,
    /// The newest time of all that was read.
    pub(super) newest: Option<u64>,
    pub(super) waiting: Numbers,
}

impl Default for Bookmark {
    fn default() -> Self {
        Self {
            version: VERSION,
            read_through: None,
            anchors: Vec::new(),
            newest: None,
            waiting: Numbers::default(),
        }
    }
}

impl Bookmark {
    /// The bookmark of a log of which nothing was read; the same as `default()`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds records that must be read again though they were read: those of
    /// parts that wait for others, as [`Assembler::waiting_records`] gives them.
    ///
    /// Right after resuming, a reader's bookmark still has the waiting records that
    /// were not given again yet, so this adds and never takes away.
    ///
    /// At most 256 ranges of numbers are kept. Beyond that, the smallest gaps
    /// between them are closed: then records are given again that did not
    /// wait, and [`read_again`](Self::read_again) says how many. None is lost.
    ///
    /// [`Assembler::waiting_records`]: crate::message::Assembler::waiting_records
    #[must_use]
    pub fn waiting_for(mut self, numbers: impl IntoIterator<Item = u64>) -> Self {
        self.waiting
            .add(numbers.into_iter().map(|number| (number, number)));
        self.bound_waiting();
        self
    }

    /// What lies beyond is read anyway.
    pub(super) fn bound_waiting(&mut self) {
        match self.read_through {
            Some(number) => self.waiting.drop_above(number),
            None => std::mem::take(&mut self.waiting).len(),
        };
    }

    /// The number of the last record that is behind the bookmark: it was given,
    /// filtered out, reported as damaged or counted as lost. `None` if nothing was read.
    #[must_use]
    pub fn read_through(&self) -> Option<u64> {
        self.read_through
    }

    /// The newest time at which a record was written that is behind the bookmark.
    #[must_use]
    pub fn newest(&self) -> Option<DateTime<Utc>> {
        self.newest.and_then(from_filetime)
    }

    /// The numbers of the records that will be read again, ascending.
    pub fn waiting(&self) -> impl ExactSizeIterator<Item = RangeInclusive<u64>> {
        self.waiting.ranges()
    }

    /// Of the waiting records: how many at most do not wait and will still be
    /// read again, since there were too many ranges of others.
    #[must_use]
    pub fn read_again(&self) -> u64 {
        self.waiting.extra()
    }

    /// The version of the stored form that it came from.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// That this code knows what it says.
    pub(super) fn checked(&self) -> Result<&Self> {
        if self.version > VERSION {
            return Err(Error::new(ErrorKind::BookmarkVersion {
                version: self.version,
                known: VERSION,
            }));
        }
        Ok(self)
    }
}

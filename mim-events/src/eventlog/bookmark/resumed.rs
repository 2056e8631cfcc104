//! [`Resumed`]: what became of a log since it was left.

use std::fmt;

/// What became of a log since the bookmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Found {
    /// Nothing was read yet; reading begins with the oldest record.
    Beginning,
    /// It goes on where it was left.
    Continued,
    /// It goes on, but its oldest record is not the next one: it has wrapped
    /// around, or was cleared and its numbers went on.
    Overwritten,
    /// It holds no record: it was cleared. The bookmark stays as it is.
    Empty,
    /// It was cleared or deleted, and its numbers have begun again: all its
    /// records are newer than the bookmark.
    Restarted,
    /// It is another log.
    Replaced,
    /// It is in a state before the bookmark, or has gone on from one: it was
    /// restored from a backup, or cut.
    RolledBack,
}

impl Found {
    /// Whether numbers beyond the ones that are still there mean other records now than they did.
    ///
    /// Who [refreshed](crate::eventlog::LogReader::refresh) a reader then brings to an
    /// end what its assembler waits for ([`Assembler::finish`]), before the next bookmark:
    /// the numbers of those parts are not theirs any more.
    ///
    /// [`Assembler::finish`]: crate::message::Assembler::finish
    #[must_use]
    pub fn renumbers(self) -> bool {
        matches!(self, Self::Restarted | Self::Replaced | Self::RolledBack)
    }
}

/// What [`LogReader::resume`](crate::eventlog::LogReader::resume) and
/// [`LogReader::refresh`](crate::eventlog::LogReader::refresh) found; as text for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "it says whether records were lost"]
pub struct Resumed {
    /// What became of the log.
    pub found: Found,
    /// Records that were not read and are gone, by their numbers.
    pub lost: u64,
    /// Whether `lost` is all; otherwise there may be more that left no trace.
    pub lost_is_exact: bool,
    /// Records that the bookmark wanted again and that are gone.
    pub waiting_lost: u64,
    /// Records after the last one that is surely the bookmark's that are
    /// taken for read by their times, since the log was [rolled back](Found::RolledBack).
    pub passed_over: u64,
}

impl Resumed {
    pub(super) fn new(found: Found) -> Self {
        Self {
            found,
            lost: 0,
            lost_is_exact: matches!(
                found,
                Found::Beginning | Found::Continued | Found::Overwritten
            ),
            waiting_lost: 0,
            passed_over: 0,
        }
    }
}

impl fmt::Display for Resumed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.found {
            Found::Beginning => "reading from the oldest record",
            Found::Continued => "the log goes on",
            Found::Overwritten => "the log was overwritten",
            Found::Empty => "the log is empty",
            Found::Restarted => "the log has begun again",
            Found::Replaced => "this is another log",
            Found::RolledBack => "the log was put back to an earlier state",
        })?;
        match (self.lost, self.lost_is_exact) {
            (0, true) => {}
            (0, false) => f.write_str("; whether records were lost is not known")?,
            (lost, true) => write!(f, "; {lost} records lost")?,
            (lost, false) => write!(f, "; at least {lost} records lost")?,
        }
        if self.waiting_lost > 0 {
            write!(f, "; {} waiting records lost", self.waiting_lost)?;
        }
        if self.passed_over > 0 {
            write!(f, "; {} records passed over as read", self.passed_over)?;
        }
        Ok(())
    }
}

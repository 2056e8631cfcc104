//! One month by the clock, in memory and on disk.
//!
//! An entry of the journal can go when its newest event is older than is kept. Entries go in order, and
//! whole segments with them. An event counts at most from when it came, so that a wrong clock keeps nothing
//! longer; so each entry is gone a month after it came, at the latest, and a day for its segment.
//!
//! The journal does not say when an entry came. After a start it is taken for as old as what can be proved:
//! not older than the events before it, and than what its seal and its stream say. A sender's clock
//! that is behind must not delete what is new.

use std::collections::{HashMap, HashSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use ingest_protocol::StreamId;
use ingest_protocol::journal;

use crate::streams::began;
use crate::tenant::Tenant;

/// A segment of the journal is ended after this time even if it is not full.
const SEGMENT: TimeDelta = TimeDelta::days(1);
/// Streams that are forgotten at once.
const FORGET: usize = 10_000;

/// What the retention must know of an entry.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// Its index.
    pub entry: u64,
    /// Its stream.
    pub stream: StreamId,
    /// The number that comes next in it.
    pub next_seq: u64,
    /// Its stream was made for it alone.
    pub is_single: bool,
    /// When it came, if it did not come before the start.
    pub came: Option<DateTime<Utc>>,
    /// When it was sealed, if it says so.
    pub sealed: Option<DateTime<Utc>>,
    /// The time of its newest event.
    pub newest: Option<DateTime<Utc>>,
    /// Whether something in it can't be read, and so may be as new as the entry.
    pub is_dark: bool,
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    entry: u64,
    stream: StreamId,
    newest: DateTime<Utc>,
}

/// What the journal keeps, oldest first.
#[derive(Debug, Default)]
pub struct Retained {
    entries: VecDeque<Kept>,
    /// The last entry of each stream, and the number that comes next in it.
    last: HashMap<StreamId, (u64, u64)>,
    /// Streams without an entry, that are to be forgotten unless they went on.
    gone: Vec<(StreamId, u64)>,
    /// When the segment that is appended to began.
    began: Option<DateTime<Utc>>,
    /// The time of the last check.
    checked: Option<DateTime<Utc>>,
    /// The latest time that an entry so far is known to have come at, or after.
    latest: Option<DateTime<Utc>>,
    /// The same by what others' clocks say alone: ours is what it is compared with.
    witnessed: Option<DateTime<Utc>>,
}

impl Retained {
    /// An entry came.
    pub fn add(&mut self, taken: Taken, now: DateTime<Utc>) {
        let newest = taken.newest.filter(|newest| *newest <= now);
        let signs = [self.latest, taken.sealed, began(taken.stream), newest];
        let at_least = signs
            .into_iter()
            .flatten()
            .filter(|sign| *sign <= now)
            .max();
        let came = taken.came.or(at_least).unwrap_or(now);
        self.latest = self.latest.max(Some(came.min(now)));
        let theirs = began(taken.stream).filter(|_| !taken.is_single);
        let theirs = [taken.sealed, theirs, newest].into_iter().flatten();
        self.witnessed = self.witnessed.max(theirs.filter(|sign| *sign <= now).max());
        let newest = match taken.newest {
            Some(newest) if !taken.is_dark => newest.min(taken.came.unwrap_or(now)),
            _ => came,
        };
        if taken.is_single {
            self.gone.push((taken.stream, taken.next_seq)); // nobody sends it again
        } else {
            self.last
                .insert(taken.stream, (taken.entry, taken.next_seq));
        }
        self.entries.push_back(Kept {
            entry: taken.entry,
            stream: taken.stream,
            newest,
        });
    }

    /// The latest time that somebody else's clock showed, as far as entries say.
    #[must_use]
    pub const fn witnessed(&self) -> Option<DateTime<Utc>> {
        self.witnessed
    }

    /// After the journal was read: streams without any entry are gone.
    pub fn forget_unknown(&mut self, tenant: &Tenant) {
        let mut streams = tenant.journal.streams();
        streams.retain(|(stream, _)| !self.last.contains_key(stream));
        self.gone = streams;
    }

    /// Drops what is too old. What the disk does not let go is tried again later.
    pub fn check(&mut self, tenant: &Tenant, now: DateTime<Utc>) {
        if self.checked.replace(now).is_some_and(|last| now < last) {
            self.set_back(now);
        }
        tenant.expire(now);
        let Some(cut) = tenant.retention.cut(now) else {
            return;
        };
        if let Err(error) = self.release(tenant, cut, now) {
            tracing::error!(tenant = tenant.name, %error, "what is too old can't be deleted");
        }
        if let Err(error) = self.forget(tenant) {
            tracing::error!(tenant = tenant.name, %error, "streams can't be forgotten");
        }
        // While there is no room to keep, it is tried again.
        let _ = tenant.reserve.keep();
    }

    /// The clock was set back: nothing came, and no segment began, later than now.
    fn set_back(&mut self, now: DateTime<Utc>) {
        self.began = self.began.map(|began| began.min(now));
        self.latest = self.latest.map(|latest| latest.min(now));
        for kept in &mut self.entries {
            kept.newest = kept.newest.min(now);
        }
    }

    fn release(
        &mut self,
        tenant: &Tenant,
        cut: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let old = self
            .entries
            .iter()
            .take_while(|kept| kept.newest < cut)
            .count();
        // They are let go after the disk did: what it does not delete is tried again.
        let gone: Vec<_> = self.entries.iter().take(old).copied().collect();
        let is_empty = self.entries.len() == old;
        let mut log = tenant.journal.log();
        let journal = log.journal_mut();
        // The last segment never goes, so what is to go must not be in it.
        let began = *self.began.get_or_insert(now);
        if now - began >= SEGMENT || (is_empty && !gone.is_empty()) {
            let mut ended = journal.end_segment();
            if ended.as_ref().is_err_and(journal::Error::is_retryable) && tenant.reserve.give() {
                ended = journal.end_segment();
            }
            match ended {
                Ok(()) => self.began = Some(now),
                // A full disk has no room to begin one. What goes makes some, for the next check.
                Err(error) if error.is_retryable() => {
                    tracing::warn!(tenant = tenant.name, %error, "no segment can be begun");
                }
                Err(error) => return Err(error.into()),
            }
        }
        let Some(last) = gone.last() else {
            return Ok(());
        };
        let segments = journal.release(last.entry)?;
        drop(log);
        self.entries.drain(..old);
        tenant.release(last.entry);
        tracing::info!(
            tenant = tenant.name,
            "{} batches are too old, {segments} segments of the journal deleted",
            gone.len()
        );
        let streams: HashSet<_> = gone.iter().map(|kept| kept.stream).collect();
        for stream in streams {
            if let Some((entry, next_seq)) = self.last.get(&stream).copied()
                && entry <= last.entry
            {
                self.last.remove(&stream);
                self.gone.push((stream, next_seq));
            }
        }
        Ok(())
    }

    fn forget(&mut self, tenant: &Tenant) -> anyhow::Result<()> {
        // One that sends again is not gone.
        self.gone
            .retain(|(stream, _)| !self.last.contains_key(stream));
        let count = self.gone.len().min(FORGET);
        let now = &self.gone[..count];
        if now.is_empty() {
            return Ok(());
        }
        let forgotten = tenant.journal.forget(now)?;
        tenant.forget_agents(&forgotten);
        self.gone.drain(..count);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    /// The ages in hours that entries get after a start; of each: sealed, newest event, dark.
    fn ages(entries: &[(Option<i64>, Option<i64>, bool)]) -> Vec<i64> {
        let now = Utc::now();
        let at = |hours: Option<i64>| hours.map(|hours| now - TimeDelta::hours(hours));
        let mut retained = Retained::default();
        for (index, (sealed, newest, is_dark)) in (1..).zip(entries) {
            let taken = Taken {
                entry: index,
                stream: StreamId(Uuid::from_u128(1)),
                next_seq: 1,
                is_single: false,
                came: None,
                sealed: at(*sealed),
                newest: at(*newest),
                is_dark: *is_dark,
            };
            retained.add(taken, now);
        }
        let ages = retained
            .entries
            .iter()
            .map(|kept| (now - kept.newest).num_hours());
        ages.collect()
    }

    #[test]
    fn a_senders_stream_of_version_8_is_as_any_other() {
        let taken = |stream: StreamId, is_single| Taken {
            entry: 1,
            stream,
            next_seq: 1,
            is_single,
            came: None,
            sealed: None,
            newest: None,
            is_dark: false,
        };
        let stream = StreamId(Uuid::from_u128(0x0190_a0a0_0000_8000_8000_0000_0000_0001));
        assert_eq!(stream.0.get_version_num(), 8);
        for (is_single, gone) in [(false, 0), (true, 1)] {
            let mut retained = Retained::default();
            retained.add(taken(stream, is_single), Utc::now());
            assert_eq!((retained.gone.len(), retained.last.len()), (gone, 1 - gone));
        }
    }

    #[test]
    fn a_clock_that_was_ahead_keeps_nothing_longer() {
        let now = Utc::now();
        let ahead = now + TimeDelta::days(400);
        let mut retained = Retained::default();
        let taken = Taken {
            entry: 1,
            stream: StreamId(Uuid::from_u128(1)),
            next_seq: 1,
            is_single: false,
            came: Some(ahead),
            sealed: None,
            newest: None,
            is_dark: true,
        };
        retained.add(taken, ahead);
        retained.began = Some(ahead);
        assert_eq!(retained.entries[0].newest, ahead);
        retained.set_back(now);
        assert_eq!(retained.entries[0].newest, now);
        assert_eq!((retained.began, retained.latest), (Some(now), Some(now)));
    }

    #[test]
    fn our_own_clock_is_no_witness_of_itself() {
        let now = Utc::now();
        let then = now - TimeDelta::days(40);
        let mut taken = Taken {
            entry: 1,
            stream: crate::streams::single("mim-01"),
            next_seq: 1,
            is_single: true,
            came: None,
            sealed: None,
            newest: Some(then),
            is_dark: false,
        };
        let mut retained = Retained::default();
        retained.add(taken, now + TimeDelta::seconds(1));
        assert!(retained.latest > Some(then) && retained.witnessed() == Some(then));
        // Nothing at all is known of it, and that is no sign.
        (taken.stream, taken.newest) = (StreamId(Uuid::from_u128(1)), None);
        retained.add(taken, now + TimeDelta::days(9));
        assert_eq!(retained.witnessed(), Some(then));
        taken.sealed = Some(now);
        retained.add(taken, now + TimeDelta::days(9));
        assert_eq!(retained.witnessed(), Some(now));
    }

    #[test]
    fn after_a_start_an_entry_is_as_old_as_can_be_proved() {
        // By its newest event; a clock that is behind or ahead changes nothing.
        assert_eq!(ages(&[(Some(5), Some(7), false)]), [7]);
        assert_eq!(ages(&[(Some(500_000), Some(7), false)]), [7]);
        assert_eq!(ages(&[(Some(-9), Some(7), false)]), [7]);
        assert_eq!(ages(&[(Some(5), Some(-20), false)]), [0]);
        // What can't be read is as old as the seal, or as the events before it if those are newer.
        assert_eq!(ages(&[(Some(5), None, true)]), [5]);
        assert_eq!(ages(&[(Some(5), Some(9), true)]), [5]);
        assert_eq!(
            ages(&[(None, Some(3), false), (Some(90), None, true)]),
            [3, 3]
        );
        assert_eq!(ages(&[(None, None, true)]), [0]);
        assert_eq!(ages(&[(Some(-9), None, true)]), [0]);
    }
}

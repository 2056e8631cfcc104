//! One month by the clock, in memory and on disk.
//!
//! An entry of the journal can go when its newest event is older than is kept. Entries go in order, and
//! whole segments with them. An event counts at most from when it came, so that a wrong clock keeps nothing
//! longer; so each entry is gone a month after it came, at the latest, and a day for its segment.

use std::collections::{HashMap, HashSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use ingest_protocol::StreamId;

use crate::tenant::Tenant;

/// A segment of the journal is ended after this time even if it is not full.
const SEGMENT: TimeDelta = TimeDelta::days(1);
/// Streams that are forgotten at once; each is a write.
const FORGET: usize = 100;

/// What the retention must know of an entry.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// Its index.
    pub entry: u64,
    /// Its stream.
    pub stream: StreamId,
    /// The time of its newest event.
    pub newest: DateTime<Utc>,
}

/// What the journal keeps, oldest first.
#[derive(Debug, Default)]
pub struct Retained {
    entries: VecDeque<Kept>,
    /// The last entry of each stream.
    last: HashMap<StreamId, u64>,
    /// Streams without an entry, that are to be forgotten.
    gone: Vec<StreamId>,
    began: Option<DateTime<Utc>>,
}

impl Retained {
    /// An entry came.
    pub fn add(&mut self, kept: Kept) {
        self.last.insert(kept.stream, kept.entry);
        self.entries.push_back(kept);
    }

    /// After the journal was read: streams without any entry are gone.
    pub fn forget_unknown(&mut self, tenant: &Tenant) {
        let streams = tenant.journal.streams();
        let unknown = streams
            .into_iter()
            .filter(|stream| !self.last.contains_key(stream));
        self.gone.extend(unknown);
    }

    /// Drops what is too old. What the disk does not let go is tried again later.
    pub fn check(&mut self, tenant: &Tenant, now: DateTime<Utc>) {
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
        let gone: Vec<_> = self.entries.drain(..old).collect();
        let is_empty = self.entries.is_empty();
        let mut log = tenant.journal.log();
        let journal = log.journal_mut();
        // The last segment never goes, so what is to go must not be in it.
        let began = *self.began.get_or_insert(now);
        if now - began >= SEGMENT || (is_empty && !gone.is_empty()) {
            journal.end_segment()?;
            self.began = Some(now);
        }
        let Some(last) = gone.last() else {
            return Ok(());
        };
        let segments = journal.release(last.entry)?;
        drop(log);
        tenant.release(last.entry);
        tracing::info!(
            tenant = tenant.name,
            "{} batches are too old, {segments} segments of the journal deleted",
            gone.len()
        );
        let streams: HashSet<_> = gone.iter().map(|kept| kept.stream).collect();
        for stream in streams {
            if self
                .last
                .get(&stream)
                .is_some_and(|entry| *entry <= last.entry)
            {
                self.last.remove(&stream);
                self.gone.push(stream);
            }
        }
        Ok(())
    }

    fn forget(&mut self, tenant: &Tenant) -> anyhow::Result<()> {
        // One that sends again is not gone.
        self.gone.retain(|stream| !self.last.contains_key(stream));
        let count = self.gone.len().min(FORGET);
        let now = &self.gone[..count];
        if now.is_empty() {
            return Ok(());
        }
        tenant.journal.forget(now)?;
        tenant.forget_agents(now);
        self.gone.drain(..count);
        Ok(())
    }
}

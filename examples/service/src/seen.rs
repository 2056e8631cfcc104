//! Who sent, and where every record that came is.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};
use ingest_protocol::StreamId;
use serde::Serialize;

/// An agent, or whoever else began a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AgentSeen {
    /// The stream; of lines without an `Idempotency-Key`, one name for all of a sender's.
    pub stream: StreamId,
    /// Who sends it, as the configuration calls them.
    pub sender: String,
    /// When the last batch came; after a restart, when it was sealed.
    pub last_batch: Option<DateTime<Utc>>,
    /// The time of its newest event.
    pub newest_event: Option<DateTime<Utc>>,
    /// Batches.
    pub batches: u64,
    /// Records.
    pub records: u64,
    /// Records that the sender declared lost.
    pub lost: u64,
    /// Records in quarantine.
    pub quarantined: u64,
}

/// Where every record that came is. Counted from the journal, so it speaks of what is kept there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// Batches acknowledged.
    pub batches: u64,
    /// Records acknowledged: `read + passed_over + quarantined`.
    pub records: u64,
    /// Records that gave activities.
    pub read: u64,
    /// Records of other logs, such as sign-ins.
    pub passed_over: u64,
    /// Records in quarantine.
    pub quarantined: u64,
    /// Records that senders declared lost.
    pub lost: u64,
    /// Activities of the records: the sum of the next five.
    pub activities: u64,
    /// Activities that are, or were, in the store.
    pub stored: u64,
    /// Activities that were there before.
    pub duplicates: u64,
    /// Activities that were there before with other content.
    pub conflicts: u64,
    /// Activities older than is kept.
    pub expired: u64,
    /// Activities more than a day ahead of the clock, whose records are in quarantine.
    pub future: u64,
}

/// What a tenant has seen since its journal began.
#[derive(Debug, Default)]
pub struct Seen {
    /// Who sent, by stream.
    pub agents: BTreeMap<StreamId, AgentSeen>,
    /// Where every record is.
    pub balance: Balance,
    /// Records by five minutes, newest last.
    pub rate: VecDeque<(DateTime<Utc>, u64)>,
}

impl Seen {
    /// Records came.
    pub fn count(&mut self, at: DateTime<Utc>, records: u64) {
        const FIVE_MINUTES: i64 = 300;
        const DAY: usize = 288;
        let begin = at.timestamp().div_euclid(FIVE_MINUTES) * FIVE_MINUTES;
        let begin = DateTime::from_timestamp(begin, 0).unwrap_or(at);
        match self.rate.back_mut() {
            Some((last, count)) if *last >= begin => *count += records,
            _ => self.rate.push_back((begin, records)),
        }
        if self.rate.len() > DAY {
            self.rate.pop_front();
        }
    }
}

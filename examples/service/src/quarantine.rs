//! Records that can't be used: counted, listed with the reason, and still in the journal.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use ingest_protocol::StreamId;
use serde::Serialize;

/// How many of the newest are listed; all are counted.
const LISTED: usize = 10_000;

/// A record that can't be used.
#[derive(Clone, Debug, Serialize)]
pub struct Quarantined {
    /// The index of its frame's entry in the journal.
    pub entry: u64,
    /// Its stream.
    pub stream: StreamId,
    /// Its number in the stream.
    pub seq: u64,
    /// Who sent it.
    pub sender: String,
    /// When it came, or was read again at the start.
    pub at: DateTime<Utc>,
    /// Why, as one word: `not_json`, `not_an_object`, `no_request`, `no_audit_entry`, `future`, `invalid`.
    pub code: &'static str,
    /// Why, with the place; never what it holds.
    pub reason: String,
    /// How many bytes it has.
    pub bytes: usize,
}

/// The quarantine of a tenant.
#[derive(Debug, Default)]
pub struct Quarantine(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    newest: VecDeque<Quarantined>,
    /// How many each entry of the journal has.
    counts: VecDeque<(u64, u64)>,
}

impl Quarantine {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a record.
    pub fn add(&self, record: Quarantined) {
        let mut inner = self.lock();
        match inner.counts.back_mut() {
            Some((entry, count)) if *entry == record.entry => *count += 1,
            _ => inner.counts.push_back((record.entry, 1)),
        }
        if inner.newest.len() == LISTED {
            inner.newest.pop_front();
        }
        inner.newest.push_back(record);
    }

    /// How many records are in quarantine, as far as the journal still has them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.lock().counts.iter().map(|(_, count)| count).sum()
    }

    /// The newest, newest first.
    #[must_use]
    pub fn newest(&self, most: usize) -> Vec<Quarantined> {
        self.lock()
            .newest
            .iter()
            .rev()
            .take(most)
            .cloned()
            .collect()
    }

    /// Drops what the journal does not have any more: all up to an entry.
    pub fn release(&self, through: u64) {
        let mut inner = self.lock();
        inner.newest.retain(|record| record.entry > through);
        inner.counts.retain(|(entry, _)| *entry > through);
    }
}

//! Records as they were sent, found again in the journal.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use ingest_protocol::frame::{Frame, Limits};
use ingest_protocol::journal::{FsStorage, Item};
use ingest_protocol::receiver::ReceiverLog;
use mim_events::activity::Activity;

use crate::decode::{Decoded, Decoder};
use crate::tenant::Tenant;

/// Frames that are looked into for one activity; agents send by time, so few hold any moment.
const MOST: usize = 64;

/// The times that a frame's activities have.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// The index of its entry in the journal.
    pub entry: u64,
    /// The oldest.
    pub oldest: DateTime<Utc>,
    /// The newest.
    pub newest: DateTime<Utc>,
}

/// The spans of all frames that are kept, in the order of the journal.
#[derive(Debug, Default)]
pub struct Spans(Mutex<VecDeque<Span>>);

impl Spans {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Span>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A frame came.
    pub fn add(&self, span: Span) {
        self.lock().push_back(span);
    }

    /// Frames up to an entry are gone.
    pub fn release(&self, through: u64) {
        self.lock().retain(|span| span.entry > through);
    }

    /// The oldest frames that may hold an activity of this time: of two records of one activity the
    /// store keeps what the first says.
    fn around(&self, time: DateTime<Utc>) -> Vec<u64> {
        let spans = self.lock();
        let holds = spans
            .iter()
            .filter(|span| span.oldest <= time && time <= span.newest);
        holds.take(MOST).map(|span| span.entry).collect()
    }
}

impl Tenant {
    /// The record that an activity was read from; `None` if it is not in the journal any more.
    /// Reads the disk: call it from a thread that may wait.
    ///
    /// # Errors
    /// The journal can't be read.
    pub fn raw_record(&self, activity: &Activity) -> Result<Option<Bytes>> {
        let mut decoder = Decoder::default();
        for entry in self.spans.around(activity.time) {
            let Some(frame) = self.frame(entry)? else {
                continue;
            };
            for record in &frame {
                let (Decoded::Read(read) | Decoded::Unreadable(read, _)) =
                    decoder.read(record.payload())
                else {
                    continue;
                };
                let is = |other: &Activity| {
                    (other.id, other.time) == (activity.id, activity.time)
                        && other.status == activity.status
                };
                if read.iter().any(is) {
                    return Ok(Some(Bytes::copy_from_slice(record.payload())));
                }
            }
        }
        Ok(None)
    }

    /// Records of an entry, by their numbers in its stream. Reads the entry once.
    ///
    /// # Errors
    /// The journal can't be read.
    pub fn records(&self, entry: u64, seqs: &HashSet<u64>) -> Result<HashMap<u64, Bytes>> {
        let frame = self.frame(entry)?;
        let records = frame.iter().flat_map(Frame::records);
        let wanted = records.filter(|record| seqs.contains(&record.seq()));
        Ok(wanted
            .map(|record| (record.seq(), Bytes::copy_from_slice(record.payload())))
            .collect())
    }

    fn frame(&self, entry: u64) -> Result<Option<Frame>> {
        let mut log = self.journal.log();
        let journal = log.journal_mut();
        let mut reader = journal.reader_from(entry);
        let item = journal.read(&mut reader)?;
        drop(log);
        match item {
            Some(Item::Entry(found))
                if found.index() == entry && found.kind() == ReceiverLog::<FsStorage>::FRAME =>
            {
                Ok(Some(Frame::open(found.body().clone(), &Limits::MAX)?))
            }
            _ => Ok(None),
        }
    }
}

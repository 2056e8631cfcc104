//! A frame's records on their way into the store: read, counted, or set apart.

use std::collections::HashSet;
use std::sync::PoisonError;

use chrono::{DateTime, TimeDelta, Utc};
use mim_events::activity::Activity;
use report_query::store::Rejected;

use crate::decode::{Decoded, Decoder};
use crate::journal::Arrived;
use crate::lookup::Span;
use crate::quarantine::Quarantined;
use crate::retention::Taken;
use crate::seen::AgentSeen;
use crate::streams::singles_of;
use crate::tenant::Tenant;

impl Tenant {
    /// Reads a frame's records into the store; says what the retention must know of it.
    ///
    /// At the start `now` is not when the frame came, which the journal does not say: what was ahead of
    /// the clock then may be of the past by now, and is taken. It came at `since` or after. Nothing is too
    /// old by a clock that is ahead of that and of its own events: what is too old by now goes when the
    /// clock is believed.
    pub fn take(
        &self,
        arrived: Arrived,
        now: DateTime<Utc>,
        since: Option<DateTime<Utc>>,
    ) -> Taken {
        let mut batch = Batch::read(
            &arrived,
            &mut self.decoder.lock().unwrap_or_else(PoisonError::into_inner),
        );
        let header = *arrived.frame.header();
        // Frames that don't say it have 1970.
        let sealed = header.sealed_at().filter(|sealed| sealed.timestamp() != 0);
        let times = || batch.activities.iter().map(|activity| activity.time);
        let newest = times().max();
        let soon = now + TimeDelta::days(1);
        let came = times().filter(|time| *time <= soon).max().max(since);
        let came = came.map_or(now, |came| came.min(now));
        if let (Some(oldest), Some(newest)) = (times().min(), newest) {
            self.spans.add(Span {
                entry: arrived.entry,
                oldest,
                newest,
            });
        }
        if let Some((masked, arrivals)) = &self.masked {
            let activities = batch.activities.iter().cloned();
            let report =
                masked.append(activities.map(|activity| self.persons.mask(activity)), came);
            arrivals.add(arrived.entry, report.ingest);
        }
        let report = self
            .store
            .append(std::mem::take(&mut batch.activities), came);
        self.arrivals.add(arrived.entry, report.ingest);
        for (at, why) in &report.rejected {
            batch.refuse(*at, *why);
        }
        self.measure();
        let at = arrived.at.unwrap_or(now);
        for (seq, bytes, code, reason) in &batch.faults {
            self.quarantine.add(Quarantined {
                entry: arrived.entry,
                stream: header.stream(),
                seq: *seq,
                sender: arrived.sender.to_string(),
                at,
                code,
                reason: reason.clone(),
                bytes: *bytes,
            });
        }
        let quarantined = batch.faults.len() as u64;
        let records = u64::from(header.count());
        let mut seen = self.seen();
        let balance = &mut seen.balance;
        balance.batches += 1;
        balance.records += records;
        balance.quarantined += quarantined;
        balance.passed_over += batch.passed_over;
        balance.read += records - quarantined - batch.passed_over;
        balance.lost += header.lost();
        balance.activities += batch.records.len() as u64;
        balance.stored += report.appended;
        balance.duplicates += report.duplicates;
        balance.conflicts += report.conflicts;
        balance.expired += report.expired;
        balance.future += report.quarantined + report.invalid;
        let stream = match arrived.is_single {
            true => singles_of(&arrived.sender),
            false => header.stream(),
        };
        let agent = seen.agents.entry(stream).or_insert_with(|| AgentSeen {
            stream,
            sender: arrived.sender.to_string(),
            last_batch: None,
            newest_event: None,
            batches: 0,
            records: 0,
            lost: 0,
            quarantined: 0,
        });
        agent.last_batch = arrived.at.or(sealed).or(agent.last_batch);
        agent.newest_event = agent
            .newest_event
            .max(newest.filter(|newest| *newest <= soon));
        agent.batches += 1;
        agent.records += records;
        agent.lost += header.lost();
        agent.quarantined += quarantined;
        if let Some(at) = arrived.at {
            seen.count(at, records);
        }
        drop(seen);
        Taken {
            entry: arrived.entry,
            stream: header.stream(),
            next_seq: header.next_seq(),
            is_single: arrived.is_single,
            came: arrived.at,
            sealed,
            newest,
            is_dark: quarantined > 0,
        }
    }
}

/// A frame's records, read.
#[derive(Default)]
struct Batch {
    activities: Vec<Activity>,
    /// Of each activity, the record that it is from: its number in the stream and its bytes.
    records: Vec<(u64, usize)>,
    /// Records in quarantine: number, bytes, code, reason.
    faults: Vec<(u64, usize, &'static str, String)>,
    /// Their numbers.
    faulty: HashSet<u64>,
    passed_over: u64,
}

impl Batch {
    fn read(arrived: &Arrived, decoder: &mut Decoder) -> Self {
        let mut batch = Self::default();
        let mut no_json = arrived.rejected.iter().peekable();
        for record in &arrived.frame {
            let (seq, bytes) = (record.seq(), record.payload().len());
            if let Some(rejected) = no_json.next_if(|rejected| rejected.seq == seq) {
                let reason = rejected.detail.clone().unwrap_or_default();
                batch.faults.push((seq, bytes, "not_json", reason));
                continue;
            }
            let activities = match decoder.read(record.payload()) {
                Decoded::Read(activities) => activities,
                Decoded::PassedOver => {
                    batch.passed_over += 1;
                    continue;
                }
                Decoded::Unreadable(activities, fault) => {
                    batch.faults.push((seq, bytes, fault.code, fault.reason));
                    activities
                }
            };
            batch
                .records
                .extend(activities.iter().map(|_| (seq, bytes)));
            batch.activities.extend(activities);
        }
        batch.faulty = batch.faults.iter().map(|(seq, ..)| *seq).collect();
        batch
    }

    /// The store refused an activity.
    fn refuse(&mut self, at: usize, why: Rejected) {
        let Some((seq, bytes)) = self.records.get(at).copied() else {
            return;
        };
        let (code, reason) = match why {
            Rejected::Conflict => return, // counted; the first stays
            Rejected::Quarantined => ("future", "its time is more than a day ahead".to_owned()),
            Rejected::Invalid { what, .. } => ("invalid", what.to_owned()),
            _ => ("invalid", "the store can't hold it".to_owned()),
        };
        if self.faulty.insert(seq) {
            self.faults.push((seq, bytes, code, reason));
        }
    }
}

//! A tenant: its activity, its folder, and what is known of who sends.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use ingest_protocol::frame::{Limits, Opener};
use ingest_protocol::receiver::Receiver;
use ingest_protocol::{Audience, StreamId};
use mim_events::activity::Activity;
use report_query::Retention;
use report_query::activity::ActivityStore;
use report_query::store::Rejected;
use serde::Serialize;

use crate::audit::AuditTrail;
use crate::auth::Rights;
use crate::config::{Config, TenantConfig};
use crate::decode::{Decoded, Decoder};
use crate::ingest::Budget;
use crate::journal::{Arrived, TenantJournal};
use crate::lookup::{Span, Spans};
use crate::mask::PersonKeys;
use crate::quarantine::{Quarantine, Quarantined};
use crate::retention::Taken;
use crate::saved::{Saved, write_durably};
use crate::session::random_token;
use crate::streams::{is_single, is_single_of, singles_of};

/// Whose activity is kept.
#[derive(Debug)]
pub struct Tenant {
    /// As people call it.
    pub name: String,
    /// As frames name it.
    pub id: Audience,
    /// All activity, with names: not for readers without the right `persons`; see
    /// [`Reader::store`](crate::auth::Reader::store).
    pub store: ActivityStore,
    /// Records that can't be used.
    pub quarantine: Quarantine,
    /// Definitions that people keep.
    pub saved: Saved,
    /// Who read what.
    pub audit: AuditTrail,
    /// How long activity is kept.
    pub retention: Retention,
    /// Makes pseudonyms, and keys of people for addresses.
    pub persons: PersonKeys,
    /// Bytes that the activity may take in memory.
    pub max_memory: u64,

    /// What was acknowledged, on disk.
    pub journal: TenantJournal,
    /// Room for batches under way.
    pub budget: Budget,
    /// Where in the journal activities of a time are.
    pub spans: Spans,
    senders: Vec<Arc<str>>,
    /// The same activity with pseudonyms, where a reader lacks the right `persons`.
    masked: Option<ActivityStore>,
    decoder: Mutex<Decoder>,
    memory: AtomicUsize,
    unreadable: AtomicU64,
    ready: AtomicBool,
    seen: Mutex<Seen>,
}

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

#[derive(Debug, Default)]
struct Seen {
    agents: BTreeMap<StreamId, AgentSeen>,
    balance: Balance,
    /// Records by five minutes, newest last.
    rate: VecDeque<(DateTime<Utc>, u64)>,
}

impl Tenant {
    /// Opens the tenant's folder, or makes it. Its journal is not read yet.
    ///
    /// # Errors
    /// The folder can't be used.
    pub fn open(config: &Config, tenant: &TenantConfig) -> Result<Self> {
        let folder = config.data.join(tenant.id.to_string());
        let opened = || -> Result<_> {
            fs::create_dir_all(&folder)?;
            Ok((
                Saved::open(folder.join("saved"))?,
                AuditTrail::open(folder.join("audit"))?,
                person_keys(&folder)?,
                TenantJournal::open(&folder, receiver(tenant.id))?,
            ))
        };
        let (saved, audit, persons, journal) =
            opened().with_context(|| format!("the folder {} can't be used", folder.display()))?;
        let retention = Retention::days(config.retention_days);
        let masks = |reader: &crate::config::ReaderConfig| !Rights::of(&reader.rights).persons;
        let masked = tenant.readers.iter().any(masks);
        Ok(Self {
            name: tenant.name.clone(),
            id: tenant.id,
            store: ActivityStore::new(retention),
            quarantine: Quarantine::default(),
            saved,
            audit,
            retention,
            persons,
            max_memory: tenant.max_memory,
            journal,
            budget: Budget::new(config.limits.batch_bytes),
            spans: Spans::default(),
            senders: tenant
                .senders
                .iter()
                .map(|sender| sender.name.as_str().into())
                .collect(),
            masked: masked.then(|| ActivityStore::new(retention)),
            decoder: Mutex::default(),
            memory: AtomicUsize::new(0),
            unreadable: AtomicU64::new(0),
            ready: AtomicBool::new(false),
            seen: Mutex::default(),
        })
    }

    /// The activity as somebody with these rights may see it.
    #[must_use]
    pub fn store_for(&self, rights: Rights) -> &ActivityStore {
        match &self.masked {
            Some(masked) if !rights.persons => masked,
            _ if rights.persons => &self.store,
            _ => unreachable!("a reader without `persons` makes a tenant with a masked store"),
        }
    }

    /// The opaque key of a person, for addresses: over the id, else the UPN, else the account, else the
    /// name. For readers without `persons` the store holds these keys as ids already.
    #[must_use]
    pub fn person_key(&self, stable: &str) -> String {
        self.persons.key(stable)
    }

    /// Whether the journal was read.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// From now on readers are answered.
    pub fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who sent what is kept, by stream.
    #[must_use]
    pub fn agents(&self) -> Vec<AgentSeen> {
        self.seen().agents.values().cloned().collect()
    }

    /// Where every record that came is.
    #[must_use]
    pub fn balance(&self) -> Balance {
        self.seen().balance
    }

    /// Records by five minutes, oldest first; since the start of the program, at most a day.
    #[must_use]
    pub fn ingest_rate(&self) -> Vec<(DateTime<Utc>, u64)> {
        self.seen().rate.iter().copied().collect()
    }

    /// About how many bytes the activity takes in memory.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.memory.load(Ordering::Relaxed)
    }

    /// Entries of the journal that could not be read at the start: the disk lost them.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.unreadable.load(Ordering::Relaxed)
    }

    /// The journal has entries that can't be read.
    pub fn add_unreadable(&self, entries: u64) {
        self.unreadable.fetch_add(entries, Ordering::Relaxed);
    }

    /// Whether batches are to wait, before memory runs out.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.memory() as u64 >= self.max_memory
    }

    /// Who sent a stream that the journal has.
    #[must_use]
    pub fn sender_of(&self, stream: StreamId) -> Arc<str> {
        let single = || {
            self.senders
                .iter()
                .find(|name| is_single_of(stream, name))
                .cloned()
        };
        self.journal
            .owner(stream)
            .or_else(single)
            .unwrap_or_else(|| "".into())
    }

    /// Reads a frame's records into the store; says what the retention must know of it.
    pub fn take(&self, arrived: Arrived) -> Taken {
        let now = Utc::now();
        let mut batch = Batch::read(
            &arrived,
            &mut self.decoder.lock().unwrap_or_else(PoisonError::into_inner),
        );
        let header = *arrived.frame.header();
        // Frames that don't say it have 1970.
        let sealed = header.sealed_at().filter(|sealed| sealed.timestamp() != 0);
        let times = || batch.activities.iter().map(|activity| activity.time);
        let newest = times().max();
        if let (Some(oldest), Some(newest)) = (times().min(), newest) {
            self.spans.add(Span {
                entry: arrived.entry,
                oldest,
                newest,
            });
        }
        if let Some(masked) = &self.masked {
            let activities = batch.activities.iter().cloned();
            masked.append(activities.map(|activity| self.persons.mask(activity)), now);
        }
        let report = self
            .store
            .append(std::mem::take(&mut batch.activities), now);
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
        let stream = match is_single(header.stream()) {
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
            .max(newest.filter(|newest| *newest <= now + TimeDelta::days(1)));
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
            came: arrived.at,
            sealed,
            newest,
            is_dark: quarantined > 0,
        }
    }

    /// Drops what is too old from memory.
    pub fn expire(&self, now: DateTime<Utc>) {
        self.store.expire(now);
        if let Some(masked) = &self.masked {
            masked.expire(now);
        }
        self.measure();
    }

    /// Entries of the journal up to this one are gone.
    pub fn release(&self, through: u64) {
        self.quarantine.release(through);
        self.spans.release(through);
    }

    /// Drops streams whose data are gone.
    pub fn forget_agents(&self, gone: &[StreamId]) {
        let mut seen = self.seen();
        gone.iter().for_each(|stream| {
            seen.agents.remove(stream);
        });
    }

    fn measure(&self) {
        let masked = self
            .masked
            .as_ref()
            .map_or(0, |masked| masked.memory_usage().total());
        let memory = self.store.memory_usage().total() + masked;
        self.memory.store(memory, Ordering::Relaxed);
    }

    /// How many requests no specific rule knows.
    #[must_use]
    pub fn unclassified(&self) -> u64 {
        self.decoder
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .unclassified()
    }
}

impl Seen {
    fn count(&mut self, at: DateTime<Utc>, records: u64) {
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

/// A frame's records, read.
#[derive(Default)]
struct Batch {
    activities: Vec<Activity>,
    /// Of each activity, the record that it is from: its number in the stream and its bytes.
    records: Vec<(u64, usize)>,
    /// Records in quarantine: number, bytes, code, reason.
    faults: Vec<(u64, usize, &'static str, String)>,
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
        if !self.faults.iter().any(|(known, ..)| *known == seq) {
            self.faults.push((seq, bytes, code, reason));
        }
    }
}

/// How the tenant's frames are received: of its audience, within the default limits.
#[must_use]
pub fn receiver(id: Audience) -> Receiver {
    Receiver::new(Opener::new(Limits::default()).with_audience(id))
}

/// The secret of the tenant's pseudonyms; made once, and kept while there is data.
fn person_keys(folder: &std::path::Path) -> Result<PersonKeys> {
    const NAME: &str = "persons.key";
    let path = folder.join(NAME);
    if !path.exists() {
        write_durably(folder, NAME, random_token().as_bytes())?;
    }
    let text = fs::read_to_string(&path)?;
    let bytes =
        crate::auth::key_bytes(text.trim()).context("persons.key is not 64 hexadecimal digits")?;
    Ok(PersonKeys::new(&bytes))
}

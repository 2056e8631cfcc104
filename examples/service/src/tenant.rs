//! A tenant: its activity, its folder, and what is known of who sends.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use ingest_protocol::frame::{Limits, Opener};
use ingest_protocol::receiver::Receiver;
use ingest_protocol::{Audience, StreamId};
use report_query::Retention;
use report_query::activity::ActivityStore;

use crate::arrivals::Arrivals;
use crate::audit::AuditTrail;
use crate::auth::Rights;
use crate::clock::Doubt;
use crate::config::{Config, TenantConfig};
use crate::decode::Decoder;
use crate::ingest::Budget;
use crate::journal::TenantJournal;
use crate::lookup::Spans;
use crate::mask::PersonKeys;
use crate::quarantine::Quarantine;
use crate::reserve::Reserve;
use crate::saved::{Saved, write_durably};
use crate::seen::{AgentSeen, Balance, Seen};
use crate::session::random_token;
use crate::streams::is_single_of;

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

    /// Where all of it is on disk.
    pub(crate) folder: PathBuf,
    /// What was acknowledged, on disk.
    pub journal: TenantJournal,
    /// Room on the disk to begin a segment of it when there is no other.
    pub(crate) reserve: Reserve,
    /// Room for batches under way.
    pub budget: Budget,
    /// Where in the journal activities of a time are.
    pub spans: Spans,
    /// Which entries of the journal the store holds when.
    pub(crate) arrivals: Arrivals,
    senders: Vec<Arc<str>>,
    /// The same activity with pseudonyms, where a reader lacks the right `persons`.
    pub(crate) masked: Option<(ActivityStore, Arrivals)>,
    pub(crate) decoder: Mutex<Decoder>,
    memory: AtomicUsize,
    unreadable: AtomicU64,
    ready: AtomicBool,
    /// The clock, where it is not believed.
    doubt: Mutex<Option<Doubt>>,
    seen: Mutex<Seen>,
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
            reserve: Reserve::of(&folder),
            folder,
            budget: Budget::new(config.limits.batch_bytes),
            spans: Spans::default(),
            arrivals: Arrivals::default(),
            senders: tenant
                .senders
                .iter()
                .map(|sender| sender.name.as_str().into())
                .collect(),
            masked: masked.then(|| (ActivityStore::new(retention), Arrivals::default())),
            decoder: Mutex::default(),
            memory: AtomicUsize::new(0),
            unreadable: AtomicU64::new(0),
            ready: AtomicBool::new(false),
            doubt: Mutex::default(),
            seen: Mutex::default(),
        })
    }

    /// The activity as somebody with these rights may see it.
    #[must_use]
    pub fn store_for(&self, rights: Rights) -> &ActivityStore {
        self.seen_by(rights).0
    }

    /// Which entries of the journal that store holds when.
    #[must_use]
    pub fn arrivals_for(&self, rights: Rights) -> &Arrivals {
        self.seen_by(rights).1
    }

    fn seen_by(&self, rights: Rights) -> (&ActivityStore, &Arrivals) {
        match &self.masked {
            Some((masked, arrivals)) if !rights.persons => (masked, arrivals),
            _ if rights.persons => (&self.store, &self.arrivals),
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

    /// The clock, where it is not believed: then nothing is deleted by it.
    #[must_use]
    pub fn doubt(&self) -> Option<Doubt> {
        *self.doubt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_doubt(&self, doubt: Option<Doubt>) {
        *self.doubt.lock().unwrap_or_else(PoisonError::into_inner) = doubt;
    }

    /// The time by which what comes is too old, or is not.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        let now = Utc::now();
        self.doubt()
            .map_or(now, |doubt| doubt.believed(Instant::now()))
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
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

    /// Drops what is too old from memory.
    pub fn expire(&self, now: DateTime<Utc>) {
        self.store.expire(now);
        if let Some((masked, _)) = &self.masked {
            masked.expire(now);
        }
        self.measure();
    }

    /// Entries of the journal up to this one are gone.
    pub fn release(&self, through: u64) {
        self.quarantine.release(through);
        self.spans.release(through);
        self.arrivals.release(through);
        if let Some((_, arrivals)) = &self.masked {
            arrivals.release(through);
        }
    }

    /// Drops streams whose data are gone.
    pub fn forget_agents(&self, gone: &[StreamId]) {
        let mut seen = self.seen();
        gone.iter().for_each(|stream| {
            seen.agents.remove(stream);
        });
    }

    pub(crate) fn measure(&self) {
        let masked = self
            .masked
            .as_ref()
            .map_or(0, |(masked, _)| masked.memory_usage().total());
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

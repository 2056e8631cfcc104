//! A tenant: its activity, its folder, and what is known of who sends.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use ingest_protocol::{Audience, StreamId};
use report_query::Retention;
use report_query::activity::ActivityStore;
use serde::Serialize;

use crate::audit::AuditTrail;
use crate::auth::Rights;
use crate::config::{Config, TenantConfig};
use crate::mask::PersonKeys;
use crate::quarantine::Quarantine;
use crate::saved::{Saved, write_durably};
use crate::session::random_token;

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
    /// The tenant's own folder.
    pub folder: PathBuf,
    /// The same activity with pseudonyms, where a reader lacks the right `persons`.
    masked: Option<ActivityStore>,
    ready: AtomicBool,
    seen: Mutex<Seen>,
}

/// An agent, or whoever else began a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AgentSeen {
    /// The stream.
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
    /// Activities of the records: the sum of the next four, and of those in quarantine for their time.
    pub activities: u64,
    /// Activities that are, or were, in the store.
    pub stored: u64,
    /// Activities that were there before.
    pub duplicates: u64,
    /// Activities that were there before with other content.
    pub conflicts: u64,
    /// Activities older than is kept.
    pub expired: u64,
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
            ))
        };
        let (saved, audit, persons) =
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
            folder,
            masked: masked.then(|| ActivityStore::new(retention)),
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

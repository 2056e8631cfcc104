//! `ActivityStore`: a store of activities.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use mim_events::activity::Activity;
use uuid::Uuid;

use super::person::Names;
use super::{columns, convert};
use crate::error::{QueryError, QueryErrorKind, Result};
use crate::expr::Expr;
use crate::query::{Query, asc};
use crate::store::{
    AppendReport, Erasure, Expiry, MemoryUsage, Retention, Snapshot, Store, StoreOptions,
    StoreStats,
};

/// A store of activities: a [`Store`] with the schema of this [module](super).
///
/// All methods take `&self` and may be called from any thread.
#[derive(Debug)]
pub struct ActivityStore {
    store: Store,
    documents: bool,
}

impl ActivityStore {
    /// A store that keeps activities so long, and their documents with them.
    #[must_use]
    pub fn new(retention: Retention) -> Self {
        Self::with_options(StoreOptions::new(retention))
    }

    /// A store with options.
    #[must_use]
    pub fn with_options(options: StoreOptions) -> Self {
        let store = Store::new(columns::schema(), options)
            .unwrap_or_else(|error| unreachable!("the activity schema: {error}"));
        Self {
            store,
            documents: true,
        }
    }

    /// Keeps the columns only, not the whole activities: about half the memory,
    /// and [`activity`](ActivityStore::activity) finds nothing.
    #[must_use]
    pub fn without_documents(mut self) -> Self {
        self.documents = false;
        self
    }

    /// Appends activities, in any order. All of them become visible at once.
    ///
    /// `now` decides what is too old to keep and what is too far ahead to be
    /// true; the report counts both, see [the store](crate::store#what-happens-to-a-row).
    pub fn append(
        &self,
        activities: impl IntoIterator<Item = Activity>,
        now: DateTime<Utc>,
    ) -> AppendReport {
        let rows = activities.into_iter().map(|activity| {
            // Only a map whose keys are no texts could fail, and there is none.
            let document = if self.documents {
                serde_json::to_string(&activity).ok()
            } else {
                None
            };
            convert::row(&activity, document)
        });
        self.store.append(rows, now)
    }

    /// The rows as they are now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.store.snapshot()
    }

    /// The activity of an id, if it is kept with its document. Of a MIM request
    /// that was logged at several statuses with one result, the latest.
    #[must_use]
    pub fn activity(&self, id: Uuid) -> Option<Activity> {
        let query = Query::new().filter(columns::ID.eq(id));
        latest(query, &self.snapshot()).ok()?.pop()
    }

    /// All activities of a snapshot that are kept with their documents, each as
    /// it was appended, in the order of time and id.
    ///
    /// # Errors
    ///
    /// If the snapshot is not one of an activity store, or has more rows than a
    /// query [may have](crate::Limits).
    pub fn activities(snapshot: &Snapshot) -> Result<Vec<Activity>> {
        latest(Query::new(), snapshot)
    }

    /// Drops what is no longer kept; see [`Store::expire`].
    pub fn expire(&self, now: DateTime<Utc>) -> Expiry {
        self.store.expire(now)
    }

    /// Removes the rows of which a predicate is true; see [`Store::erase`].
    ///
    /// # Errors
    ///
    /// As [`Store::erase`].
    pub fn erase(&self, predicate: impl Into<Expr>) -> Result<Erasure> {
        self.store.erase(predicate)
    }

    /// Removes all that a person did, or that was done to them or decided by them,
    /// with the documents: the activities that have one of these names, without regard
    /// to case, as a whole text: an actor's, target's or approver's id, UPN,
    /// `domain\account` (the account where there is no domain) or display name, or the
    /// old or new value of a change.
    ///
    /// Every other whole text of the [`TEXT`](columns::TEXT) column counts, too: a reason or a
    /// detail that is nothing but the name, and an activity or a method that is called so. A name
    /// of several people erases all of them, so ids and UPNs are best. Longer texts
    /// that mention a name stay, and so do attributes of targets that are no changes;
    /// [`redact_person`](ActivityStore::redact_person) takes a name out of these, too.
    ///
    /// ```
    /// use report_query::Retention;
    /// use report_query::activity::ActivityStore;
    ///
    /// let store = ActivityStore::new(Retention::MONTH);
    /// let names = ["5d0c0000-0000-4000-8000-000000000001", "kim@harbor.example"];
    /// assert_eq!(store.erase_person(names)?.rows, 0);
    /// # Ok::<(), report_query::QueryError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// None of a correct store; it is the type of [`erase`](ActivityStore::erase).
    pub fn erase_person(
        &self,
        names: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Erasure> {
        self.erase(Names::new(names).named())
    }

    /// Takes a person out of all activities, with the documents; the activities stay, and so do
    /// counts of them. Names are given as for [`erase_person`](ActivityStore::erase_person), and in
    /// place of each text that goes stands [`REDACTED`](super::REDACTED).
    ///
    /// - Of an actor, target or approver that has one of the names, all names go: id, display name,
    ///   UPN, account, and the actor's IP address and [application](columns::ACTOR_VIA), which may be a
    ///   name as well. The domain stays. Without a document it is not known which names of an approver
    ///   are one person's, so of these only the given ones go.
    /// - Then each of these names goes from all other texts of the activity that tell of people: wholes
    ///   and parts that are no part of another name or address, without regard to case. `Kim Berg` goes
    ///   from `asked by Kim Berg.`, and not from `Kim Berg-Hansen`; `kim@harbor.example` not from
    ///   `a.kim@harbor.example`. An activity that a name stands in only so is redacted, too.
    /// - The source's own words (kinds, activities, services, types, methods, names of properties and
    ///   details) and the ids of activities, requests and correlations stay. An activity's id is a hash
    ///   of what it is about: who knows all of that can tell that it was that.
    ///
    /// Activities that are redacted and come again are duplicates. Such that come later for the
    /// first time are not redacted; and what feeds the store has to forget the person, too, as [`Store::redact`]
    /// says.
    ///
    /// All who are redacted are one to what groups by people.
    ///
    /// ```
    /// use report_query::Retention;
    /// use report_query::activity::ActivityStore;
    ///
    /// let store = ActivityStore::new(Retention::MONTH);
    /// let names = ["5d0c0000-0000-4000-8000-000000000001", "kim@harbor.example"];
    /// assert_eq!(store.redact_person(names)?.rows, 0);
    /// # Ok::<(), report_query::QueryError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// None of a correct store; it is the type of [`Store::redact`].
    pub fn redact_person(
        &self,
        names: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Erasure> {
        let names = Names::new(names);
        self.store
            .redact_with(names.mentioned(), |row| names.redact(row))
    }

    /// What the store holds and has counted.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        self.store.stats()
    }

    /// About how many bytes the rows take.
    #[must_use]
    pub fn memory_usage(&self) -> MemoryUsage {
        self.store.memory_usage()
    }
}

/// The documents of a query's rows, one for each id.
fn latest(query: Query, snapshot: &Snapshot) -> Result<Vec<Activity>> {
    let keys: [Expr; 4] = [
        columns::TIME,
        columns::ID,
        columns::STATUS_RANK,
        columns::DOCUMENT,
    ];
    let result = query
        .filter(columns::DOCUMENT.is_not_null())
        .select(keys)
        .sort([asc(columns::STATUS_RANK), asc(columns::TIME)])
        .run(snapshot)?;
    let mut found: BTreeMap<Uuid, (DateTime<Utc>, &str)> = BTreeMap::new();
    for row in result.rows() {
        if let [time, id, _, document] = row
            && let (Some(time), Some(id)) = (time.as_time(), id.as_id())
            && let Some(text) = document.as_text()
        {
            found.insert(id, (time, text));
        }
    }
    let mut found: Vec<_> = found
        .into_iter()
        .map(|(id, (time, text))| (time, id, text))
        .collect();
    found.sort_unstable_by_key(|(time, id, _)| (*time, *id));
    found.into_iter().map(|(.., text)| read(text)).collect()
}

/// What was written by serde is read by serde, so there is no such error; nor
/// would an activity be missing without one.
fn read(document: &str) -> Result<Activity> {
    serde_json::from_str(document).map_err(|_| {
        QueryError::new(QueryErrorKind::Schema {
            what: "a document is no activity",
        })
    })
}

//! `Store`: append, expire, snapshot.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use super::cache::Cache;
use super::column::Origin;
use super::dictionary::Dictionary;
use super::documents::LONGEST;
use super::duplicates::{Known, Probe};
use super::head::{self, Grown};
use super::options::{StoreOptions, WhenFull};
use super::report::{AppendReport, Expiry, MemoryUsage, Rejected, StoreStats};
use super::segment::{Segment, SegmentView, StoredRow};
use super::snapshot::Snapshot;
use crate::error::{QueryError, QueryErrorKind, Result};
use crate::schema::Schema;
use crate::value::Value;

/// How far ahead of now a row's time may be.
const FUTURE: TimeDelta = TimeDelta::days(1);

/// Rows of one schema in memory.
///
/// All methods take `&self` and may be called from any thread. The lock inside
/// guards one pointer and is held for a copy or an exchange of it, never while
/// rows are read, copied or freed.
pub struct Store {
    pub(super) schema: Schema,
    /// Where the key columns stand.
    pub(super) key: (usize, usize),
    options: StoreOptions,
    state: Mutex<Arc<State>>,
    cache: Option<Arc<Cache>>,
}

/// All that changes, as one immutable value.
#[derive(Clone, Default)]
pub(super) struct State {
    /// Sealed ones, then the chunks of the head.
    pub(super) segments: Vec<Arc<Segment>>,
    pub(super) sealed: usize,
    /// The texts by columns; see [`Schema::dictionary`].
    pub(super) dictionaries: Vec<Dictionary>,
    /// Whether there may be texts that no row has any more. Whoever makes the next state frees
    /// them, so that it is done however many appends there are meanwhile.
    pub(super) untidy: bool,
    /// Rows before it are gone, whether or not they are freed.
    pub(super) cut: Option<DateTime<Utc>>,
    /// The number of the newest batch that brought rows.
    pub(super) newest: u64,
    pub(super) counts: Counts,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    appended: u64,
    duplicates: u64,
    conflicts: u64,
    expired: u64,
    quarantined: u64,
    invalid: u64,
    dropped: u64,
    pub(super) erased: u64,
    pub(super) redacted: u64,
    refused: u64,
    evicted: u64,
}

impl State {
    /// The segments with what their codes stand for.
    pub(super) fn views(&self) -> impl Iterator<Item = SegmentView<'_>> {
        self.segments.iter().map(|segment| SegmentView {
            segment,
            dictionaries: &self.dictionaries,
        })
    }

    /// The segments of which nothing is known yet, by their places in memory.
    pub(super) fn unknown<T>(
        &self,
        known: &HashMap<*const Segment, T>,
    ) -> Vec<(&Arc<Segment>, SegmentView<'_>)> {
        let all = self.segments.iter().zip(self.views());
        all.filter(|(segment, _)| !known.contains_key(&Arc::as_ptr(segment)))
            .collect()
    }

    /// The numbers of sealed segments.
    fn numbers(&self) -> impl Iterator<Item = u64> {
        let sealed = self.segments.iter().take(self.sealed);
        sealed.map(|segment| segment.number())
    }

    fn memory(&self) -> MemoryUsage {
        let mut usage = MemoryUsage::default();
        for segment in &self.segments {
            let memory = segment.memory();
            usage.columns += memory.columns;
            usage.postings += memory.postings;
            usage.documents += memory.documents;
        }
        usage.values += self
            .dictionaries
            .iter()
            .map(Dictionary::size)
            .sum::<usize>();
        usage
    }

    /// The same without the texts that no row has any more.
    fn tidied(&self) -> Cow<'_, Self> {
        if self.untidy {
            Cow::Owned(self.clone().without_unused_texts())
        } else {
            Cow::Borrowed(self)
        }
    }

    fn without_unused_texts(mut self) -> Self {
        self.untidy = false;
        let mut used: Vec<Vec<bool>> = self
            .dictionaries
            .iter()
            .map(|dictionary| vec![false; dictionary.len()])
            .collect();
        for segment in &self.segments {
            segment.mark_used(&mut used);
        }
        let dictionaries = self.dictionaries.iter().zip(&used);
        let (dictionaries, remaps): (Vec<_>, Vec<_>) = dictionaries
            .map(|(dictionary, used)| dictionary.without(used))
            .unzip();
        self.dictionaries = dictionaries;
        if remaps.iter().any(Option::is_some) {
            for segment in &mut self.segments {
                *segment = Arc::new(segment.renumbered(&remaps));
            }
        }
        self
    }
}

impl Store {
    /// An empty store.
    ///
    /// # Errors
    ///
    /// [`Schema`](QueryErrorKind::Schema) if the schema has no
    /// [key](Schema::with_key).
    pub fn new(schema: Schema, options: StoreOptions) -> Result<Self> {
        let Some(key) = schema.key() else {
            return Err(QueryError::new(QueryErrorKind::Schema {
                what: "a store's schema needs a key",
            }));
        };
        // Whoever chooses the texts must not know what they hash to.
        let seed = std::hash::RandomState::new().hash_one(key);
        let dictionary = |number| match schema.is_coded_id(number) {
            true => Dictionary::of_ids(seed),
            false => Dictionary::new(seed),
        };
        let state = State {
            dictionaries: (0..schema.dictionaries()).map(dictionary).collect(),
            ..State::default()
        };
        Ok(Self {
            schema,
            key,
            options,
            state: Mutex::new(Arc::new(state)),
            cache: (options.cache > 0).then(|| Arc::new(Cache::new(options.cache))),
        })
    }

    /// The schema.
    #[must_use]
    pub const fn schema(&self) -> &Schema {
        &self.schema
    }

    fn lock(&self) -> MutexGuard<'_, Arc<State>> {
        // What the lock guards is whole at any moment, so a panic elsewhere spoils nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn load(&self) -> Arc<State> {
        Arc::clone(&self.lock())
    }

    /// Publishes a state made from another, unless that one was replaced meanwhile.
    pub(super) fn publish(&self, from: &Arc<State>, next: State) -> bool {
        let is_other = self.cache.is_some() && !next.numbers().eq(from.numbers());
        let mut next = Arc::new(next);
        let mut current = self.lock();
        let unchanged = Arc::ptr_eq(&current, from);
        if unchanged {
            std::mem::swap(&mut *current, &mut next);
        }
        drop(current);
        // What was replaced is freed here, after the lock.
        drop(next);
        if unchanged && is_other {
            self.update_cache();
        }
        unchanged
    }

    /// Tells the cache which segments there are.
    fn update_cache(&self) {
        let Some(cache) = &self.cache else {
            return;
        };
        loop {
            let state = self.load();
            cache.live(state.numbers());
            // Whoever was told of an older state in between is told again.
            if state.numbers().eq(self.load().numbers()) {
                return;
            }
        }
    }

    /// Appends rows, each with a value for each column of the schema, in its
    /// order. All rows that are appended become visible at once.
    ///
    /// `now` decides what is too old and what is too far ahead; see the
    /// [module](crate::store) for what happens to a row.
    pub fn append(
        &self,
        rows: impl IntoIterator<Item = Vec<Value>>,
        now: DateTime<Utc>,
    ) -> AppendReport {
        let mut report = AppendReport::default();
        let mut batch = Vec::new();
        for (index, values) in rows.into_iter().enumerate() {
            match self.checked(values) {
                Ok(row) => batch.push((index, row)),
                Err(rejected) => {
                    report.invalid += 1;
                    report.rejected.push((index, rejected));
                }
            }
        }
        // Of equal keys the first of the batch comes first.
        batch.sort_by_key(|(_, row)| row.key());
        loop {
            let state = self.load();
            let from = state.tidied();
            let (mut report, next) = self.appended(&from, &batch, report.clone(), now);
            let next = self.limited(&from, next, &mut report);
            if self.publish(&state, next) {
                return report;
            }
        }
    }

    /// A row of the schema.
    fn checked(&self, values: Vec<Value>) -> Result<StoredRow, Rejected> {
        let invalid = |column: Option<usize>, what| Rejected::Invalid { column, what };
        let fields = self.schema.fields();
        if values.len() != fields.len() {
            return Err(invalid(None, "another number of values than columns"));
        }
        for (index, (field, value)) in fields.iter().zip(&values).enumerate() {
            if let Some(what) = field.mismatch(value) {
                return Err(invalid(Some(index), what));
            }
            if let Value::Text(text) = value
                && text.len() > LONGEST
                && self.schema.is_document(index)
            {
                return Err(invalid(Some(index), "a document that is too long"));
            }
        }
        let time = values.get(self.key.0).and_then(Value::as_time);
        let id = values.get(self.key.1).and_then(Value::as_id);
        match (time, id) {
            (Some(time), Some(id)) => Ok(StoredRow { time, id, values }),
            _ => Err(invalid(None, "no key")),
        }
    }

    /// What a state becomes with the rows of a batch, sorted by their keys.
    fn appended(
        &self,
        state: &State,
        batch: &[(usize, StoredRow)],
        mut report: AppendReport,
        now: DateTime<Utc>,
    ) -> (AppendReport, State) {
        let cut = state.cut.max(self.options.retention.cut(now));
        let latest = now.checked_add_signed(FUTURE);
        let mut new: Vec<&StoredRow> = Vec::new();
        let ends = batch.first().zip(batch.last());
        let probe = ends.map(|((_, first), (_, last))| Probe::new(state, first.time, last.time));
        for (index, row) in batch {
            if cut.is_some_and(|cut| row.time < cut) {
                report.expired += 1;
                continue;
            }
            if latest.is_some_and(|latest| row.time > latest) {
                report.quarantined += 1;
                report.rejected.push((*index, Rejected::Quarantined));
                continue;
            }
            let known = match new.last() {
                Some(last) if last.key() == row.key() && last.values == row.values => {
                    Known::Duplicate
                }
                Some(last) if last.key() == row.key() => Known::Conflict,
                _ => probe
                    .as_ref()
                    .map_or(Known::New, |probe| probe.look_up(row)),
            };
            match known {
                Known::New => new.push(row),
                Known::Duplicate => report.duplicates += 1,
                Known::Conflict => {
                    report.conflicts += 1;
                    report.rejected.push((*index, Rejected::Conflict));
                }
            }
        }
        report.appended = new.len() as u64;
        report.rejected.sort_by_key(|(index, _)| *index);

        let mut next = state.clone();
        next.counts.add(&report);
        if !new.is_empty() {
            next.newest += 1;
            report.ingest = Some(next.newest);
            let (sealed, head) = state.segments.split_at(state.sealed);
            let (schema, dictionaries) = (&self.schema, &state.dictionaries);
            let segment_rows = self.options.segment_rows;
            let grown = if head.is_empty() {
                let (grown, dictionaries) =
                    head::begin(schema, dictionaries, &new, next.newest, segment_rows);
                next.dictionaries = dictionaries;
                grown
            } else {
                let (new, dictionaries) =
                    Segment::of_batch(schema, dictionaries, &new, next.newest);
                next.dictionaries = dictionaries;
                head::grow(schema, head, new, segment_rows, state.cut)
            };
            let Grown { head, sealed: more } = grown;
            next.sealed += more.len();
            next.segments = sealed.iter().cloned().chain(more).chain(head).collect();
        }
        (report, next)
    }

    /// Drops what the retention no longer keeps: at once for queries, and from
    /// memory in whole segments, or where half of a segment or more is gone.
    pub fn expire(&self, now: DateTime<Utc>) -> Expiry {
        loop {
            let state = self.load();
            let cut = state.cut.max(self.options.retention.cut(now));
            let Some(cut) = cut.filter(|_| cut != state.cut) else {
                return Expiry::default();
            };
            let (mut next, expiry) = self.cut_off(&state, cut);
            next.counts.dropped += expiry.rows;
            if self.publish(&state, next) {
                self.tidy();
                return expiry;
            }
        }
    }

    /// Frees the texts that no row has any more, unless somebody else has.
    pub(super) fn tidy(&self) {
        loop {
            let state = self.load();
            let Cow::Owned(next) = state.tidied() else {
                return;
            };
            if self.publish(&state, next) {
                return;
            }
        }
    }

    /// A state without its rows before a time, which is later than its cut.
    fn cut_off(&self, state: &State, at: DateTime<Utc>) -> (State, Expiry) {
        let mut expiry = Expiry::default();
        let mut next = State {
            segments: Vec::with_capacity(state.segments.len()),
            sealed: 0,
            cut: Some(at),
            ..state.clone()
        };
        for (index, segment) in state.segments.iter().enumerate() {
            let old = segment.rows_between(state.cut, None);
            let kept = segment.rows_between(Some(at), None);
            expiry.rows += (kept.start - old.start) as u64;
            if kept.is_empty() {
                expiry.segments += 1;
                continue;
            }
            let segment = if kept.start * 2 >= segment.len() {
                let rows: Vec<Origin> = kept.map(|row| (0, row as u32)).collect();
                let from = std::slice::from_ref(segment);
                let left = Segment::of_rows(&self.schema, from, &rows);
                Arc::new(left.like(segment, &self.schema))
            } else {
                Arc::clone(segment)
            };
            next.segments.push(segment);
            if index < state.sealed {
                next.sealed += 1;
            }
        }
        // Where no segment was freed or built anew, each text has its rows still.
        let same = |(a, b): (&Arc<Segment>, &Arc<Segment>)| Arc::ptr_eq(a, b);
        next.untidy |= next.segments.len() < state.segments.len()
            || !next.segments.iter().zip(&state.segments).all(same);
        (next, expiry)
    }

    /// Keeps a state under the memory limit. If that is by refusing its new rows, the
    /// state before gets the counts of the report alone.
    fn limited(&self, state: &State, next: State, report: &mut AppendReport) -> State {
        let Some((limit, when_full)) = self.options.memory else {
            return next;
        };
        let used = next.memory().total();
        if used <= limit || report.appended == 0 {
            return next;
        }
        match when_full {
            WhenFull::Refuse => {
                report.refused = std::mem::take(&mut report.appended);
                report.ingest = None;
                let mut state = state.clone();
                state.counts.add(report);
                state
            }
            WhenFull::DropOldest => {
                let mut next = next;
                while let Some(cut) = oldest_to_drop(&next, limit) {
                    let (after, evicted) = self.cut_off(&next, cut);
                    report.evicted += evicted.rows;
                    next = after.without_unused_texts();
                    next.counts.evicted += evicted.rows;
                }
                next
            }
        }
    }

    /// The rows as they are now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(&self.schema, self.load(), self.cache.clone())
    }

    /// What the store holds and has counted since it began.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        // Of one state, so that rows and counts add up while others append.
        let state = self.load();
        let snapshot = Snapshot::new(&self.schema, Arc::clone(&state), None);
        let counts = state.counts;
        StoreStats {
            rows: snapshot.len() as u64,
            segments: state.sealed,
            head_chunks: state.segments.len() - state.sealed,
            newest_ingest: state.newest,
            appended: counts.appended,
            duplicates: counts.duplicates,
            conflicts: counts.conflicts,
            expired: counts.expired,
            quarantined: counts.quarantined,
            invalid: counts.invalid,
            dropped: counts.dropped,
            erased: counts.erased,
            redacted: counts.redacted,
            refused: counts.refused,
            evicted: counts.evicted,
        }
    }

    /// How many bytes the rows take. Snapshots that are held keep more.
    #[must_use]
    pub fn memory_usage(&self) -> MemoryUsage {
        MemoryUsage {
            cache: self.cache.as_ref().map_or(0, |cache| cache.size()),
            ..self.load().memory()
        }
    }
}

/// The time before which rows have to go, in whole segments, so that the rest takes no more
/// than so many bytes; `None` if it does already, or has no row.
fn oldest_to_drop(state: &State, limit: usize) -> Option<DateTime<Utc>> {
    let used = state.memory().total();
    // What texts take is taken to be shared evenly among the segments' bytes.
    let of_segments: usize = state.segments.iter().map(|segment| total(segment)).sum();
    let share = |size: usize| size as f64 * used as f64 / of_segments.max(1) as f64;
    let mut ends: Vec<_> = state
        .segments
        .iter()
        .filter_map(|segment| Some((segment.last_time()?, total(segment))))
        .collect();
    ends.sort_unstable();
    let mut left = used as f64;
    let mut cut = None;
    for (end, size) in ends {
        if left <= limit as f64 {
            break;
        }
        left -= share(size);
        cut = end.checked_add_signed(TimeDelta::nanoseconds(1));
    }
    cut
}

/// The bytes of a segment.
fn total(segment: &Segment) -> usize {
    let memory = segment.memory();
    memory.columns + memory.postings + memory.documents
}

impl Counts {
    fn add(&mut self, report: &AppendReport) {
        self.appended += report.appended;
        self.duplicates += report.duplicates;
        self.conflicts += report.conflicts;
        self.expired += report.expired;
        self.quarantined += report.quarantined;
        self.invalid += report.invalid;
        self.refused += report.refused;
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("options", &self.options)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

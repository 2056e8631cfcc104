//! Rows that stay, without some of their values.

use std::collections::HashMap;
use std::sync::Arc;

use super::dictionary::Dictionary;
use super::report::Erasure;
use super::segment::{Segment, SegmentView, StoredRow};
use super::store::{State, Store};
use crate::error::Result;
use crate::expr::Cells;
use crate::value::Value;

impl Store {
    /// Gives rows of each segment other values: of those at the ascending positions that a function
    /// finds, what another makes of their values. Those have to fit the schema and keep the key.
    /// What the first fails with leaves the store as it was.
    ///
    /// Texts get their codes before the segments that have them are built, and published by
    /// themselves: building takes long, and only the codes may not change meanwhile, whoever appends.
    pub(crate) fn rewrite(
        &self,
        mut find: impl FnMut(&[SegmentView<'_>], &[Dictionary]) -> Result<Vec<Vec<u32>>>,
        change: impl Fn(&mut [Value]),
    ) -> Result<Erasure> {
        // What is known of segments already, if others change the store meanwhile.
        let mut known: HashMap<*const Segment, Rewrite> = HashMap::new();
        loop {
            // The new texts have no rows at first, so nobody may be about to free such.
            self.tidy();
            let state = self.load();
            if state.untidy {
                continue;
            }
            let new = state.unknown(&known);
            let views: Vec<SegmentView<'_>> = new.iter().map(|(_, view)| *view).collect();
            let found = find(&views, &state.dictionaries)?;
            for ((segment, view), rows) in new.into_iter().zip(found) {
                let rewrite = self.changed_rows(segment, view, &rows, &change);
                known.insert(Arc::as_ptr(segment), rewrite);
            }
            let mut dictionaries = state.dictionaries.clone();
            let mut has_new = false;
            for segment in &state.segments {
                if let Some(rewrite) = known.get_mut(&Arc::as_ptr(segment)) {
                    let next = rewrite.encode(self, &dictionaries);
                    let lengths = dictionaries.iter().zip(&next);
                    has_new |= lengths
                        .into_iter()
                        .any(|(before, after)| before.len() != after.len());
                    dictionaries = next;
                }
            }
            if has_new {
                let next = State {
                    dictionaries,
                    ..(*state).clone()
                };
                self.publish(&state, next);
                continue;
            }
            let (next, erasure) = self.rewritten(&state, &mut known);
            if erasure.segments == 0 {
                return Ok(erasure);
            }
            if self.publish(&state, next) {
                self.tidy();
                return Ok(erasure);
            }
        }
    }

    /// The rows of a segment that a function changes, among those at some positions.
    fn changed_rows(
        &self,
        segment: &Arc<Segment>,
        view: SegmentView<'_>,
        rows: &[u32],
        change: impl Fn(&mut [Value]),
    ) -> Rewrite {
        let mut rewrite = Rewrite {
            of: Arc::clone(segment),
            rows: Vec::new(),
            values: Vec::new(),
            is_same: vec![true; self.schema.fields().len()],
            encoded: None,
            made: None,
        };
        for row in rows {
            let Some((time, id)) = segment.key(*row as usize) else {
                continue;
            };
            let cell = |column| view.cell(*row as usize, column).into_owned();
            let before: Vec<Value> = (0..rewrite.is_same.len()).map(cell).collect();
            let mut values = before.clone();
            change(&mut values);
            if values == before {
                continue;
            }
            let pairs = before.iter().zip(&values);
            for (is_same, (before, after)) in rewrite.is_same.iter_mut().zip(pairs) {
                *is_same &= before == after;
            }
            rewrite.rows.push(*row);
            rewrite.values.push(StoredRow { time, id, values });
        }
        rewrite
    }

    /// A state with the segments that are rewritten, whose texts all have codes in it.
    fn rewritten(
        &self,
        state: &State,
        known: &mut HashMap<*const Segment, Rewrite>,
    ) -> (State, Erasure) {
        let mut erasure = Erasure::default();
        let mut next = state.clone();
        for segment in &mut next.segments {
            let Some(rewrite) = known.get_mut(&Arc::as_ptr(segment)) else {
                continue;
            };
            let rows = segment.rows_between(state.cut, None);
            let Some(made) = rewrite.make(self) else {
                continue;
            };
            *segment = made;
            erasure.segments += 1;
            // Expired rows in memory are changed, too, and don't count.
            let counts = |row: &&u32| rows.contains(&(**row as usize));
            erasure.rows += rewrite.rows.iter().filter(counts).count() as u64;
        }
        next.counts.redacted += erasure.rows;
        next.untidy = true;
        (next, erasure)
    }
}

/// What becomes of a segment.
struct Rewrite {
    /// Keeps the segment from being freed, and its place from being taken by another.
    of: Arc<Segment>,
    rows: Vec<u32>,
    values: Vec<StoredRow>,
    /// For each column whether no row changes.
    is_same: Vec<bool>,
    /// The rows with the codes that their texts had last.
    encoded: Option<Arc<Segment>>,
    /// The segment with these.
    made: Option<Arc<Segment>>,
}

impl Rewrite {
    /// Looks up the codes of its texts; gives the dictionaries that know all of them.
    fn encode(&mut self, store: &Store, dictionaries: &[Dictionary]) -> Vec<Dictionary> {
        if self.rows.is_empty() {
            return dictionaries.to_vec();
        }
        let rows: Vec<&StoredRow> = self.values.iter().collect();
        // The batch that brought a row stays with its key.
        let (encoded, next) = Segment::of_batch(&store.schema, dictionaries, &rows, 0);
        let before = self.encoded.as_ref();
        if !before.is_some_and(|before| before.has_codes_of(&encoded)) {
            self.made = None;
        }
        self.encoded = Some(Arc::new(encoded));
        next
    }

    /// The segment that takes the place, if one does.
    fn make(&mut self, store: &Store) -> Option<Arc<Segment>> {
        if self.made.is_none() {
            let same = |column: usize| self.is_same.get(column) == Some(&true);
            let values = Arc::clone(self.encoded.as_ref()?);
            let made = Segment::redacted(&store.schema, &self.of, &self.rows, values, same);
            self.made = Some(Arc::new(made.like(&self.of, &store.schema)));
        }
        self.made.clone()
    }
}

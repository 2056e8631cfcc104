//! Rows that go before their time.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::column::Origin;
use super::dictionary::Dictionary;
use super::report::Erasure;
use super::segment::{Segment, SegmentView};
use super::store::{State, Store};
use crate::error::Result;
use crate::schema::Schema;

impl Store {
    /// Removes rows from each segment: those at the positions that a function gives, of
    /// all that are in memory. What it fails with leaves the store as it was.
    pub(crate) fn remove(
        &self,
        mut doomed: impl FnMut(&[SegmentView<'_>], &[Dictionary]) -> Result<Vec<Vec<u32>>>,
    ) -> Result<Erasure> {
        // What is known of segments already, if others change the store meanwhile.
        let mut known: HashMap<*const Segment, Removal> = HashMap::new();
        let mut cut = None;
        loop {
            let state = self.load();
            if cut != state.cut {
                // Other rows count now.
                cut = state.cut;
                known.clear();
            }
            let new = state.unknown(&known);
            let views: Vec<SegmentView<'_>> = new.iter().map(|(_, view)| *view).collect();
            let doomed = doomed(&views, &state.dictionaries)?;
            for ((segment, _), doomed) in new.into_iter().zip(doomed) {
                let removal = Removal::new(&self.schema, segment, doomed, state.cut);
                known.insert(Arc::as_ptr(segment), removal);
            }
            let mut erasure = Erasure::default();
            let mut next = State {
                segments: Vec::with_capacity(state.segments.len()),
                sealed: 0,
                ..(*state).clone()
            };
            for (index, segment) in state.segments.iter().enumerate() {
                let left = match known.get(&Arc::as_ptr(segment)) {
                    Some(removal) if removal.is_changed => {
                        erasure.segments += 1;
                        erasure.rows += removal.rows;
                        removal.left.clone()
                    }
                    _ => Some(Arc::clone(segment)),
                };
                if let Some(segment) = left {
                    next.segments.push(segment);
                    next.sealed += usize::from(index < state.sealed);
                }
            }
            if erasure.segments == 0 {
                return Ok(erasure);
            }
            next.counts.erased += erasure.rows;
            next.untidy = true;
            if self.publish(&state, next) {
                self.tidy();
                return Ok(erasure);
            }
        }
    }
}

/// What is left of a segment without some of its rows.
struct Removal {
    /// Keeps the segment from being freed, and its place from being taken by another.
    _of: Arc<Segment>,
    is_changed: bool,
    left: Option<Arc<Segment>>,
    /// How many rows are gone that queries saw.
    rows: u64,
}

impl Removal {
    /// Without the rows at ascending positions; what is expired goes along.
    fn new(
        schema: &Schema,
        of: &Arc<Segment>,
        doomed: Vec<u32>,
        cut: Option<DateTime<Utc>>,
    ) -> Self {
        let mut removal = Self {
            _of: Arc::clone(of),
            is_changed: !doomed.is_empty(),
            left: None,
            rows: 0,
        };
        if !removal.is_changed {
            return removal;
        }
        let kept = of.rows_between(cut, None);
        let mut rows: Vec<Origin> = Vec::with_capacity(kept.len());
        let mut doomed = doomed.into_iter().map(|row| row as usize).peekable();
        for row in 0..of.len() {
            let goes = doomed.next_if_eq(&row).is_some();
            let is_kept = kept.contains(&row);
            removal.rows += u64::from(goes && is_kept);
            if is_kept && !goes {
                rows.push((0, row as u32));
            }
        }
        if !rows.is_empty() {
            let from = std::slice::from_ref(of);
            let left = Segment::of_rows(schema, from, &rows);
            removal.left = Some(Arc::new(left.like(of, schema)));
        }
        removal
    }
}

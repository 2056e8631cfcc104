//! The first row of each group, without the rows of a group ever standing together.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::keys::Keys;
use super::select::Tests;
use super::threads;
use crate::error::{QueryError, Result};
use crate::exec::batch::{Pick, position};
use crate::exec::control::Control;
use crate::exec::sort;
use crate::expr::{Bound, Row, Scope};
use crate::query::BoundSort;
use crate::store::{Part, SegmentView, Snapshot};
use crate::value::Value;

/// One row for each tuple of keys: that which comes first by an order.
pub(super) struct TopPer<'p> {
    by: &'p [Bound],
    sort: &'p [BoundSort],
}

/// The groups so far, and the first row of each.
struct Firsts<'k, 's> {
    keys: Keys<'k>,
    rows: Vec<Place<'s>>,
}

/// A row, and the segment that it is of.
type Place<'s> = (SegmentView<'s>, Pick);

impl<'p> TopPer<'p> {
    /// `None` where more than one row is wanted, or where the order may fail: rows that are
    /// alone in their group are never asked for it.
    pub(super) fn new(by: &'p [Bound], sort: &'p [BoundSort], rows: u64) -> Option<Self> {
        let is_total = sort.iter().all(|sort| sort.key.is_total());
        (rows == 1 && is_total).then_some(Self { by, sort })
    }

    /// The rows, in no order; `None` if a key is none that columns are grouped by.
    pub(super) fn rows(
        &self,
        snapshot: &Snapshot,
        parts: &[Part<'_>],
        tests: &Tests<'_>,
        control: &Control<'_>,
        place: impl Fn(QueryError) -> QueryError + Send + Sync,
    ) -> Result<Option<Vec<Pick>>> {
        let all = threads::map(threads::runs(parts), |run| {
            let mut firsts = Firsts {
                keys: Keys::new(self.by, snapshot, control.limits.groups),
                rows: Vec::new(),
            };
            let is_grouped = self.add(&mut firsts, run, tests, control, &place)?;
            Ok(is_grouped.then_some(firsts))
        });
        let found = threads::one_of(all, |found, firsts| {
            self.merge(found, firsts).map_err(&place)
        })?;
        let rows = found.map(|found| found.rows.into_iter().map(|(_, pick)| pick).collect());
        Ok(rows)
    }

    /// Takes in the rows of parts; `false` if a key is none that columns are grouped by.
    fn add<'s>(
        &self,
        firsts: &mut Firsts<'_, 's>,
        parts: &[Part<'s>],
        tests: &Tests<'_>,
        control: &Control<'_>,
        place: impl Fn(QueryError) -> QueryError,
    ) -> Result<bool> {
        let mut ticker = control.ticker();
        for part in parts {
            let selected = tests.select(part, control)?;
            if selected.is_empty() {
                continue;
            }
            let Some(of_segment) = firsts.keys.of(part.segment, &selected) else {
                return Ok(false);
            };
            let groups = firsts.keys.numbered(&of_segment, &selected);
            for (row, group) in selected.rows().zip(groups.map_err(&place)?) {
                ticker.step().map_err(&place)?;
                let pick = Pick {
                    segment: position(part.index),
                    row: position(row),
                };
                self.keep(&mut firsts.rows, group, (part.segment, pick));
            }
        }
        Ok(true)
    }

    /// Keeps a row if it is the first of its group so far. Groups get their numbers as their
    /// first rows come.
    fn keep<'s>(&self, rows: &mut Vec<Place<'s>>, group: u32, place: Place<'s>) {
        match rows.get_mut(group as usize) {
            Some(kept) => {
                if self.compare(&place, kept).is_lt() {
                    *kept = place;
                }
            }
            None => rows.push(place),
        }
    }

    fn merge<'s, 'k>(&self, firsts: &mut Firsts<'k, 's>, others: Firsts<'k, 's>) -> Result<()> {
        let groups = firsts.keys.absorb(others.keys)?;
        for (group, place) in groups.into_iter().zip(others.rows) {
            self.keep(&mut firsts.rows, group, place);
        }
        Ok(())
    }

    /// The order of two rows: of equals that by time and id.
    fn compare(&self, a: &Place<'_>, b: &Place<'_>) -> Ordering {
        for sort in self.sort {
            let order = sort::compare(sort, &key(sort, a), &key(sort, b));
            if order.is_ne() {
                return order;
            }
        }
        let of = |(segment, pick): &Place<'_>| segment.key(pick.row as usize);
        of(a).cmp(&of(b))
    }
}

/// What a row is sorted by, which cannot fail.
fn key<'a>(sort: &'a BoundSort, (segment, pick): &'a Place<'_>) -> Cow<'a, Value> {
    let scope = Scope::new(Row::Of(segment, pick.row as usize));
    sort.key.eval(&scope).unwrap_or_default()
}

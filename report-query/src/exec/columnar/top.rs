//! The first row of each group, without the rows of a group ever standing together.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::keys::Keys;
use super::select::Tests;
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
        place: impl Fn(QueryError) -> QueryError,
    ) -> Result<Option<Vec<Pick>>> {
        let (schema, dictionaries) = (snapshot.schema(), snapshot.dictionaries());
        let mut keys = Keys::new(self.by, schema, dictionaries, control.limits.groups);
        let mut first: Vec<Place<'_>> = Vec::new();
        let mut ticker = control.ticker();
        for part in parts {
            let selected = tests.select(part, control)?;
            if selected.is_empty() {
                continue;
            }
            let Some(of_segment) = keys.of(part.segment, &selected) else {
                return Ok(None);
            };
            let groups = keys.numbered(&of_segment, &selected).map_err(&place)?;
            for (row, group) in selected.rows().zip(groups) {
                ticker.step().map_err(&place)?;
                let pick = Pick {
                    segment: position(part.index),
                    row: position(row),
                };
                let place = (part.segment, pick);
                match first.get_mut(group as usize) {
                    Some(kept) => {
                        if self.compare(&place, kept).is_lt() {
                            *kept = place;
                        }
                    }
                    // Groups get their numbers as their first rows come.
                    None => first.push(place),
                }
            }
        }
        Ok(Some(first.into_iter().map(|(_, pick)| pick).collect()))
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

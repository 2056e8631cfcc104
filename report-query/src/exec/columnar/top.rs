//! The first row of each group, without the rows of a group ever standing together.

use super::chosen::Chosen;
use super::direct::Direct;
use super::keys::Keys;
use super::row_order::{Place, RowOrder};
use super::select::Tests;
use super::threads;
use crate::error::{QueryError, Result};
use crate::exec::batch::position;
use crate::exec::control::{Control, Most};
use crate::expr::Bound;
use crate::query::BoundSort;
use crate::schema::Schema;
use crate::store::{Part, Snapshot};

/// One row for each tuple of keys: that which comes first by an order.
pub(super) struct TopPer<'p> {
    by: &'p [Bound],
    order: RowOrder<'p>,
}

/// The groups so far, and the first row of each with its segment's position.
struct Firsts<'k, 's> {
    keys: Keys<'k>,
    rows: Vec<(usize, Place<'s>)>,
}

impl<'p> TopPer<'p> {
    /// `None` where more than one row is wanted, or where the order may fail: rows that are
    /// alone in their group are never asked for it.
    pub(super) fn new(
        by: &'p [Bound],
        sort: &'p [BoundSort],
        rows: u64,
        schema: &Schema,
    ) -> Option<Self> {
        let order = RowOrder::new(sort, schema)?;
        (rows == 1).then_some(Self { by, order })
    }

    /// The rows; `None` if a key is none that columns are grouped by.
    pub(super) fn rows(
        &self,
        snapshot: &Snapshot,
        parts: &[Part<'_>],
        tests: &Tests<'_>,
        control: &Control<'_>,
        place: impl Fn(QueryError) -> QueryError + Send + Sync,
    ) -> Result<Option<Chosen>> {
        let segments = snapshot.segments().len();
        let most = Most::rows(control.limits);
        if let Some(direct) = Direct::new(self.by, &self.order, snapshot, parts, most) {
            return direct.rows(segments, tests, control, place).map(Some);
        }
        let runs = threads::runs(parts);
        tests.prepare(parts, control)?;
        let all = threads::map(runs, |run| {
            let mut firsts = Firsts {
                keys: Keys::new(self.by, snapshot, most),
                rows: Vec::new(),
            };
            let is_grouped = self.add(&mut firsts, run, tests, control, &place)?;
            Ok(is_grouped.then_some(firsts))
        });
        let found = threads::one_of(all, |found, firsts| {
            self.merge(found, firsts).map_err(&place)
        })?;
        let chosen = |found: Firsts<'_, '_>| {
            let mut rows = vec![Vec::new(); segments];
            for (segment, (_, row)) in found.rows {
                if let Some(rows) = rows.get_mut(segment) {
                    rows.push(row);
                }
            }
            let mut chosen = Chosen::new(segments);
            for (segment, rows) in rows.into_iter().enumerate() {
                chosen.list(segment, rows);
            }
            chosen
        };
        Ok(found.map(chosen))
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
                let row = (part.segment, position(row));
                self.keep(&mut firsts.rows, group, (part.index, row));
            }
        }
        Ok(true)
    }

    /// Keeps a row if it is the first of its group so far. Groups get their numbers as their
    /// first rows come.
    fn keep<'s>(&self, rows: &mut Vec<(usize, Place<'s>)>, group: u32, row: (usize, Place<'s>)) {
        match rows.get_mut(group as usize) {
            Some(kept) => {
                if self.order.compare(&row.1, &kept.1).is_lt() {
                    *kept = row;
                }
            }
            None => rows.push(row),
        }
    }

    fn merge<'s, 'k>(&self, firsts: &mut Firsts<'k, 's>, others: Firsts<'k, 's>) -> Result<()> {
        let groups = firsts.keys.absorb(others.keys)?;
        for (group, row) in groups.into_iter().zip(others.rows) {
            self.keep(&mut firsts.rows, group, row);
        }
        Ok(())
    }
}

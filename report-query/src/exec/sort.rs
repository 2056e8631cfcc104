//! Sorting, and pages of what is sorted.

use std::cmp::Ordering;

use super::batch::{Batch, column, position};
use super::control::{Control, sort_by};
use crate::error::Result;
use crate::query::{BoundSort, PageToken};
use crate::value::Value;

/// The order of rows: by their keys, and by their positions where these are equal.
pub(super) struct Order<'a> {
    sort: &'a [BoundSort],
    /// For each key the values of all rows.
    keys: Vec<Vec<Value>>,
}

const NULL: &Value = &Value::Null;

impl<'a> Order<'a> {
    pub(super) fn new(
        batch: &Batch<'_>,
        sort: &'a [BoundSort],
        control: &Control<'_>,
    ) -> Result<Self> {
        let keys = sort
            .iter()
            .map(|key| column(batch, &key.key, control))
            .collect::<Result<_>>()?;
        Ok(Self { sort, keys })
    }

    fn key(&self, index: usize, row: u32) -> &Value {
        self.keys
            .get(index)
            .and_then(|values| values.get(row as usize))
            .unwrap_or(NULL)
    }

    /// The keys of a row.
    fn keys_of(&self, row: u32) -> Vec<Value> {
        (0..self.sort.len())
            .map(|index| self.key(index, row).clone())
            .collect()
    }

    /// Never equal for two rows.
    pub(super) fn compare(&self, a: u32, b: u32) -> Ordering {
        self.compare_keys(a, |index| self.key(index, b))
            .then(a.cmp(&b))
    }

    /// A row's keys against others.
    fn compare_keys<'k>(&self, row: u32, other: impl Fn(usize) -> &'k Value) -> Ordering {
        for (index, sort) in self.sort.iter().enumerate() {
            let order = compare(sort, self.key(index, row), other(index));
            if order.is_ne() {
                return order;
            }
        }
        Ordering::Equal
    }

    /// The first rows of some, sorted.
    fn first(&self, rows: Vec<u32>, count: usize, control: &Control<'_>) -> Result<Vec<u32>> {
        first(rows, count, |a, b| self.compare(*a, *b), control)
    }
}

/// The first of some, sorted; no two are equal.
pub(super) fn first(
    mut rows: Vec<u32>,
    count: usize,
    compare: impl Fn(&u32, &u32) -> Ordering,
    control: &Control<'_>,
) -> Result<Vec<u32>> {
    /// Rows that are told apart at once: that can't be stopped.
    const CHUNK: usize = 1 << 15;

    if let (true, Some(last)) = (count < rows.len(), count.checked_sub(1)) {
        let mut kept: Vec<u32> = Vec::new();
        for chunk in rows.chunks(count.max(CHUNK)) {
            control.check()?;
            kept.extend_from_slice(chunk);
            if count < kept.len() {
                kept.select_nth_unstable_by(last, &compare);
                kept.truncate(count);
            }
        }
        rows = kept;
    }
    rows.truncate(count);
    sort_by(&mut rows, compare, control)?;
    Ok(rows)
}

/// The order of two values by a key.
pub(super) fn compare(sort: &BoundSort, a: &Value, b: &Value) -> Ordering {
    match (a.is_null(), b.is_null()) {
        (true, true) => Ordering::Equal,
        (true, false) if sort.nulls_first => Ordering::Less,
        (true, false) => Ordering::Greater,
        (false, true) if sort.nulls_first => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) if sort.descending => b.cmp(a),
        (false, false) => a.cmp(b),
    }
}

/// The positions of all rows, or of so many first ones, sorted.
pub(super) fn sort(
    batch: &Batch<'_>,
    keys: &[BoundSort],
    count: Option<u64>,
    control: &Control<'_>,
) -> Result<Vec<u32>> {
    let order = Order::new(batch, keys, control)?;
    let rows: Vec<u32> = (0..position(batch.len())).collect();
    let count = count.map_or(rows.len(), |count| {
        usize::try_from(count).unwrap_or(usize::MAX)
    });
    order.first(rows, count, control)
}

/// A page: the positions of its rows, and where the next one begins.
pub(super) struct PageRows {
    pub(super) rows: Vec<u32>,
    pub(super) next: Option<PageToken>,
}

/// The page after a token, or the first.
pub(super) fn page(
    batch: &Batch<'_>,
    keys: &[BoundSort],
    size: u64,
    after: Option<&PageToken>,
    (fingerprint, newest): (u64, u64),
    control: &Control<'_>,
) -> Result<PageRows> {
    let order = Order::new(batch, keys, control)?;
    let mut rows: Vec<u32> = (0..position(batch.len())).collect();
    let mut given = 0;
    if let Some(token) = after {
        let compare = |row: &u32| order.compare_keys(*row, |at| token.keys.get(at).unwrap_or(NULL));
        rows.retain(|row| {
            // Of rows with the keys of the last one, those given stand first.
            let order = compare(row);
            given += u64::from(order.is_eq());
            order.is_gt() || order.is_eq() && given > token.given
        });
    }
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let more = rows.len() > size;
    let rows = order.first(rows, size, control)?;
    let next = match rows.last() {
        Some(last) if more => {
            let keys = order.keys_of(*last);
            let same = |row: &u32| {
                order
                    .compare_keys(*row, |at| keys.get(at).unwrap_or(NULL))
                    .is_eq()
            };
            let here = rows.iter().rev().take_while(|row| same(row)).count() as u64;
            let before = after
                .filter(|token| token.keys == keys)
                .map_or(0, |token| token.given);
            Some(PageToken {
                fingerprint,
                newest,
                given: before + here,
                keys,
            })
        }
        _ => None,
    };
    Ok(PageRows { rows, next })
}

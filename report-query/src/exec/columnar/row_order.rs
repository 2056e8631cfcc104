//! The order of two rows of segments by the keys of a sort.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::exec::sort;
use crate::expr::{Bound, Row, Scope};
use crate::query::BoundSort;
use crate::schema::{DataType, Schema};
use crate::store::SegmentView;
use crate::value::Value;

/// A row of a segment.
pub(super) type Place<'s> = (SegmentView<'s>, u32);

/// An order of rows whose keys cannot fail.
pub(super) struct RowOrder<'p> {
    keys: Vec<Key<'p>>,
}

/// A key of the order, and how it is read.
struct Key<'p> {
    sort: &'p BoundSort,
    /// The column of integers that it is: these are compared without making values of them.
    ints: Option<usize>,
}

impl<'p> RowOrder<'p> {
    /// `None` if a key may fail: rows that are alone in their group are never asked for it.
    pub(super) fn new(sort: &'p [BoundSort], schema: &Schema) -> Option<Self> {
        let key = |sort: &'p BoundSort| {
            let ints = match sort.key {
                Bound::Column(column) => Some(column),
                _ => None,
            };
            let is_int = |column: &usize| {
                let field = schema.fields().get(*column);
                field.is_some_and(|field| field.data_type == DataType::Int)
            };
            let ints = ints.filter(is_int);
            sort.key.is_total().then_some(Key { sort, ints })
        };
        let keys = sort.iter().map(key).collect::<Option<_>>()?;
        Some(Self { keys })
    }

    /// The order of two rows: of equals that by time and id.
    pub(super) fn compare(&self, a: &Place<'_>, b: &Place<'_>) -> Ordering {
        for key in &self.keys {
            let order = match key.ints {
                Some(column) => {
                    let int = |(segment, row): &Place<'_>| {
                        segment.segment.ints(column)?.get(*row as usize)
                    };
                    key.of_ints(int(a), int(b))
                }
                None => sort::compare(key.sort, &value(key.sort, a), &value(key.sort, b)),
            };
            if order.is_ne() {
                return order;
            }
        }
        let of = |(segment, row): &Place<'_>| segment.key(*row as usize);
        of(a).cmp(&of(b))
    }
}

impl Key<'_> {
    /// As that of values.
    fn of_ints(&self, a: Option<i64>, b: Option<i64>) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) if self.sort.descending => b.cmp(&a),
            (Some(a), Some(b)) => a.cmp(&b),
            (a, b) if self.sort.nulls_first => a.is_some().cmp(&b.is_some()),
            (a, b) => a.is_none().cmp(&b.is_none()),
        }
    }
}

/// What a row is sorted by.
fn value<'a>(sort: &'a BoundSort, (segment, row): &'a Place<'_>) -> Cow<'a, Value> {
    let scope = Scope::new(Row::Of(segment, *row as usize));
    sort.key.eval(&scope).unwrap_or_default()
}

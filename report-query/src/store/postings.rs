//! `Postings`: the rows of a sealed segment by the values of a column, and the items of its lists.

use std::cmp::Ordering;

use uuid::Uuid;

use super::codes::{Codes, with_codes};

/// The rows of a segment sorted by a column's value, those of one value ascending. A sealed
/// segment has at most 65,536 rows, so that each takes two bytes.
#[derive(Debug)]
pub(crate) struct Postings(Box<[u16]>);

impl Postings {
    /// Of a code for each row; `None` of more rows than it can number.
    pub(super) fn of_codes(codes: &Codes) -> Option<Self> {
        with_codes!(codes, codes => {
            let last = u16::try_from(codes.len().checked_sub(1)?).ok()?;
            // Where the rows of each code begin, then where its next row goes.
            let most = codes.iter().max().map_or(0, |most| *most as usize);
            let mut places = vec![0_u32; most + 2];
            for code in codes {
                if let Some(place) = places.get_mut(*code as usize + 1) {
                    *place += 1;
                }
            }
            let mut before = 0;
            for place in &mut places {
                before += *place;
                *place = before;
            }
            let mut rows = vec![0; codes.len()];
            for (row, code) in (0..=last).zip(codes) {
                if let Some(place) = places.get_mut(*code as usize) {
                    if let Some(kept) = rows.get_mut(*place as usize) {
                        *kept = row;
                    }
                    *place += 1;
                }
            }
            Some(Self(rows.into()))
        })
    }

    /// Of a GUID or none for each row.
    pub(super) fn of_ids(ids: &[Option<Uuid>]) -> Option<Self> {
        let last = u16::try_from(ids.len().checked_sub(1)?).ok()?;
        let number = |id: &Option<Uuid>| id.map(|id| id.as_u128());
        let mut all: Vec<(Option<u128>, u16)> = ids.iter().map(number).zip(0..=last).collect();
        all.sort_unstable();
        Some(Self(all.into_iter().map(|(_, row)| row).collect()))
    }

    /// The rows that have a code, ascending.
    pub(crate) fn of_code(&self, codes: &Codes, code: u32) -> &[u16] {
        self.equal(|row| codes.get(row).map(|other| other.cmp(&(code as usize))))
    }

    /// The rows that have a GUID, ascending.
    pub(crate) fn of_id(&self, ids: &[Option<Uuid>], id: Uuid) -> &[u16] {
        self.equal(|row| ids.get(row).map(|other| other.cmp(&Some(id))))
    }

    /// The rows whose value is the one that others are compared with.
    fn equal(&self, compare: impl Fn(usize) -> Option<Ordering>) -> &[u16] {
        let is =
            |row: &u16, order: fn(Ordering) -> bool| compare(usize::from(*row)).is_some_and(order);
        let start = self.0.partition_point(|row| is(row, Ordering::is_lt));
        let rest = self.0.get(start..).unwrap_or_default();
        let end = rest.partition_point(|row| is(row, Ordering::is_eq));
        rest.get(..end).unwrap_or_default()
    }

    pub(super) fn size(&self) -> usize {
        size_of_val(&*self.0)
    }
}

/// The items of the lists of a sealed segment sorted by a text of theirs, those of one text
/// ascending: of items there may be more than rows, so that each takes four bytes.
#[derive(Debug)]
pub(crate) struct ItemPostings(Box<[u32]>);

impl ItemPostings {
    /// Of a code for each item.
    pub(super) fn new(codes: &Codes) -> Self {
        let mut items: Vec<u32> = (0..codes.len() as u32).collect();
        with_codes!(codes, codes => items.sort_by_key(|item| codes.get(*item as usize)));
        Self(items.into())
    }

    /// The items that have a code, ascending.
    pub(crate) fn of_code(&self, codes: &Codes, code: u32) -> &[u32] {
        let code = Some(code as usize);
        let start = self
            .0
            .partition_point(|item| codes.get(*item as usize) < code);
        let rest = self.0.get(start..).unwrap_or_default();
        let end = rest.partition_point(|item| codes.get(*item as usize) == code);
        rest.get(..end).unwrap_or_default()
    }

    pub(super) fn size(&self) -> usize {
        size_of_val(&*self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_rows_of_a_value_are_those_that_have_it(
            values in prop::collection::vec(0_u32..9, 1..200),
            wide: bool,
        ) {
            let codes = Codes::new(&values, if wide { 1 << 20 } else { 9 });
            let postings = Postings::of_codes(&codes).unwrap();
            let ids: Vec<Option<Uuid>> = values
                .iter()
                .map(|value| (*value > 0).then(|| Uuid::from_u128(u128::from(*value) << 100)))
                .collect();
            let by_id = Postings::of_ids(&ids).unwrap();
            let items = ItemPostings::new(&codes);
            for value in 0..10 {
                let has = |row: &u16| values[usize::from(*row)] == value;
                let expected: Vec<u16> = (0..values.len() as u16).filter(has).collect();
                prop_assert_eq!(postings.of_code(&codes, value), &expected);
                let of_items = items.of_code(&codes, value).iter().map(|item| *item as u16);
                prop_assert!(of_items.eq(expected.iter().copied()));
                if value > 0 {
                    let id = Uuid::from_u128(u128::from(value) << 100);
                    prop_assert_eq!(by_id.of_id(&ids, id), &expected);
                }
            }
        }
    }

    #[test]
    fn a_full_segment_has_them_and_more_rows_don_t() {
        let codes: Vec<u32> = (0..65_536).rev().collect();
        let full = Codes::new(&codes, 65_536);
        let postings = Postings::of_codes(&full).unwrap();
        assert_eq!(postings.of_code(&full, 0), [65_535]);
        assert_eq!(postings.of_code(&full, 65_535), [0]);
        assert!(Postings::of_ids(&vec![None; 65_537]).is_none());
        assert!(Postings::of_codes(&Codes::new(&[0; 65_537], 1)).is_none());
        assert!(Postings::of_ids(&[]).is_none());
    }
}

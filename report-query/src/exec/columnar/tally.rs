//! Counts of the rows of one text each, by its code: the groups get their numbers at the end.

use super::kernels::read_through;
use super::keys::Keys;
use super::segment_keys::{Key, SegmentKeys};
use super::selected::Selected;
use crate::error::Result;
use crate::exec::batch::position;
use crate::store::with_codes;

/// Rows for each text of a dictionary that make it worth to have a count of each.
const ROWS: usize = if cfg!(test) { 1 } else { 16 };

/// A count for each text of a key's dictionary, and for null behind them.
pub(super) struct Tally {
    counts: Vec<u32>,
}

impl Tally {
    /// For so many rows of one key, which has so many texts; `None` if these are too many.
    pub(super) fn new(texts: usize, rows: usize) -> Option<Self> {
        // No count can overflow.
        let fits = texts < rows / ROWS && u32::try_from(rows).is_ok();
        fits.then(|| Self {
            counts: vec![0; texts + 1],
        })
    }

    fn count(&mut self, value: u32, rows: u32) {
        if let Some(count) = self.counts.get_mut(value as usize) {
            *count += rows;
        }
    }

    /// Counts the rows of a segment.
    pub(super) fn add(&mut self, keys: &SegmentKeys<'_>, selected: &Selected) {
        match (&keys.keys[..], selected) {
            ([Key::Coded(codes, values, null)], Selected::Some(rows))
                if rows.len() < values.len() =>
            {
                read_through(values, rows.len());
                with_codes!(codes, codes => for row in rows {
                    if let Some(code) = codes.get(*row as usize) {
                        let value = values.get(*code as usize).unwrap_or(null);
                        self.count(*value, 1);
                    }
                });
            }
            ([key @ Key::Coded(_, values, _)], selected) => {
                let counts = keys.counts(selected, values.len() + 1);
                for (small, rows) in counts.into_iter().enumerate() {
                    self.count(key.value(small), rows);
                }
            }
            ([key], selected) => self.count(key.value(0), position(selected.len())),
            _ => {}
        }
    }

    /// How many rows each group has.
    pub(super) fn finish(self, keys: &mut Keys<'_>) -> Result<Vec<u64>> {
        let mut total = Vec::new();
        for (value, count) in (0..).zip(self.counts) {
            if count > 0 {
                keys.number_of_one(value)?;
                total.push(u64::from(count));
            }
        }
        Ok(total)
    }
}

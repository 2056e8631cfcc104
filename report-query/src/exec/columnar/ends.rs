//! The oldest or the newest rows alone, where a limit leaves no others.

use chrono::{DateTime, Utc};

use super::select::Selected;
use crate::expr::Bound;
use crate::query::{BoundSort, BoundStage};
use crate::schema::Schema;
use crate::store::Part;

/// Which rows a limit leaves, and the times of those that were found so far.
pub(in crate::exec) struct Ends {
    rows: usize,
    newest: bool,
    times: Vec<DateTime<Utc>>,
}

impl Ends {
    /// If the stages begin with a limit, on the rows as they come or sorted by their time.
    pub(in crate::exec) fn new(stages: &[BoundStage], schema: &Schema) -> Option<Self> {
        let (time, _) = schema.key()?;
        let (rows, newest) = match stages {
            [BoundStage::Limit(rows), ..] => (*rows, false),
            [BoundStage::Sort(keys), BoundStage::Limit(rows), ..] => match &keys[..] {
                [
                    BoundSort {
                        key: Bound::Column(column),
                        descending,
                        ..
                    },
                ] if *column == time => (*rows, *descending),
                _ => return None,
            },
            _ => return None,
        };
        Some(Self {
            rows: usize::try_from(rows).ok().filter(|rows| *rows < 1 << 20)?,
            newest,
            times: Vec::new(),
        })
    }

    /// Puts first the segments that have such rows.
    pub(in crate::exec) fn sort(&self, parts: &mut [Part<'_>]) {
        if self.newest {
            parts.sort_by_key(|part| std::cmp::Reverse(part.segment.last_time()));
        } else {
            parts.sort_by_key(|part| part.segment.first_time());
        }
    }

    /// Whether enough rows were found that come before all of a segment. Rows of one time are
    /// told apart by their ids, so they do not count.
    pub(in crate::exec) fn has_all_before(&mut self, part: &Part<'_>) -> bool {
        if self.times.len() < self.rows {
            return false;
        }
        let Some(last) = self.rows.checked_sub(1) else {
            return true;
        };
        // The row that the limit leaves last; those behind it are of no use any more.
        let newest = self.newest;
        self.times
            .select_nth_unstable_by(last, |a, b| match newest {
                true => b.cmp(a),
                false => a.cmp(b),
            });
        self.times.truncate(self.rows);
        let limit = self.times.last().copied();
        if newest {
            part.segment.last_time() < limit
        } else {
            part.segment.first_time() > limit
        }
    }

    /// Takes in rows that were found.
    pub(in crate::exec) fn add(&mut self, part: &Part<'_>, selected: &Selected) {
        let times = part.segment.times();
        let found = selected.rows().filter_map(|row| times.get(row).copied());
        if self.newest {
            // The last ones of a segment are enough of it.
            let skipped = selected.len().saturating_sub(self.rows);
            self.times.extend(found.skip(skipped));
        } else {
            self.times.extend(found.take(self.rows));
        }
    }
}

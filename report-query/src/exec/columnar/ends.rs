//! The oldest or the newest rows alone, where a limit or a page leaves no others.

use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};

use super::selected::Selected;
use crate::expr::Bound;
use crate::query::{BoundSort, BoundStage, PageToken};
use crate::schema::Schema;
use crate::store::Part;

/// Which rows are left, and the times of those that were found so far.
pub(in crate::exec) struct Ends {
    rows: usize,
    newest: bool,
    /// The time of the last row of the page before. Rows of that time do not count, since
    /// they may have been given.
    after: Option<DateTime<Utc>>,
    times: Vec<DateTime<Utc>>,
    /// The time of the row that the limit leaves last, of those that were found when it was looked
    /// for.
    last: Option<DateTime<Utc>>,
    /// How many rows are looked at next.
    step: usize,
}

/// Rows that are looked at first: more and more, until all of a segment are.
const STEP: usize = if cfg!(test) { 1 } else { 1 << 12 };

impl Ends {
    /// If the stages begin with a limit, on the rows as they come or sorted by their time
    /// first, or with a page of that order, maybe after another.
    pub(in crate::exec) fn new(
        stages: &[BoundStage],
        schema: &Schema,
        token: Option<&PageToken>,
    ) -> Option<Self> {
        let (time, _) = schema.key()?;
        // What the other keys say counts among rows of one time alone, which stay together.
        let newest_first = |keys: &[BoundSort]| match keys {
            [first, others @ ..] if others.iter().all(|other| other.key.is_total()) => {
                matches!(first.key, Bound::Column(column) if column == time)
                    .then_some(first.descending)
            }
            _ => None,
        };
        let mut after = None;
        let (rows, newest) = match stages {
            [BoundStage::Limit(rows), ..] => (*rows, false),
            [BoundStage::Sort(keys), BoundStage::Limit(rows), ..] => (*rows, newest_first(keys)?),
            [BoundStage::Page { size, by, .. }, ..] => {
                if let Some(token) = token {
                    after = Some(token.keys.first()?.as_time()?);
                }
                // One more, to know whether there is a next page.
                (size.checked_add(1)?, newest_first(by)?)
            }
            _ => return None,
        };
        Some(Self {
            rows: usize::try_from(rows).ok().filter(|rows| *rows < 1 << 20)?,
            newest,
            after,
            times: Vec::new(),
            last: None,
            step: STEP,
        })
    }

    /// The rows of a part that were not all given in pages before.
    pub(in crate::exec) fn left<'s>(&self, part: Part<'s>) -> Part<'s> {
        match self.after {
            None => part,
            Some(time) if self.newest => {
                part.between(None, time.checked_add_signed(TimeDelta::nanoseconds(1)))
            }
            Some(time) => part.between(Some(time), None),
        }
    }

    /// Puts first the segments that have such rows.
    pub(in crate::exec) fn sort(&self, parts: &mut [Part<'_>]) {
        if self.newest {
            parts.sort_by_key(|part| std::cmp::Reverse(part.segment.last_time()));
        } else {
            parts.sort_by_key(|part| part.segment.first_time());
        }
    }

    /// The next rows of a part to look at, from the end on that the wanted ones stand at; `None` if
    /// none is left, or if enough rows were found that come before them. Rows of one time are told
    /// apart by their ids, so they do not count.
    pub(in crate::exec) fn next<'s>(&mut self, part: &mut Part<'s>) -> Option<Part<'s>> {
        if part.rows.is_empty() || self.has_all_before(part) {
            return None;
        }
        let Range { start, end } = part.rows;
        let middle = match self.newest {
            true => end.saturating_sub(self.step).max(start),
            false => start.saturating_add(self.step).min(end),
        };
        self.step = self.step.saturating_mul(2);
        let (older, newer) = (start..middle, middle..end);
        let (next, left) = match self.newest {
            true => (newer, older),
            false => (older, newer),
        };
        part.rows = left;
        Some(Part {
            rows: next,
            ..part.clone()
        })
    }

    fn has_all_before(&mut self, part: &Part<'_>) -> bool {
        let Some(last) = self.rows.checked_sub(1) else {
            return true;
        };
        if self.times.len() >= self.rows && self.last.is_none() {
            let newest = self.newest;
            self.times
                .select_nth_unstable_by(last, |a, b| match newest {
                    true => b.cmp(a),
                    false => a.cmp(b),
                });
            // Those behind it are of no use any more.
            self.times.truncate(self.rows);
            self.last = self.times.last().copied();
        }
        let Some(last) = self.last else {
            return false;
        };
        let segment = part.segment.segment;
        let time = |row| segment.times().get(row);
        if self.newest {
            segment.last_time() < Some(last)
                || part.rows.end < segment.len() && time(part.rows.end - 1) < Some(last)
        } else {
            segment.first_time() > Some(last)
                || part.rows.start > 0 && time(part.rows.start) > Some(last)
        }
    }

    /// Takes in rows that were found; gives those of them that may be among the rows left.
    pub(in crate::exec) fn add(&mut self, part: &Part<'_>, selected: Selected) -> Selected {
        let times = part.segment.times();
        let mut rows = selected.into_rows();
        if !rows.is_empty() {
            self.last = None;
        }
        // Rows that were given before are counted out, but stay: they have the time of the last
        // one of their page.
        let is_given = |row: &u32| self.after.is_some() && times.get(*row as usize) == self.after;
        let given = match self.newest {
            true => rows.iter().rev().take_while(|row| is_given(row)).count(),
            false => rows.iter().take_while(|row| is_given(row)).count(),
        };
        let time = |row: &u32| times.get(*row as usize);
        let wanted = self.rows.saturating_add(given).min(rows.len());
        if self.newest {
            let mut start = rows.len() - wanted;
            // Rows of one time may come in another order.
            let first = rows.get(start).and_then(time);
            while start > 0 && rows.get(start - 1).and_then(time) == first {
                start -= 1;
            }
            rows.drain(..start);
            let found = rows.iter().rev().skip(given).take(self.rows);
            self.times.extend(found.filter_map(time));
        } else {
            let mut end = wanted;
            let last = end
                .checked_sub(1)
                .and_then(|last| rows.get(last))
                .and_then(time);
            while end > 0 && rows.get(end).and_then(time) == last && end < rows.len() {
                end += 1;
            }
            rows.truncate(end);
            let found = rows.iter().skip(given).take(self.rows);
            self.times.extend(found.filter_map(time));
        }
        Selected::Some(rows)
    }
}

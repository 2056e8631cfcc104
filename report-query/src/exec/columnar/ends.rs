//! The oldest or the newest rows alone, where a limit or a page leaves no others.

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
}

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
        let counts = |time: &DateTime<Utc>| self.after != Some(*time);
        let found = || {
            let times = selected.rows().filter_map(|row| times.get(row));
            times.filter(counts)
        };
        if self.newest {
            // The last ones of a segment are enough of it.
            let skipped = match self.after {
                None => selected.len(),
                Some(_) => found().count(),
            }
            .saturating_sub(self.rows);
            let found: Vec<_> = found().skip(skipped).collect();
            self.times.extend(found);
        } else {
            let found: Vec<_> = found().take(self.rows).collect();
            self.times.extend(found);
        }
    }
}

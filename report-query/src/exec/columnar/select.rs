//! Which rows of a segment pass the filters.

use std::borrow::Cow;
use std::ops::Range;

use super::super::batch::{position, truth};
use crate::error::Result;
use crate::exec::control::Control;
use crate::expr::{Bound, Cells, Row, Scope};
use crate::query::{BoundStage, TimeRange};
use crate::schema::Schema;
use crate::store::{Part, Segment, with_codes};
use crate::value::Value;

/// The filters in front of a pipeline, taken apart at their `and`s.
/// Each with the number of its stage.
pub(in crate::exec) struct Tests<'p>(Vec<(usize, &'p Bound)>);

/// Rows of a segment, ascending.
pub(in crate::exec) enum Selected {
    All(Range<usize>),
    Some(Vec<u32>),
}

impl Selected {
    pub(in crate::exec) fn len(&self) -> usize {
        match self {
            Self::All(rows) => rows.len(),
            Self::Some(rows) => rows.len(),
        }
    }

    pub(in crate::exec) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(in crate::exec) fn first_and_last(&self) -> Option<(usize, usize)> {
        match self {
            Self::All(rows) => (!rows.is_empty()).then(|| (rows.start, rows.end - 1)),
            Self::Some(rows) => Some((*rows.first()? as usize, *rows.last()? as usize)),
        }
    }

    pub(in crate::exec) fn rows(&self) -> impl Iterator<Item = usize> {
        let (all, some) = match self {
            Self::All(rows) => (rows.clone(), &[][..]),
            Self::Some(rows) => (0..0, &rows[..]),
        };
        all.chain(some.iter().map(|row| *row as usize))
    }

    /// Keeps the rows that a test finds, given their number.
    fn retain(&mut self, mut test: impl FnMut(usize) -> bool) {
        match self {
            Self::Some(rows) => rows.retain(|row| test(*row as usize)),
            Self::All(rows) => {
                let mut kept = vec![0; rows.len()];
                let mut len = 0;
                // Without a branch: whether a row passes is hard to foresee.
                for row in rows.clone() {
                    if let Some(place) = kept.get_mut(len) {
                        *place = position(row);
                    }
                    len += usize::from(test(row));
                }
                kept.truncate(len);
                *self = Self::Some(kept);
            }
        }
    }
}

impl<'p> Tests<'p> {
    /// Of the filters that the stages begin with, but for what the range of times says already;
    /// also how many stages those are.
    pub(in crate::exec) fn new(stages: &'p [BoundStage], schema: &Schema) -> (Self, usize) {
        let mut tests: Vec<(usize, &Bound)> = Vec::new();
        let mut filters = 0;
        while let Some(BoundStage::Filter(predicate)) = stages.get(filters) {
            match predicate {
                Bound::And(parts) => tests.extend(parts.iter().map(|part| (filters, part))),
                one => tests.push((filters, one)),
            }
            filters += 1;
        }
        if let Some((time, _)) = schema.key() {
            tests.retain(|(_, test)| !TimeRange::default().narrow(test, time));
        }
        (Self(tests), filters)
    }

    /// Whether none of them can fail, so that rows which nobody asks for need not be tested.
    pub(in crate::exec) fn are_total(&self) -> bool {
        self.0.iter().all(|(_, test)| test.is_total())
    }

    /// The rows of a part that pass all filters.
    pub(in crate::exec) fn select(
        &self,
        part: &Part<'_>,
        control: &Control<'_>,
    ) -> Result<Selected> {
        control.check()?;
        let segment = part.segment;
        let mut selected = Selected::All(part.rows.clone());
        if let Some(as_of) = part.as_of {
            selected.retain(|row| segment.ingest(row) <= as_of);
        }
        for (stage, test) in &self.0 {
            if selected.is_empty() {
                break;
            }
            match Answers::new(segment, test, &selected) {
                Some(answers) => answers.keep(&mut selected),
                None => keep_by_row(segment, test, &mut selected, control)
                    .map_err(|error| error.at("filter").at_index(*stage).at("stages"))?,
            }
        }
        Ok(selected)
    }
}

/// What a test says of each different value of a column.
pub(super) struct Answers<'s> {
    segment: &'s Segment,
    column: usize,
    passes: Vec<bool>,
}

impl<'s> Answers<'s> {
    /// `None` if the test looks at more than one column, if that has no codes, or if the test
    /// may fail: it must not be asked of values that no row has that comes to it.
    pub(super) fn new(segment: &'s Segment, test: &Bound, selected: &Selected) -> Option<Self> {
        let column = test.only_column().filter(|_| test.is_total())?;
        let passes = of_codes(segment, column, selected, |value| {
            truth(test, &Scope::new(Row::Cell(value))).ok()
        })?;
        Some(Self {
            segment,
            column,
            passes,
        })
    }

    /// Whether a row passes.
    pub(super) fn of(&self, row: usize) -> bool {
        let codes = self.segment.coded(self.column).map(|(codes, _)| codes);
        let code = codes.and_then(|codes| codes.get(row));
        code.and_then(|code| self.passes.get(code)) == Some(&true)
    }

    /// Says of each row whether it passes, with what stands beside it.
    pub(super) fn each<T>(
        &self,
        selected: &Selected,
        beside: &mut [T],
        mut say: impl FnMut(bool, &mut T),
    ) {
        let Some((codes, _)) = self.segment.coded(self.column) else {
            return;
        };
        with_codes!(codes, codes => for (row, beside) in selected.rows().zip(beside) {
            let passes = codes.get(row).and_then(|code| self.passes.get(*code as usize));
            say(passes == Some(&true), beside);
        });
    }

    fn keep(&self, selected: &mut Selected) {
        let passes = &self.passes[..];
        if passes.iter().all(|passes| *passes) {
            return;
        }
        if !passes.contains(&true) {
            *selected = Selected::Some(Vec::new());
            return;
        }
        let Some((codes, _)) = self.segment.coded(self.column) else {
            return;
        };
        with_codes!(codes, codes => selected.retain(|row| {
            codes.get(row).and_then(|code| passes.get(*code as usize)) == Some(&true)
        }));
    }
}

/// What comes of each value of a coded column, in the order of codes: of all, or if there are
/// more of them than rows, of those that rows have.
pub(super) fn of_codes<T: Clone + Default>(
    segment: &Segment,
    column: usize,
    selected: &Selected,
    mut evaluate: impl FnMut(&Value) -> Option<T>,
) -> Option<Vec<T>> {
    let (codes, values) = segment.coded(column)?;
    if values.len() <= selected.len() {
        return values.iter().map(evaluate).collect();
    }
    let mut found: Vec<Option<T>> = vec![None; values.len()];
    for row in selected.rows() {
        let code = codes.get(row)?;
        if let Some(place @ None) = found.get_mut(code) {
            *place = Some(evaluate(values.get(code)?)?);
        }
    }
    Some(found.into_iter().map(Option::unwrap_or_default).collect())
}

fn keep_by_row(
    segment: &Segment,
    test: &Bound,
    selected: &mut Selected,
    control: &Control<'_>,
) -> Result<()> {
    let mut failed = None;
    let mut ticker = control.ticker();
    selected.retain(|row| {
        if failed.is_some() {
            return false;
        }
        let passes = ticker
            .step()
            .and_then(|()| truth(test, &Scope::new(Row::Of(segment, row))));
        passes.unwrap_or_else(|error| {
            failed = Some(error);
            false
        })
    });
    failed.map_or(Ok(()), Err)
}

impl Cells for Segment {
    fn cell(&self, row: usize, column: usize) -> Cow<'_, Value> {
        Self::cell(self, row, column)
    }
}

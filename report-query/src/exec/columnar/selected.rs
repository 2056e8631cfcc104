//! `Selected`: which rows of a segment are left.

use std::ops::Range;

use super::super::batch::position;
use super::kernels::{keep_marks, marks, ones, places};

/// Rows of a segment, ascending.
pub(in crate::exec) enum Selected {
    All(Range<usize>),
    /// Of the rows from a number on, those that have a one.
    Marked(usize, Vec<u8>),
    Some(Vec<u32>),
}

/// How many rows are looked at while one is looked up.
const FEW: usize = if cfg!(test) { 1 } else { 16 };

impl Selected {
    pub(in crate::exec) fn len(&self) -> usize {
        match self {
            Self::All(rows) => rows.len(),
            Self::Marked(_, marks) => ones(marks),
            Self::Some(rows) => rows.len(),
        }
    }

    pub(in crate::exec) fn is_empty(&self) -> bool {
        match self {
            Self::Marked(_, marks) => !marks.contains(&1),
            others => others.len() == 0,
        }
    }

    pub(in crate::exec) fn first_and_last(&self) -> Option<(usize, usize)> {
        match self {
            Self::All(rows) => (!rows.is_empty()).then(|| (rows.start, rows.end - 1)),
            Self::Marked(start, marks) => {
                let first = marks.iter().position(|mark| *mark == 1)?;
                let last = marks.iter().rposition(|mark| *mark == 1)?;
                Some((start + first, start + last))
            }
            Self::Some(rows) => Some((*rows.first()? as usize, *rows.last()? as usize)),
        }
    }

    pub(in crate::exec) fn rows(&self) -> impl Iterator<Item = usize> {
        let (all, marked, some) = match self {
            Self::All(rows) => (rows.clone(), None, &[][..]),
            Self::Marked(start, marks) => (0..0, Some((*start, marks)), &[][..]),
            Self::Some(rows) => (0..0, None, &rows[..]),
        };
        let marked = marked.into_iter().flat_map(|(start, marks)| {
            let marks = marks.iter().enumerate().filter(|(_, mark)| **mark == 1);
            marks.map(move |(at, _)| start + at)
        });
        all.chain(marked)
            .chain(some.iter().map(|row| *row as usize))
    }

    /// Calls a function with each row and what stands beside it. Unlike an iterator over all
    /// kinds of rows it is a plain loop for each kind.
    pub(super) fn each<T: Copy>(&self, beside: &[T], mut of: impl FnMut(usize, T)) {
        let of_marks: Vec<u32>;
        let rows = match self {
            Self::All(rows) => {
                for (row, beside) in rows.clone().zip(beside) {
                    of(row, *beside);
                }
                return;
            }
            Self::Some(rows) => rows,
            Self::Marked(..) => {
                of_marks = self.rows().map(position).collect();
                &of_marks
            }
        };
        for (row, beside) in rows.iter().zip(beside) {
            of(*row as usize, *beside);
        }
    }

    /// The same without marks.
    pub(super) fn listed(self) -> Self {
        let Self::Marked(start, marks) = self else {
            return self;
        };
        let count = ones(&marks);
        if count == marks.len() {
            return Self::All(start..start + count);
        }
        Self::Some(places(&marks, position(start), count))
    }

    /// The numbers of the rows.
    pub(in crate::exec) fn into_rows(self) -> Vec<u32> {
        match self {
            Self::Some(rows) => rows,
            others => others.rows().map(position).collect(),
        }
    }

    /// A one for each of so many rows that is here, a zero for the others.
    pub(super) fn into_marks(self, rows: usize) -> Vec<u8> {
        match self {
            Self::Marked(0, marks) if marks.len() == rows => marks,
            others => {
                let mut marks = vec![0; rows];
                others.mark(0, &mut marks);
                marks
            }
        }
    }

    /// Marks the rows that are here with ones, of rows from a number on that have zeros.
    pub(super) fn mark(&self, first: usize, marks: &mut [u8]) {
        match self {
            Self::All(rows) => {
                let marks = marks.get_mut(rows.start.saturating_sub(first)..);
                let marks = marks.unwrap_or_default().iter_mut();
                marks.take(rows.len()).for_each(|mark| *mark = 1);
            }
            Self::Marked(start, own) => {
                let marks = marks.get_mut(start.saturating_sub(first)..);
                let marks = marks.unwrap_or_default().iter_mut();
                marks.zip(own).for_each(|(mark, own)| *mark = *own);
            }
            Self::Some(rows) => {
                for row in rows {
                    if let Some(mark) = marks.get_mut((*row as usize).saturating_sub(first)) {
                        *mark = 1;
                    }
                }
            }
        }
    }

    /// Keeps those of the given rows, which are ascending, that are here; unless there are so
    /// many, or so few here, that to look at each is quicker: then it says so.
    pub(super) fn meet(&mut self, rows: &[u16]) -> bool {
        let kept = match self {
            Self::All(all) if rows.len() <= all.len() / FEW => {
                let is_in = |row: &u16| all.contains(&usize::from(*row));
                rows.iter()
                    .filter(|row| is_in(row))
                    .map(|row| u32::from(*row))
                    .collect()
            }
            Self::Marked(start, marks) if rows.len() <= marks.len() / FEW => {
                let is_marked = |row: &u16| {
                    let at = usize::from(*row).checked_sub(*start);
                    at.is_some_and(|at| marks.get(at) == Some(&1))
                };
                rows.iter()
                    .filter(|row| is_marked(row))
                    .map(|row| u32::from(*row))
                    .collect()
            }
            _ => return false,
        };
        *self = Self::Some(kept);
        true
    }

    /// Keeps the rows of which a number that is kept for each passes a test.
    pub(super) fn keep_by<T: Copy>(&mut self, numbers: &[T], test: impl Fn(T) -> bool) {
        match self {
            Self::All(rows) => {
                let numbers = numbers.get(rows.clone()).unwrap_or_default();
                *self = Self::Marked(rows.start, marks(numbers, test));
            }
            Self::Marked(start, marks) => {
                keep_marks(marks, numbers.get(*start..).unwrap_or_default(), test);
            }
            Self::Some(rows) => rows.retain(|row| {
                let number = numbers.get(*row as usize);
                number.is_some_and(|number| test(*number))
            }),
        }
    }

    /// Keeps the rows of a range.
    pub(super) fn keep_range(&mut self, range: &Range<usize>) {
        match self {
            Self::All(rows) => {
                let start = rows.start.max(range.start);
                *rows = start..rows.end.min(range.end).max(start);
            }
            Self::Marked(start, marks) => {
                marks.truncate(range.end.saturating_sub(*start));
                let before = range.start.saturating_sub(*start).min(marks.len());
                if before > 0 {
                    marks.drain(..before);
                    *start += before;
                }
            }
            Self::Some(rows) => rows.retain(|row| range.contains(&(*row as usize))),
        }
    }

    /// Keeps the rows that a test finds, given their number.
    pub(super) fn retain(&mut self, mut test: impl FnMut(usize) -> bool) {
        match self {
            Self::Some(rows) => rows.retain(|row| test(*row as usize)),
            Self::All(rows) => {
                let marks = rows.clone().map(|row| u8::from(test(row)));
                *self = Self::Marked(rows.start, marks.collect());
            }
            Self::Marked(start, marks) => {
                for (row, mark) in (*start..).zip(marks) {
                    if *mark == 1 {
                        *mark = u8::from(test(row));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_rows_are_those_that_pass(
            codes in prop::collection::vec(0_u8..6, 0..400),
            (start, end) in (0_usize..400, 0_usize..400),
            tests in prop::collection::vec((0_u8..6, any::<bool>()), 0..4),
            (from_list, left) in (any::<bool>(), (0_usize..400, 0_usize..400)),
        ) {
            let end = end.min(codes.len());
            let start = start.min(end);
            let mut selected = if from_list {
                Selected::Some((start as u32..end as u32).collect())
            } else {
                Selected::All(start..end)
            };
            let mut expected: Vec<usize> = (start..end).collect();
            let left = left.0..left.1.max(left.0);
            let mut cut = tests.len() / 2;
            for (code, by_row) in tests {
                if by_row {
                    selected.retain(|row| codes[row] != code);
                } else {
                    selected.keep_by(&codes, |other| other != code);
                }
                expected.retain(|row| codes[*row] != code);
                if cut == 0 {
                    selected.keep_range(&left);
                    expected.retain(|row| left.contains(row));
                }
                cut = cut.wrapping_sub(1);
                prop_assert_eq!(selected.rows().collect::<Vec<_>>(), expected.clone());
                prop_assert_eq!(selected.len(), expected.len());
                prop_assert_eq!(selected.is_empty(), expected.is_empty());
                let ends = expected.first().copied().zip(expected.last().copied());
                prop_assert_eq!(selected.first_and_last(), ends);
            }
            prop_assert_eq!(selected.listed().rows().collect::<Vec<_>>(), expected);
        }
    }
}

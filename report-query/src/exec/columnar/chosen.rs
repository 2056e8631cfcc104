//! `Chosen`: rows of the segments of a snapshot that were found once, for several queries.

use std::ops::Range;

use super::super::batch::position;
use super::kernels::{SPREAD, bits_of};
use super::selected::Selected;
use crate::error::Result;
use crate::exec::control::Most;
use crate::expr::Bound;
use crate::query::{BoundSort, BoundStage};
use crate::store::Part;

/// What rows were chosen by: equal ones choose the same rows of a snapshot. There are no floats in
/// it, since of those some are equal and behave in different ways.
#[derive(PartialEq)]
pub(super) struct Question {
    /// They say what times are asked for, too.
    filters: Vec<Bound>,
    by: Vec<Bound>,
    sort: Vec<BoundSort>,
}

impl Question {
    /// Of filters, and the first row of each key; `None` if that can't be kept.
    pub(super) fn new(stages: &[BoundStage]) -> Option<Self> {
        let (BoundStage::TopPer { by, sort, .. }, filters) = stages.split_last()? else {
            return None;
        };
        let filter = |stage: &BoundStage| match stage {
            BoundStage::Filter(predicate) => Some(predicate.clone()),
            _ => None,
        };
        let question = Self {
            filters: filters.iter().map(filter).collect::<Option<_>>()?,
            by: by.clone(),
            sort: sort.clone(),
        };
        let of_sort = question.sort.iter().map(|sort| &sort.key);
        let mut all = question.filters.iter().chain(&question.by).chain(of_sort);
        let has_float = all.any(Bound::has_float);
        (!has_float).then_some(question)
    }
}

/// Rows of the segments of a snapshot.
pub(super) struct Chosen {
    segments: Vec<OfSegment>,
    rows: u64,
}

/// Rows of a segment, ascending.
enum OfSegment {
    All(Range<usize>),
    /// Those from a number on that have a bit.
    Bits(usize, Box<[u8]>),
    Listed(Box<[u32]>),
}

/// Rows of which one is listed take as much as a list of it.
const FEW: usize = 32;

impl Chosen {
    /// None of so many segments.
    pub(super) fn new(segments: usize) -> Self {
        let none = || OfSegment::Listed(Box::default());
        Self {
            segments: std::iter::repeat_with(none).take(segments).collect(),
            rows: 0,
        }
    }

    /// Ascending rows of each segment.
    pub(super) fn of_lists(segments: Vec<Vec<u32>>) -> Self {
        let rows = segments.iter().map(|rows| rows.len() as u64).sum();
        let listed = |rows: Vec<u32>| OfSegment::Listed(rows.into());
        Self {
            segments: segments.into_iter().map(listed).collect(),
            rows,
        }
    }

    /// Whether there may be so many rows.
    pub(super) fn check(&self, most: Most) -> Result<()> {
        most.check(self.rows)
    }

    /// Takes the rows of a segment from a number on that have a mark, each 0 or 1.
    pub(super) fn mark(&mut self, segment: usize, start: usize, marks: &[u8]) {
        let count: usize = marks.iter().map(|mark| usize::from(*mark)).sum();
        let of_segment = if count == marks.len() {
            OfSegment::All(start..start + count)
        } else if count * FEW < marks.len() {
            let marked = (start..).zip(marks).filter(|(_, mark)| **mark == 1);
            OfSegment::Listed(marked.map(|(row, _)| position(row)).collect())
        } else {
            OfSegment::Bits(start, packed(marks))
        };
        self.put(segment, of_segment, count);
    }

    /// Takes these rows of a segment.
    pub(super) fn list(&mut self, segment: usize, mut rows: Vec<u32>) {
        rows.sort_unstable();
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return;
        };
        let start = *first as usize;
        let len = *last as usize + 1 - start;
        if rows.len() * FEW < len {
            let count = rows.len();
            self.put(segment, OfSegment::Listed(rows.into()), count);
            return;
        }
        let mut marks = vec![0; len];
        for row in rows {
            if let Some(mark) = marks.get_mut(row as usize - start) {
                *mark = 1;
            }
        }
        self.mark(segment, start, &marks);
    }

    fn put(&mut self, segment: usize, rows: OfSegment, count: usize) {
        if let Some(place) = self.segments.get_mut(segment) {
            *place = rows;
            self.rows += count as u64;
        }
    }

    /// Those of a part.
    pub(super) fn of(&self, part: &Part<'_>) -> Selected {
        let mut selected = match self.segments.get(part.index) {
            Some(OfSegment::All(rows)) => Selected::All(rows.clone()),
            Some(OfSegment::Bits(start, bits)) => Selected::Marked(*start, marks_of(bits)),
            Some(OfSegment::Listed(rows)) => Selected::Some(rows.to_vec()),
            None => Selected::Some(Vec::new()),
        };
        // Also what fills the last bits.
        selected.keep_range(&part.rows);
        selected
    }
}

/// A bit for each mark; eight at a time.
fn packed(marks: &[u8]) -> Box<[u8]> {
    let (words, rest) = marks.as_chunks::<8>();
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, mark)| *to = *mark);
    let last = (!rest.is_empty()).then_some(last);
    words.iter().copied().chain(last).map(bits_of).collect()
}

/// A mark for each bit.
fn marks_of(bits: &[u8]) -> Vec<u8> {
    let mut marks = vec![0; bits.len() * 8];
    let (words, _) = marks.as_chunks_mut::<8>();
    for (word, bits) in words.iter_mut().zip(bits) {
        *word = SPREAD.get(usize::from(*bits)).copied().unwrap_or_default();
    }
    marks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bits_are_marks(marks in prop::collection::vec(0_u8..2, 0..200)) {
            let mut back = marks_of(&packed(&marks));
            prop_assert!(back.len() < marks.len() + 8);
            prop_assert!(back.iter().skip(marks.len()).all(|mark| *mark == 0));
            back.truncate(marks.len());
            prop_assert_eq!(back, marks);
        }
    }
}

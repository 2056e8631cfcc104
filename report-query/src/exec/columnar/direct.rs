//! The first row of each group where nearly every row has its own text of one key.
//!
//! Rows are numbered through all parts.

use std::cmp::Ordering;
use std::hash::BuildHasher;
use std::ops::Range;

use foldhash::fast::RandomState;

use super::chosen::Chosen;
use super::first_rows::{Compare, FirstRows, MOST, STEPS};
use super::row_order::{Place, RowOrder};
use super::select::Tests;
use super::threads;
use crate::error::{QueryError, Result};
use crate::exec::batch::{position, wide};
use crate::exec::control::{Control, Most};
use crate::expr::Bound;
use crate::store::{Part, SegmentView, Snapshot, TextColumn, with_codes};

/// Places that a table may have for each row; those that no row comes to cost nearly nothing.
const SPARSE: usize = 4;

/// Rows of which so many places are worth it, however few there are.
const LEAST: usize = 1 << 22;

/// The groups of texts' codes in the rows of parts.
pub(super) struct Direct<'r, 's> {
    parts: &'r [Part<'s>],
    /// The number of each part's first row, and at last how many rows there are.
    firsts: Vec<u32>,
    /// The key that the table is of.
    column: usize,
    /// How many other keys there are, and these in each part.
    width: usize,
    others: Vec<Option<&'s TextColumn>>,
    order: &'r RowOrder<'r>,
    hasher: RandomState,
    most: Most,
}

impl<'r, 's> Direct<'r, 's> {
    /// `None` unless the keys are few texts, and of one of them nearly each row has its own.
    pub(super) fn new(
        by: &[Bound],
        order: &'r RowOrder<'r>,
        snapshot: &Snapshot,
        parts: &'r [Part<'s>],
        most: Most,
    ) -> Option<Self> {
        if by.len() > 4 {
            return None;
        }
        let column = |key: &Bound| match key {
            Bound::Column(column) if snapshot.schema().is_coded(*column) => Some(*column),
            _ => None,
        };
        let mut others: Vec<usize> = by.iter().map(column).collect::<Option<_>>()?;
        let size = |at: &usize| {
            let column = others.get(*at).copied()?;
            snapshot.dictionaries().get(column).map(|of| of.len())
        };
        let largest = (0..others.len()).max_by_key(size)?;
        let column = others.remove(largest);

        let (mut firsts, mut count) = (Vec::with_capacity(parts.len()), 0);
        let (mut different, mut all) = (0, 0);
        for part in parts {
            firsts.push(position(count));
            count += part.rows.len();
            different += texts(part.segment, column).map_or(0, |texts| texts.texts().len());
            all += part.segment.segment.len();
        }
        firsts.push(position(count));
        let places = span(parts, column).len();
        let of_parts = parts.iter().flat_map(|part| {
            let of = |column: &usize| texts(part.segment, *column);
            others.iter().map(of)
        });
        let is_worth = different * 2 >= all && places <= SPARSE * count.max(LEAST);
        (is_worth && count <= MOST).then_some(Self {
            parts,
            firsts,
            column,
            width: others.len(),
            others: of_parts.collect(),
            order,
            hasher: RandomState::default(),
            most,
        })
    }

    /// The first rows of all groups.
    pub(super) fn rows(
        &self,
        segments: usize,
        tests: &Tests<'_>,
        control: &Control<'_>,
        place: impl Fn(QueryError) -> QueryError + Send + Sync,
    ) -> Result<Chosen> {
        let mut start = 0;
        let runs = threads::runs(self.parts).into_iter().map(|run| {
            let parts = start..start + run.len();
            start = parts.end;
            parts
        });
        let runs: Vec<Range<usize>> = runs.collect();
        tests.prepare(self.parts, control)?;
        let all = threads::map(runs, |run| {
            // The others are put into the first one.
            let all = if run.start == 0 {
                0..self.parts.len()
            } else {
                run.clone()
            };
            let codes = span(self.of(&all), self.column);
            let start = self.first(all.start);
            let rows = (self.first(all.end) - start) as usize;
            let mut firsts = FirstRows::new(start, rows, codes.start, codes.len());
            for index in run {
                self.add(&mut firsts, index, tests, control, &place)?;
            }
            Ok(Some(firsts))
        });
        let merge = |firsts: &mut FirstRows, others| {
            let mut ticker = control.ticker();
            let of = Rows {
                of: self,
                part: 0,
                near: 0..0,
            };
            let merged = firsts.merge(others, &of, |steps| ticker.steps(steps));
            merged
                .and_then(|()| firsts.check(self.most))
                .map_err(&place)
        };
        let found = threads::one_of(all, merge)?;
        let mut chosen = Chosen::new(segments);
        let mut rest = found.as_ref().map_or(&[][..], FirstRows::marks);
        for part in self.parts {
            let (marks, others) = rest.split_at_checked(part.rows.len()).unwrap_or_default();
            chosen.mark(part.index, part.rows.start, marks);
            rest = others;
        }
        Ok(chosen)
    }

    fn of(&self, run: &Range<usize>) -> &'r [Part<'s>] {
        self.parts.get(run.clone()).unwrap_or_default()
    }

    /// The number of a part's first row.
    fn first(&self, part: usize) -> u32 {
        self.firsts.get(part).copied().unwrap_or_default()
    }

    /// Takes in the rows of a part that pass.
    fn add(
        &self,
        firsts: &mut FirstRows,
        index: usize,
        tests: &Tests<'_>,
        control: &Control<'_>,
        place: impl Fn(QueryError) -> QueryError,
    ) -> Result<()> {
        let Some(part) = self.parts.get(index) else {
            return Ok(());
        };
        let selected = tests.marked(part, control)?;
        selected.mark(part.rows.start, firsts.more_marks(part.rows.len()));
        let of = Rows {
            of: self,
            part: index,
            near: self.first(index)..self.first(index + 1),
        };
        let texts = texts(part.segment, self.column);
        let codes = texts.map_or(&[][..], TextColumn::texts);
        let mut ticker = control.ticker();
        let (mut rows, mut number) = (part.rows.clone(), of.near.start);
        while !rows.is_empty() {
            let chunk = rows.start..rows.end.min(rows.start + STEPS);
            rows.start = chunk.end;
            ticker.steps(chunk.len()).map_err(&place)?;
            let numbers = number..number + position(chunk.len());
            number = numbers.end;
            match texts {
                None => numbers.for_each(|number| firsts.add(number, None, &of)),
                Some(texts) => with_codes!(texts.codes(), small => {
                    let small = small.get(chunk).unwrap_or_default();
                    for (number, small) in numbers.zip(small) {
                        firsts.add(number, codes.get(wide(*small) as usize).copied(), &of);
                    }
                }),
            }
            firsts.check(self.most).map_err(&place)?;
        }
        Ok(())
    }

    /// The part of a row.
    fn part_of(&self, number: u32) -> usize {
        let after = self.firsts.partition_point(|first| *first <= number);
        after.saturating_sub(1)
    }

    /// A row of a part.
    fn row(&self, part: usize, number: u32) -> Option<Place<'s>> {
        let row = number - self.first(part);
        let part = self.parts.get(part)?;
        Some((part.segment, position(part.rows.start) + row))
    }

    /// The other keys of a part.
    fn others_of(&self, part: usize) -> &[Option<&'s TextColumn>] {
        let from = part * self.width;
        let of = self.others.get(from..from + self.width);
        of.unwrap_or_default()
    }
}

/// The rows while those of a part are taken in, which are mostly compared with others of it.
struct Rows<'d, 'r, 's> {
    of: &'d Direct<'r, 's>,
    part: usize,
    /// The numbers of its rows.
    near: Range<u32>,
}

impl Rows<'_, '_, '_> {
    fn part_of(&self, number: u32) -> usize {
        if self.near.contains(&number) {
            self.part
        } else {
            self.of.part_of(number)
        }
    }
}

impl Compare for Rows<'_, '_, '_> {
    fn is_same(&self, a: u32, b: u32) -> bool {
        let (of_a, of_b) = (self.part_of(a), self.part_of(b));
        let row = |part, number| self.of.row(part, number).map_or(0, |(_, row)| row as usize);
        let (a, b) = (row(of_a, a), row(of_b, b));
        let columns = self.of.others_of(of_a).iter();
        if of_a == of_b {
            // Within a segment small codes say as much.
            return columns.flatten().all(|texts| {
                let codes = texts.codes();
                codes.get(a) == codes.get(b)
            });
        }
        let code = |texts: &Option<&TextColumn>, row| texts.and_then(|texts| texts.code(row));
        columns
            .zip(self.of.others_of(of_b))
            .all(|(of_a, of_b)| code(of_a, a) == code(of_b, b))
    }

    fn hash(&self, number: u32) -> u64 {
        let part = self.part_of(number);
        let row = self.of.row(part, number).map_or(0, |(_, row)| row);
        let columns = self.of.others_of(part).iter();
        let codes = columns.fold(0, |all, texts| {
            let code = texts.and_then(|texts| texts.code(row as usize));
            all << 32 | u128::from(code.unwrap_or(u32::MAX))
        });
        self.of.hasher.hash_one(codes)
    }

    fn order(&self, a: u32, b: u32) -> Ordering {
        let row = |number| self.of.row(self.part_of(number), number);
        match (row(a), row(b)) {
            (Some(a), Some(b)) => self.of.order.compare(&a, &b),
            // There is no other.
            _ => a.cmp(&b),
        }
    }
}

fn texts(segment: SegmentView<'_>, column: usize) -> Option<&TextColumn> {
    segment.segment.texts(column)
}

/// The codes from the least to the greatest that the segments of parts have.
fn span(parts: &[Part<'_>], column: usize) -> Range<u32> {
    let mut span: Option<Range<u32>> = None;
    for part in parts {
        let texts = texts(part.segment, column).map_or(&[][..], TextColumn::texts);
        if let (Some(first), Some(last)) = (texts.first(), texts.last()) {
            let known = span.unwrap_or(*first..last + 1);
            span = Some(known.start.min(*first)..known.end.max(last + 1));
        }
    }
    span.unwrap_or_default()
}

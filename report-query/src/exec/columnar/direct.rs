//! The first row of each group where nearly every group is one row: found in a table that has a
//! place for each code of one key, so that a row which is alone with its code is never hashed.
//!
//! Rows are numbered through all parts. Each begins as the first of its group; where two are of
//! one group, the later loses its mark.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use foldhash::fast::RandomState;

use super::chosen::Chosen;
use super::row_order::{Place, RowOrder};
use super::select::Tests;
use super::selected::Selected;
use super::threads;
use crate::error::{QueryError, Result};
use crate::exec::batch::{position, wide};
use crate::exec::control::Control;
use crate::expr::Bound;
use crate::store::{Part, SegmentView, Snapshot, TextColumn, with_codes};

/// Rows between two questions whether to go on.
const CHUNK: usize = 4096;

/// Places that a table may have for each row; those that no row comes to cost nearly nothing.
const SPARSE: usize = 4;

/// Rows of which so many places are worth it, however few there are.
const LEAST: usize = 1 << 22;

/// The groups of texts' codes in the rows of parts.
pub(super) struct Direct<'r, 's> {
    parts: &'r [Part<'s>],
    /// The number of each part's first row.
    firsts: Vec<u32>,
    /// The key that the table is of.
    column: usize,
    /// The columns of the other keys.
    others: Vec<usize>,
    order: &'r RowOrder<'r>,
    most: u64,
}

/// What is known of the rows of a run of parts.
struct Firsts {
    /// The number of the run's first row.
    start: u32,
    /// Whether each row is the first of its group.
    marks: Vec<u8>,
    /// The code that the first place is of.
    least: u32,
    /// One more than the number of the first row of the first group with a code, or 0. The last
    /// place is that of null.
    places: Vec<u32>,
    /// The first rows of other groups whose code has a place already, by all their codes.
    more: HashMap<u128, u32, RandomState>,
    groups: u64,
}

impl<'r, 's> Direct<'r, 's> {
    /// `None` unless the keys are few texts, and of one of them nearly each row has its own.
    pub(super) fn new(
        by: &[Bound],
        order: &'r RowOrder<'r>,
        snapshot: &Snapshot,
        parts: &'r [Part<'s>],
        most: u64,
    ) -> Option<Self> {
        if by.len() > 4 {
            return None;
        }
        let column = |key: &Bound| match key {
            Bound::Column(column) if snapshot.schema().is_coded_text(*column) => Some(*column),
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
        let places = span(parts, column).len();
        let is_worth = different * 2 >= all && places <= SPARSE * count.max(LEAST);
        (is_worth && count < u32::MAX as usize).then_some(Self {
            parts,
            firsts,
            column,
            others,
            order,
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
        tests.prepare(runs.len(), self.parts);
        let all = threads::map(runs, |run| {
            // The others are put into the first one.
            let codes = span(
                self.of(if run.start == 0 {
                    0..self.parts.len()
                } else {
                    run.clone()
                }),
                self.column,
            );
            let mut firsts = self.begun(run.start, codes);
            for index in run {
                self.add(&mut firsts, index, tests, control, &place)?;
            }
            Ok(Some(firsts))
        });
        let merge =
            |firsts: &mut Firsts, others| self.merge(firsts, others, control).map_err(&place);
        let found = threads::one_of(all, merge)?;
        let mut chosen = Chosen::new(segments);
        let mut rest = found.as_ref().map_or(&[][..], |found| &found.marks);
        for part in self.parts {
            let (marks, others) = rest.split_at_checked(part.rows.len()).unwrap_or_default();
            chosen.mark(part.index, part.rows.start, marks);
            rest = others;
        }
        Ok(chosen)
    }

    fn of(&self, run: Range<usize>) -> &'r [Part<'s>] {
        self.parts.get(run).unwrap_or_default()
    }

    fn begun(&self, first: usize, codes: Range<u32>) -> Firsts {
        Firsts {
            start: self.firsts.get(first).copied().unwrap_or_default(),
            marks: Vec::new(),
            least: codes.start,
            places: vec![0; codes.len() + 1],
            more: HashMap::default(),
            groups: 0,
        }
    }

    /// Takes in the rows of a part that pass.
    fn add(
        &self,
        firsts: &mut Firsts,
        index: usize,
        tests: &Tests<'_>,
        control: &Control<'_>,
        place: impl Fn(QueryError) -> QueryError,
    ) -> Result<()> {
        let (Some(part), Some(first)) = (self.parts.get(index), self.firsts.get(index)) else {
            return Ok(());
        };
        let selected = tests.marked(part, control)?;
        let before = firsts.marks.len();
        put_marks(&mut firsts.marks, &part.rows, &selected);
        let texts = texts(part.segment, self.column);
        let codes = texts.map_or(&[][..], TextColumn::texts);
        let mut ticker = control.ticker();
        let mut rows = part.rows.clone();
        while !rows.is_empty() {
            let chunk = rows.start..rows.end.min(rows.start + CHUNK);
            rows.start = chunk.end;
            ticker.steps(chunk.len()).map_err(&place)?;
            let at = before + (chunk.start - part.rows.start);
            let number = first + position(chunk.start - part.rows.start);
            match texts {
                None => {
                    for (at, number) in (at..at + chunk.len()).zip(number..) {
                        firsts.add(at, None, number, self);
                    }
                }
                Some(texts) => with_codes!(texts.codes(), small => {
                    let small = small.get(chunk).unwrap_or_default();
                    for ((at, number), small) in (at..).zip(number..).zip(small) {
                        firsts.add(at, codes.get(wide(*small) as usize).copied(), number, self);
                    }
                }),
            }
            firsts.check(self.most).map_err(&place)?;
        }
        Ok(())
    }

    /// Puts what is known of the next run to what is known of those before it.
    fn merge(&self, firsts: &mut Firsts, others: Firsts, control: &Control<'_>) -> Result<()> {
        let mut ticker = control.ticker();
        firsts.marks.extend_from_slice(&others.marks);
        let null = others.places.len() - 1;
        let least = others.least;
        for (chunk, from) in others.places.chunks(CHUNK).zip((0..).step_by(CHUNK)) {
            ticker.steps(chunk.len())?;
            for (place, at) in chunk.iter().zip(from..) {
                if let Some(number) = place.checked_sub(1) {
                    let code = (at != null).then(|| least + position(at));
                    firsts.meet(code, number, self);
                }
            }
            firsts.check(self.most)?;
        }
        for (at, number) in others.more.into_values().enumerate() {
            if at % CHUNK == 0 {
                ticker.steps(CHUNK)?;
            }
            let code = self
                .place(number)
                .and_then(|place| code(&place, self.column));
            firsts.meet(code, number, self);
        }
        firsts.check(self.most)
    }

    /// Where a row stands.
    fn place(&self, number: u32) -> Option<Place<'s>> {
        let index = self.firsts.partition_point(|first| *first <= number);
        let index = index.checked_sub(1)?;
        let part = self.parts.get(index)?;
        let row = part.rows.start + (number - self.firsts.get(index)?) as usize;
        Some((part.segment, position(row)))
    }

    /// The codes of a row's other keys; null's is one that no text has.
    fn others(&self, place: &Place<'_>) -> u128 {
        let with = |all: u128, column: &usize| {
            let code = code(place, *column).unwrap_or(u32::MAX);
            all << 32 | u128::from(code)
        };
        self.others.iter().fold(0, with)
    }
}

impl Firsts {
    /// Takes in a row that may have a mark.
    #[inline]
    fn add(&mut self, at: usize, code: Option<u32>, number: u32, of: &Direct<'_, '_>) {
        if self.marks.get(at) == Some(&1) {
            self.meet(code, number, of);
        }
    }

    /// Takes in a row that is the first of its group among others.
    #[inline]
    fn meet(&mut self, code: Option<u32>, number: u32, of: &Direct<'_, '_>) {
        let null = self.places.len() - 1;
        let at = code.map_or(null, |code| (code - self.least) as usize);
        match self.places.get_mut(at) {
            Some(place @ 0) => {
                *place = number + 1;
                self.groups += 1;
            }
            Some(_) => self.meet_taken(at, code, number, of),
            None => {}
        }
    }

    /// The same of one whose code has a place already.
    #[inline(never)]
    fn meet_taken(&mut self, at: usize, code: Option<u32>, number: u32, of: &Direct<'_, '_>) {
        let Some(place) = self.places.get_mut(at) else {
            return;
        };
        let known = *place - 1;
        let (Some(own), Some(other)) = (of.place(number), of.place(known)) else {
            return;
        };
        let others = of.others(&own);
        if others == of.others(&other) {
            let own_is_first = of.order.compare(&own, &other).is_lt();
            if own_is_first {
                *place = number + 1;
            }
            self.drop_mark(if own_is_first { known } else { number });
            return;
        }
        let codes = others << 32 | u128::from(code.unwrap_or(u32::MAX));
        let dropped = match self.more.entry(codes) {
            Entry::Vacant(vacant) => {
                vacant.insert(number);
                self.groups += 1;
                return;
            }
            Entry::Occupied(mut kept) => match of.place(*kept.get()) {
                Some(other) if of.order.compare(&own, &other).is_lt() => kept.insert(number),
                _ => number,
            },
        };
        self.drop_mark(dropped);
    }

    fn drop_mark(&mut self, number: u32) {
        if let Some(mark) = self.marks.get_mut((number - self.start) as usize) {
            *mark = 0;
        }
    }

    fn check(&self, most: u64) -> Result<()> {
        if self.groups > most {
            return Err(QueryError::limit("groups", most));
        }
        Ok(())
    }
}

/// Puts a mark for each row of a range behind others.
fn put_marks(marks: &mut Vec<u8>, rows: &Range<usize>, selected: &Selected) {
    let before = marks.len();
    marks.resize(before + rows.len(), 0);
    let own = marks.get_mut(before..).unwrap_or_default();
    let within = |start: usize, len: usize| {
        let start = start.saturating_sub(rows.start);
        start..start + len
    };
    match selected {
        Selected::All(all) => {
            if let Some(own) = own.get_mut(within(all.start, all.len())) {
                own.fill(1);
            }
        }
        Selected::Marked(start, marks) => {
            if let Some(own) = own.get_mut(within(*start, marks.len())) {
                own.copy_from_slice(marks);
            }
        }
        Selected::Some(some) => {
            for row in some {
                if let Some(mark) = own.get_mut((*row as usize).saturating_sub(rows.start)) {
                    *mark = 1;
                }
            }
        }
    }
}

fn texts(segment: SegmentView<'_>, column: usize) -> Option<&TextColumn> {
    segment.segment.texts(column)
}

fn code((segment, row): &Place<'_>, column: usize) -> Option<u32> {
    texts(*segment, column)?.code(*row as usize)
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

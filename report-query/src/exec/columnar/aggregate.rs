//! Aggregates over rows whose groups have numbers.

mod merge;

use super::approx::ApproxTexts;
use super::distinct::DistinctTexts;
use super::int_buckets::IntBuckets;
use super::percentile::Values;
use super::row_groups::RowGroups;
use super::select::Answers;
use super::selected::Selected;
use super::threads;
use crate::aggregate::{AggregateFunction, BoundAggregate, Budget, State};
use crate::error::{QueryError, Result};
use crate::exec::batch::{Column, position};
use crate::exec::coding::Coding;
use crate::exec::control::Control;
use crate::exec::group::FINISH_STEPS;
use crate::exec::numbers::{Are, Numbers};
use crate::expr::{Bound, Cells, Row, Scope};
use crate::schema::{DataType, Schema};
use crate::store::{Dictionary, Part, SegmentView, Snapshot, TextColumn, with_codes, with_numbers};
use crate::value::Value;

/// Rows of a segment with the numbers of their groups, of which there are `known` by now.
pub(super) struct Rows<'r, 's> {
    pub(super) segment: SegmentView<'s>,
    pub(super) selected: &'r Selected,
    pub(super) groups: &'r RowGroups<'s>,
    pub(super) known: usize,
}

impl Rows<'_, '_> {
    /// The number of each row's group.
    pub(super) fn groups(&self) -> &[u32] {
        self.groups.numbers()
    }
}

/// An aggregate, and a state for each group.
pub(super) struct Accumulator<'p> {
    aggregate: &'p BoundAggregate,
    states: States<'p>,
}

enum States<'p> {
    /// Of the rows that pass these tests.
    Counts(Vec<Answers<'p>>, Vec<u64>),
    /// Of a column of integers: the sum of its values, and how many there are.
    Sums(usize, Vec<(i128, u64)>),
    /// Of a column of integers: all its values.
    Values(Values),
    /// The integers of another accumulator, by its number.
    Same(usize),
    /// The least or greatest time of the rows, as [`Numbers`].
    Times(Vec<i64>),
    Distinct(DistinctTexts<'p>),
    ApproxTexts(ApproxTexts<'p>),
    IntBuckets(IntBuckets),
    /// One row of each group that has the value of a column.
    Picks(Picks<'p>),
    Any(Vec<State>),
}

/// The first or last row of each group, of rows that come in the order of time.
struct Picks<'p> {
    column: usize,
    /// Of the column, if it has codes.
    dictionary: Option<&'p Dictionary>,
    last: bool,
    /// Rows without a value don't count.
    skip_null: bool,
    /// Segment and row.
    picks: Vec<(u32, u32)>,
    segments: Vec<SegmentView<'p>>,
}

const NONE: (u32, u32) = (u32::MAX, u32::MAX);

impl<'p> Accumulator<'p> {
    /// The accumulators of a group's aggregates, for rows that come in order or don't.
    pub(super) fn all(
        aggregates: &'p [BoundAggregate],
        snapshot: &'p Snapshot,
        parts: &[Part<'_>],
        is_ordered: bool,
    ) -> Vec<Self> {
        let (schema, dictionaries) = (snapshot.schema(), snapshot.dictionaries());
        let mut all: Vec<Self> = Vec::with_capacity(aggregates.len());
        for aggregate in aggregates {
            let mut states = States::new(aggregate, schema, dictionaries, parts, is_ordered);
            let same = |other: &Self| match (&other.states, &states) {
                (States::Values(other), States::Values(own)) => other.column == own.column,
                (States::IntBuckets(other), States::IntBuckets(own)) => other.column == own.column,
                _ => false,
            };
            if let Some(other) = all.iter().position(same) {
                states = States::Same(other);
            }
            all.push(Self { aggregate, states });
        }
        all
    }

    /// Whether it counts all rows.
    pub(super) fn is_plain_count(&mut self) -> bool {
        matches!(&self.states, States::Counts(tests, _) if tests.is_empty())
    }

    /// Gives it counts that were made for several.
    pub(super) fn set_counts(&mut self, total: &[u64]) {
        if let States::Counts(_, counts) = &mut self.states {
            total.clone_into(counts);
        }
    }

    /// What it counted, if it counts rows.
    pub(super) fn counts(&self) -> Option<&[u64]> {
        match &self.states {
            States::Counts(_, counts) => Some(counts),
            _ => None,
        }
    }

    /// Whether it comes to the same, in whatever order the rows come.
    pub(super) const fn is_order_free(&self) -> bool {
        self.aggregate.function.is_order_free()
    }

    /// Takes in rows.
    pub(super) fn update(
        &mut self,
        rows: &Rows<'_, 'p>,
        budget: &mut Budget,
        control: &Control<'_>,
    ) -> Result<()> {
        let aggregate = self.aggregate;
        control.check()?;
        let known = rows.known;
        let numbered = || rows.selected.rows().zip(rows.groups());
        match &mut self.states {
            States::Counts(tests, counts) => {
                counts.resize(known, 0);
                count(tests, counts, rows, control)
            }
            States::Sums(column, sums) => {
                sums.resize(known, (0, 0));
                // A column without values is none of integers.
                let Some(ints) = rows.segment.ints(*column) else {
                    return Ok(());
                };
                rows.selected.each(rows.groups(), |row, group| {
                    if let (Some(int), Some((sum, count))) =
                        (ints.get(row), sums.get_mut(group as usize))
                    {
                        *sum += i128::from(int);
                        *count += 1;
                    }
                });
                Ok(())
            }
            States::Values(values) => budget.take(values.update(rows)),
            States::Same(_) => Ok(()),
            States::Times(times) => {
                times.resize(known, Numbers::NULL);
                let Some(of) = rows.segment.times().nanoseconds() else {
                    return Ok(());
                };
                let is_least = aggregate.function == AggregateFunction::Min;
                let times = &mut times[..];
                with_numbers!(of, number => rows.selected.each(rows.groups(), |row, group| {
                    if let (Some(time), Some(kept)) = (number(row), times.get_mut(group as usize)) {
                        take_time(kept, time, is_least);
                    }
                }));
                Ok(())
            }
            States::Distinct(distinct) => {
                if let Some(texts) = rows.segment.texts(distinct.column) {
                    distinct.update(rows, texts, budget)?;
                    if aggregate.function == AggregateFunction::CollectSet
                        && aggregate.cap < distinct.texts()
                    {
                        aggregate.check_cap(distinct.most(known))?;
                    }
                }
                Ok(())
            }
            States::ApproxTexts(known) => match rows.segment.texts(known.column) {
                Some(texts) => known.update(rows, texts, budget),
                None => Ok(()),
            },
            States::IntBuckets(known) => known.update(rows, budget),
            States::Picks(picks) => {
                picks.update(rows);
                Ok(())
            }
            States::Any(states) => {
                states.resize_with(known, || State::new(aggregate.function));
                let mut ticker = control.ticker();
                for (row, group) in numbered() {
                    ticker.step()?;
                    if let Some(state) = states.get_mut(*group as usize) {
                        let scope = Scope::new(Row::Of(&rows.segment, row));
                        state.update(aggregate, &scope, budget)?;
                    }
                }
                Ok(())
            }
        }
    }

    /// What each group comes to, for each aggregate.
    pub(super) fn finish_all(
        all: Vec<Self>,
        groups: usize,
        control: &Control<'_>,
    ) -> Result<Vec<Column>> {
        // Percentiles of the same values are found together.
        let functions: Vec<AggregateFunction> =
            all.iter().map(|one| one.aggregate.function).collect();
        let users: Vec<Vec<usize>> = (0..all.len())
            .map(|owner| {
                let uses = |one: &Self| matches!(one.states, States::Same(of) if of == owner);
                let others = all.iter().enumerate().filter(|(_, one)| uses(one));
                std::iter::once(owner)
                    .chain(others.map(|(at, _)| at))
                    .collect()
            })
            .collect();
        let mut columns: Vec<Column> = vec![Column::own(Vec::new()); all.len()];
        for ((at, one), users) in all.into_iter().enumerate().zip(users) {
            let percents = users.iter().map(|user| {
                let percent = functions.get(*user).and_then(|function| function.percent());
                percent.unwrap_or_default()
            });
            match one.states {
                States::Same(_) => {}
                states @ (States::Values(_) | States::IntBuckets(_)) => {
                    let percents: Vec<f64> = percents.collect();
                    let found = match states {
                        States::Values(values) => values.percentiles(&percents, groups, control)?,
                        States::IntBuckets(known) => {
                            known.percentiles(&percents, groups, control)?
                        }
                        _ => Vec::new(),
                    };
                    for (user, column) in users.into_iter().zip(found) {
                        if let Some(place) = columns.get_mut(user) {
                            *place = Column::own(column);
                        }
                    }
                }
                _ => {
                    if let Some(place) = columns.get_mut(at) {
                        *place = one.finish(groups, control)?;
                    }
                }
            }
        }
        Ok(columns)
    }

    fn finish(self, groups: usize, control: &Control<'_>) -> Result<Column> {
        let mut ticker = control.ticker();
        let function = self.aggregate.function;
        let values = match self.states {
            States::Times(mut times) => {
                times.resize(groups, Numbers::NULL);
                return Ok(Numbers::new(times, Are::Times).into());
            }
            States::Picks(mut picks) => {
                picks.picks.resize(groups, NONE);
                if let Some(column) = picks.codes() {
                    return Ok(column);
                }
                let value = |group: usize| {
                    let (segment, row) = picks.picks.get(group)?;
                    let segment = picks.segments.get(*segment as usize)?;
                    Some(segment.cell(*row as usize, picks.column).into_owned())
                };
                let value = |group| value(group).unwrap_or_default();
                Ok(threads::of_numbers(groups, value))
            }
            States::Distinct(distinct) if function == AggregateFunction::CollectSet => {
                return distinct.lists(groups, control);
            }
            States::Distinct(distinct) => {
                return of_counts(distinct.counts(groups).into_iter()).map(Column::from);
            }
            States::Counts(_, mut counts) => {
                counts.resize(groups, 0);
                return of_counts(counts.into_iter()).map(Column::from);
            }
            states => {
                let states = Self { states, ..self }.into_states(groups)?.into_iter();
                states
                    .map(|state| {
                        ticker.steps(FINISH_STEPS)?;
                        state.finish(function)
                    })
                    .collect()
            }
        };
        values.map(Column::own)
    }

    /// The state of each group, for each aggregate.
    pub(super) fn all_states(all: Vec<Self>, groups: usize) -> Result<Vec<Vec<State>>> {
        let of_values = |values: &Values| {
            let mut all = values.all();
            all.resize_with(groups, Vec::new);
            let state =
                |values: Vec<i64>| State::Percentile(values.into_iter().map(Value::Int).collect());
            all.into_iter().map(state).collect()
        };
        let of_buckets = |known: &IntBuckets| {
            let known = known.groups(groups)?.into_iter();
            Ok(known.map(State::ApproxPercentile).collect())
        };
        let shared = all.iter().map(|one| {
            let states = match &one.states {
                States::Same(of) => all.get(*of).map(|one| &one.states),
                states => Some(states),
            };
            match states {
                Some(States::Values(values)) => Ok(Some(of_values(values))),
                Some(States::IntBuckets(known)) => of_buckets(known).map(Some),
                _ => Ok(None),
            }
        });
        let shared: Vec<Option<Vec<State>>> = shared.collect::<Result<_>>()?;
        let states = all.into_iter().zip(shared);
        states
            .map(|(one, shared)| shared.map_or_else(|| one.into_states(groups), Ok))
            .collect()
    }

    fn into_states(self, groups: usize) -> Result<Vec<State>> {
        let function = self.aggregate.function;
        Ok(match self.states {
            States::Counts(_, mut counts) => {
                counts.resize(groups, 0);
                counts.into_iter().map(State::Count).collect()
            }
            States::Sums(_, mut sums) => {
                sums.resize(groups, (0, 0));
                let state = |(ints, count)| match function {
                    AggregateFunction::Avg => State::Avg {
                        ints,
                        floats: None,
                        count,
                    },
                    _ => State::SumInt(ints, count),
                };
                sums.into_iter().map(state).collect()
            }
            States::Times(mut times) => {
                times.resize(groups, Numbers::NULL);
                let times = Numbers::new(times, Are::Times);
                let value = |group| times.value(group).unwrap_or_default();
                let state = |group| match function {
                    AggregateFunction::Max => State::Max(value(group)),
                    _ => State::Min(value(group)),
                };
                (0..groups).map(state).collect()
            }
            States::Distinct(distinct) => {
                let values = distinct.values(groups).into_iter();
                let state = match function {
                    AggregateFunction::CollectSet => State::Set,
                    _ => State::CountDistinct,
                };
                values.map(state).collect()
            }
            States::ApproxTexts(known) => {
                let known = known.into_groups(groups).into_iter();
                known.map(State::ApproxCountDistinct).collect()
            }
            States::Any(mut states) => {
                states.resize_with(groups, || State::new(function));
                states
            }
            // What depends on the order of rows is not asked for its state, and percentiles are
            // not asked here.
            States::Picks(_) | States::Same(_) | States::Values(_) | States::IntBuckets(_) => {
                vec![State::new(function); groups]
            }
        })
    }
}

impl<'p> States<'p> {
    fn new(
        aggregate: &'p BoundAggregate,
        schema: &Schema,
        dictionaries: &'p [Dictionary],
        parts: &[Part<'_>],
        is_ordered: bool,
    ) -> Self {
        use AggregateFunction as F;

        if let F::Count | F::CountIf = aggregate.function {
            let tests = aggregate.filter.iter().chain(aggregate.arguments.first());
            let tests = tests.map(|test| Answers::new(test, schema, dictionaries, None));
            return Self::Counts(tests.collect(), Vec::new());
        }
        let any = Self::Any(Vec::new());
        let Some(Bound::Column(column)) = aggregate.arguments.first() else {
            return any;
        };
        if aggregate.filter.is_some() {
            return any;
        }
        let column = *column;
        let is_int = schema
            .fields()
            .get(column)
            .is_some_and(|field| field.data_type == DataType::Int);
        let time = schema.key().map(|(time, _)| time);
        let picks = |last, skip_null| {
            Self::Picks(Picks {
                column,
                dictionary: dictionaries.get(column).filter(|_| schema.is_coded(column)),
                last,
                skip_null,
                picks: Vec::new(),
                segments: Vec::new(),
            })
        };
        match aggregate.function {
            F::Sum | F::Avg if is_int => Self::Sums(column, Vec::new()),
            F::Percentile(_) if is_int => Self::Values(Values::new(column, parts)),
            F::Min | F::Max if time == Some(column) && parts.iter().all(are_nanoseconds) => {
                Self::Times(Vec::new())
            }
            F::CountDistinct | F::CollectSet if schema.is_coded(column) => {
                match dictionaries.get(column) {
                    Some(dictionary) => Self::Distinct(DistinctTexts::new(column, dictionary)),
                    None => any,
                }
            }
            // Of GUIDs the hash is another than that of their texts.
            F::ApproxCountDistinct if schema.is_coded(column) && !schema.is_coded_id(column) => {
                match dictionaries.get(column) {
                    Some(dictionary) => Self::ApproxTexts(ApproxTexts::new(column, dictionary)),
                    None => any,
                }
            }
            F::ApproxPercentile(_) if is_int => Self::IntBuckets(IntBuckets::new(column, parts)),
            F::First if is_ordered => picks(false, true),
            F::Last if is_ordered => picks(true, true),
            function @ (F::ArgMin | F::ArgMax) if is_ordered => match aggregate.arguments.get(1) {
                // Of equal times the least is the first row's, the greatest the last's.
                Some(Bound::Column(key)) if time == Some(*key) => {
                    picks(function == F::ArgMax, false)
                }
                _ => any,
            },
            _ => any,
        }
    }
}

/// Whether the times of a part are numbers, of which none is kept for another use.
fn are_nanoseconds(part: &Part<'_>) -> bool {
    let times = part.segment.segment.times().nanoseconds();
    times.is_some_and(|times| times.ends().0 != Numbers::NULL)
}

/// Keeps the lesser or the greater of two times.
#[inline]
fn take_time(kept: &mut i64, time: i64, is_least: bool) {
    *kept = if is_least {
        // One less than what stands for none is more than all others: nothing has to be guessed.
        let less = |number: i64| number.wrapping_sub(1);
        less(*kept).min(less(time)).wrapping_add(1)
    } else {
        time.max(*kept)
    };
}

/// Counts, none of which can be too large.
pub(super) fn of_counts(counts: impl Iterator<Item = u64>) -> Result<Numbers> {
    let number = |count| i64::try_from(count).map_err(|_| QueryError::overflow("a count"));
    Ok(Numbers::new(
        counts.map(number).collect::<Result<_>>()?,
        Are::Ints,
    ))
}

impl<'p> Picks<'p> {
    /// The codes of the rows' texts, if the column has such.
    fn codes(&self) -> Option<Column> {
        let dictionary = self.dictionary?;
        let texts: Vec<Option<&TextColumn>> = self
            .segments
            .iter()
            .map(|segment| segment.segment.texts(self.column))
            .collect();
        let null = position(dictionary.len());
        let code = |(segment, row): &(u32, u32)| {
            let texts = texts.get(*segment as usize).copied().flatten();
            texts
                .and_then(|texts| texts.code(*row as usize))
                .unwrap_or(null)
        };
        let codes = self.picks.iter().map(code).collect();
        Some(Column::codes(codes, Coding::Dictionary(dictionary.clone())))
    }

    fn update(&mut self, rows: &Rows<'_, 'p>) {
        self.picks.resize(rows.known, NONE);
        let segment = rows.segment;
        if self.skip_null && segment.is_null(self.column) {
            return;
        }
        let number = position(self.segments.len());
        self.segments.push(segment);
        let texts = segment.segment.texts(self.column);
        let is_null = |row: usize| match texts {
            Some(texts) => texts.code(row).is_none(),
            None => segment.cell(row, self.column).is_null(),
        };
        rows.selected.each(rows.groups(), |row, group| {
            let Some(pick) = self.picks.get_mut(group as usize) else {
                return;
            };
            if (self.last || *pick == NONE) && !(self.skip_null && is_null(row)) {
                *pick = (number, position(row));
            }
        });
    }
}

fn count(
    tests: &[Answers<'_>],
    counts: &mut [u64],
    rows: &Rows<'_, '_>,
    control: &Control<'_>,
) -> Result<()> {
    let mut add = |group: u32, passes: bool| {
        if let Some(count) = counts.get_mut(group as usize) {
            *count += u64::from(passes);
        }
    };
    let answers: Option<Vec<_>> = tests
        .iter()
        .map(|test| test.of_codes(rows.segment, rows.selected))
        .collect();
    match answers.as_deref() {
        Some([]) => rows.groups().iter().for_each(|group| add(*group, true)),
        Some([(codes, passes)]) => with_codes!(codes, codes => {
            for (row, group) in rows.selected.rows().zip(rows.groups()) {
                let code = codes.get(row).map(|code| *code as usize);
                add(*group, code.is_some_and(|code| passes.has(code)));
            }
        }),
        Some(answers) => {
            for (row, group) in rows.selected.rows().zip(rows.groups()) {
                let passes = |(codes, passes): &(&crate::store::Codes, super::texts::Passes)| {
                    codes.get(row).is_some_and(|code| passes.has(code))
                };
                add(*group, answers.iter().all(passes));
            }
        }
        None => {
            let mut ticker = control.ticker();
            'rows: for (row, group) in rows.selected.rows().zip(rows.groups()) {
                ticker.step()?;
                for test in tests {
                    if !test.of_row(rows.segment, row)? {
                        continue 'rows;
                    }
                }
                add(*group, true);
            }
        }
    }
    Ok(())
}

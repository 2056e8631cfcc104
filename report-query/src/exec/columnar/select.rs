//! Which rows of a segment pass the filters.

use std::sync::Arc;

use uuid::Uuid;

use super::super::batch::{truth, wide};
use super::chosen::{Chosen, Question};
use super::items::ItemAnswers;
use super::selected::Selected;
use super::texts::{Passes, TextAnswers};
use super::threads;
use super::top::TopPer;
use crate::error::{QueryError, Result};
use crate::exec::control::{Control, Most};
use crate::expr::{Bound, Comparison, Row, Scope};
use crate::query::{BoundStage, TimeRange};
use crate::schema::Schema;
use crate::store::{
    Codes, Dictionary, Memo, Packed, Part, SegmentView, Snapshot, with_codes, with_differences,
};
use crate::value::Value;

/// The filters in front of a pipeline, taken apart at their `and`s; maybe after the first row
/// of each key was taken.
pub(in crate::exec) struct Tests<'p> {
    tests: Vec<Test<'p>>,
    /// The rows that are tested; all if it is not said.
    chosen: Option<Arc<Chosen>>,
}

/// One of them.
struct Test<'p> {
    /// The number of its stage.
    stage: usize,
    answers: Answers<'p>,
}

impl<'p> Tests<'p> {
    /// Of the filters that the stages begin with, but for what the range of times says already;
    /// also how many stages those are.
    pub(in crate::exec) fn new(
        stages: &'p [BoundStage],
        schema: &Schema,
        dictionaries: &'p [Dictionary],
        memo: Option<&Memo>,
    ) -> (Self, usize) {
        let (mut tests, filters) = leading(stages, 0);
        if let Some((time, _)) = schema.key() {
            tests.retain(|(_, test)| !TimeRange::default().narrow(test, time));
        }
        let tests = Self {
            tests: Test::of(tests, schema, dictionaries, memo),
            chosen: None,
        };
        (tests, filters)
    }

    /// The same of stages that may take the first row of each key behind these filters, and
    /// filter again: then those rows are found here, or known from another query of the snapshot.
    /// The parts are of the times that the filters let through.
    pub(in crate::exec) fn with_first(
        stages: &'p [BoundStage],
        snapshot: &'p Snapshot,
        parts: &[Part<'_>],
        control: &Control<'_>,
    ) -> Result<(Self, usize)> {
        let (schema, dictionaries) = (snapshot.schema(), snapshot.dictionaries());
        let memo = Some(snapshot.memo());
        let (tests, filters) = Self::new(stages, schema, dictionaries, memo);
        let Some(BoundStage::TopPer { by, sort, rows }) = stages.get(filters) else {
            return Ok((tests, filters));
        };
        let Some(top) = TopPer::new(by, sort, *rows, schema) else {
            return Ok((tests, filters));
        };
        let place = |error: QueryError| error.at("top_per").at_index(filters).at("stages");
        let question = Question::new(stages.get(..=filters).unwrap_or_default());
        let known = question
            .as_ref()
            .and_then(|question| snapshot.memo().find(question));
        let chosen: Arc<Chosen> = if let Some(known) = known {
            known
        } else {
            let Some(chosen) = top.rows(snapshot, parts, &tests, control, place)? else {
                return Ok((tests, filters));
            };
            let chosen = Arc::new(chosen);
            if let Some(question) = question {
                snapshot.memo().keep(question, &chosen);
            }
            chosen
        };
        chosen.check(Most::rows(control.limits)).map_err(place)?;
        let behind = stages.get(filters + 1..).unwrap_or_default();
        let (tests, more) = leading(behind, filters + 1);
        let tests = Self {
            tests: Test::of(tests, schema, dictionaries, memo),
            chosen: Some(chosen),
        };
        Ok((tests, filters + 1 + more))
    }

    /// The filters that stages begin with, of chosen rows of each segment; also how many stages
    /// those are, of which the first has a number.
    pub(in crate::exec) fn of_chosen(
        stages: &'p [BoundStage],
        first: usize,
        snapshot: &'p Snapshot,
        chosen: Vec<Vec<u32>>,
    ) -> (Self, usize) {
        let (tests, filters) = leading(stages, first);
        let tests = Self {
            tests: Test::of(tests, snapshot.schema(), snapshot.dictionaries(), None),
            chosen: Some(Arc::new(Chosen::of_lists(chosen))),
        };
        (tests, filters)
    }

    /// Whether none of them can fail, so that rows which nobody asks for need not be tested.
    pub(in crate::exec) fn are_total(&self) -> bool {
        self.tests.iter().all(|test| test.answers.test.is_total())
    }

    /// Asks what all rows of the parts are asked first.
    pub(in crate::exec) fn prepare(&self, parts: &[Part<'_>], control: &Control<'_>) -> Result<()> {
        match self.tests.first() {
            Some(Test { stage, answers }) if self.chosen.is_none() => {
                let Some(texts) = &answers.texts else {
                    return Ok(());
                };
                texts
                    .prepare(threads::rows_of(parts), control)
                    .map_err(|error| error.at("filter").at_index(*stage).at("stages"))
            }
            _ => Ok(()),
        }
    }

    /// The rows of a part that pass all filters.
    pub(in crate::exec) fn select(
        &self,
        part: &Part<'_>,
        control: &Control<'_>,
    ) -> Result<Selected> {
        Ok(self.marked(part, control)?.listed())
    }

    /// The same, maybe as marks: for those who count rows.
    pub(super) fn marked(&self, part: &Part<'_>, control: &Control<'_>) -> Result<Selected> {
        control.check()?;
        let segment = part.segment;
        let mut selected = match &self.chosen {
            None => Selected::All(part.rows.clone()),
            Some(chosen) => chosen.of(part),
        };
        if let (Some(as_of), None) = (part.as_of, &self.chosen) {
            selected.retain(|row| segment.ingest(row) <= as_of);
        }
        for Test { stage, answers } in &self.tests {
            if selected.is_empty() {
                break;
            }
            answers
                .keep(segment, &mut selected, control)
                .map_err(|error| error.at("filter").at_index(*stage).at("stages"))?;
        }
        Ok(selected)
    }
}

/// The filters that stages begin with, taken apart, each with the number of its stage; and how many
/// stages those are.
fn leading(stages: &[BoundStage], first: usize) -> (Vec<(usize, &Bound)>, usize) {
    let mut tests: Vec<(usize, &Bound)> = Vec::new();
    let mut filters = 0;
    while let Some(BoundStage::Filter(predicate)) = stages.get(filters) {
        let stage = first + filters;
        match predicate {
            Bound::And(parts) => tests.extend(parts.iter().map(|part| (stage, part))),
            one => tests.push((stage, one)),
        }
        filters += 1;
    }
    (tests, filters)
}

impl<'p> Test<'p> {
    fn of(
        tests: Vec<(usize, &'p Bound)>,
        schema: &Schema,
        dictionaries: &'p [Dictionary],
        memo: Option<&Memo>,
    ) -> Vec<Self> {
        let test = |(stage, test)| Self {
            stage,
            answers: Answers::new(test, schema, dictionaries, memo),
        };
        let mut tests: Vec<Self> = tests.into_iter().map(test).collect();
        // What is cheap first, as long as nothing can fail that would not be asked otherwise.
        if tests.iter().all(|test| test.answers.test.is_total()) {
            tests.sort_by_key(|test| test.answers.cost());
        }
        tests
    }
}

/// What a test says of rows, asked once of each different value where that is enough.
pub(super) struct Answers<'p> {
    test: &'p Bound,
    /// The only column it looks at, if it cannot fail: else it must not be asked of values that no
    /// row has that comes to it.
    column: Option<usize>,
    texts: Option<TextAnswers<'p>>,
    items: Option<ItemAnswers<'p>>,
}

impl<'p> Answers<'p> {
    pub(super) fn new(
        test: &'p Bound,
        schema: &Schema,
        dictionaries: &'p [Dictionary],
        memo: Option<&Memo>,
    ) -> Self {
        let column = test.only_column().filter(|_| test.is_total());
        let dictionary = column
            .filter(|column| schema.is_coded(*column))
            .and_then(|column| dictionaries.get(column));
        Self {
            test,
            column,
            texts: dictionary.map(|dictionary| TextAnswers::new(test, dictionary, memo)),
            items: column.and_then(|_| ItemAnswers::new(test, schema, dictionaries)),
        }
    }

    const fn cost(&self) -> u8 {
        match (&self.texts, self.column) {
            (Some(texts), _) => texts.cost(),
            (None, Some(_)) if self.items.is_none() => 1,
            (None, Some(_)) => 2,
            (None, None) => 3,
        }
    }

    /// What it says of each code of a segment, where rows have codes.
    pub(super) fn of_codes<'s>(
        &self,
        segment: SegmentView<'s>,
        selected: &Selected,
    ) -> Option<(&'s Codes, Passes)> {
        let column = self.column?;
        if let (Some(texts), Some(answers)) = (segment.segment.texts(column), &self.texts) {
            return Some((texts.codes(), answers.of(texts, selected)));
        }
        let coded = segment.coded(column)?;
        let passes = of_codes(coded.codes, coded.len, selected, |code| {
            Some(self.of_value(&coded.value(code)))
        })?;
        Some((coded.codes, Passes::of(passes)))
    }

    /// What it says of a row.
    pub(super) fn of_row(&self, segment: SegmentView<'_>, row: usize) -> Result<bool> {
        truth(self.test, &Scope::new(Row::Of(&segment, row)))
    }

    /// Of a test that cannot fail.
    fn of_value(&self, value: &Value) -> bool {
        truth(self.test, &Scope::new(Row::Cell(value))).unwrap_or_default()
    }

    /// Keeps the rows that pass.
    fn keep(
        &self,
        segment: SegmentView<'_>,
        selected: &mut Selected,
        control: &Control<'_>,
    ) -> Result<()> {
        if let Some(column) = self.column {
            let mut range = TimeRange::default();
            if segment.is_key_time(column) && range.narrow(self.test, column) {
                let rows = segment.rows_between(range.from, range.to);
                selected.keep_range(&rows);
                return Ok(());
            }
            if segment.is_null(column) {
                if !self.of_value(&Value::Null) {
                    *selected = Selected::Some(Vec::new());
                }
                return Ok(());
            }
            if let Some((codes, passes)) = self.of_codes(segment, selected) {
                if let Passes::One(code) = passes
                    && let Some(postings) = segment.segment.postings(column)
                    && selected.meet(postings.of_code(codes, code))
                {
                    return Ok(());
                }
                keep_codes(codes, &passes, selected);
                return Ok(());
            }
            if let Some(items) = &self.items {
                items.keep(segment, selected);
                return Ok(());
            }
            if let Some(ids) = segment.segment.ids(column)
                && let Some(id) = self.of_id()
            {
                let postings = segment.segment.postings(column);
                if !postings.is_some_and(|postings| selected.meet(postings.of_id(ids, id))) {
                    selected.keep_by(ids, |other| other == Some(id));
                }
                return Ok(());
            }
            if let Some(numbers) = segment.segment.ints(column)
                && let Some((comparison, bound)) = self.of_numbers()
            {
                keep_numbers(numbers, comparison, bound, selected);
                return Ok(());
            }
        }
        let mut failed = None;
        let mut ticker = control.ticker();
        selected.retain(|row| {
            if failed.is_some() {
                return false;
            }
            let passes = ticker
                .step()
                .and_then(|()| truth(self.test, &Scope::new(Row::Of(&segment, row))));
            passes.unwrap_or_else(|error| {
                failed = Some(error);
                false
            })
        });
        failed.map_or(Ok(()), Err)
    }

    /// If it is equality with a GUID.
    fn of_id(&self) -> Option<Uuid> {
        match self.test {
            Bound::Compare(Comparison::Eq, a, b) => match (&**a, &**b) {
                (Bound::Column(_), Bound::Const(Value::Id(id)))
                | (Bound::Const(Value::Id(id)), Bound::Column(_)) => Some(*id),
                _ => None,
            },
            _ => None,
        }
    }

    /// If it compares whole numbers with one.
    fn of_numbers(&self) -> Option<(Comparison, i64)> {
        match self.test {
            Bound::Compare(comparison, a, b) => match (&**a, &**b) {
                (Bound::Column(_), Bound::Const(Value::Int(bound))) => Some((*comparison, *bound)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Says of each row whether it passes, with what stands beside it.
    pub(super) fn each<T>(
        &self,
        segment: SegmentView<'_>,
        selected: &Selected,
        beside: &mut [T],
        control: &Control<'_>,
        mut say: impl FnMut(bool, &mut T),
        mut is_asked: impl FnMut(&T) -> bool,
    ) -> Result<()> {
        if let Some((codes, passes)) = self.of_codes(segment, selected) {
            with_codes!(codes, codes => for (row, beside) in selected.rows().zip(beside) {
                let code = codes.get(row).map(|code| *code as usize);
                say(code.is_some_and(|code| passes.has(code)), beside);
            });
            return Ok(());
        }
        let mut ticker = control.ticker();
        for (row, beside) in selected.rows().zip(beside) {
            ticker.step()?;
            if is_asked(beside) {
                say(self.of_row(segment, row)?, beside);
            }
        }
        Ok(())
    }
}

/// What comes of each code, of which there are so many: of all, or if there are more of them
/// than rows, of those that rows have.
pub(super) fn of_codes<T: Copy + Default>(
    codes: &Codes,
    count: usize,
    selected: &Selected,
    mut of: impl FnMut(usize) -> Option<T>,
) -> Option<Vec<T>> {
    if count <= selected.len() {
        return (0..count).map(of).collect();
    }
    let mut found: Vec<Option<T>> = vec![None; count];
    for row in selected.rows() {
        let code = codes.get(row)?;
        if let Some(place @ None) = found.get_mut(code) {
            *place = Some(of(code)?);
        }
    }
    Some(found.into_iter().map(Option::unwrap_or_default).collect())
}

fn keep_numbers(numbers: &Packed, comparison: Comparison, bound: i64, selected: &mut Selected) {
    let (least, _) = numbers.ends();
    // The differences that pass, or all others.
    let at = i128::from(bound) - i128::from(least);
    let (from, to, others) = match comparison {
        Comparison::Eq => (at, at, false),
        Comparison::Ne => (at, at, true),
        Comparison::Lt => (0, at - 1, false),
        Comparison::Le => (0, at, false),
        Comparison::Gt => (at + 1, i128::MAX, false),
        Comparison::Ge => (at, i128::MAX, false),
    };
    let (from, to) = (from.max(0), to.min(i128::from(u32::MAX)));
    let by_number = |row| {
        let number = numbers.get(row);
        number.is_some_and(|number| comparison.holds(number.cmp(&bound)))
    };
    if from > to {
        selected.retain(by_number);
        return;
    }
    let (from, span) = (from as u32, (to - from) as u32);
    with_differences!(numbers, all => {
        selected.keep_by(all, |more| (wide(more).wrapping_sub(from) <= span) != others);
    }, else selected.retain(by_number));
}

pub(super) fn keep_codes(codes: &Codes, passes: &Passes, selected: &mut Selected) {
    match passes {
        Passes::All => {}
        Passes::None => *selected = Selected::Some(Vec::new()),
        // A code that does not fit the width is none of a row.
        Passes::One(one) => match codes {
            Codes::U8(codes) => {
                let one = *one as u8;
                selected.keep_by(codes, |code| code == one);
            }
            Codes::U16(codes) => {
                let one = *one as u16;
                selected.keep_by(codes, |code| code == one);
            }
            Codes::U32(codes) => selected.keep_by(codes, |code| code == *one),
        },
        Passes::Table(table) => with_codes!(codes, codes => {
            selected.keep_by(codes, |code| table.get(code as usize) == Some(&true));
        }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers() -> impl Strategy<Value = Vec<i64>> {
        let of = |least: i64, most: i64| prop::collection::vec(least..=most, 1..80);
        prop_oneof![
            of(-3, 3),
            of(-300, 300),
            of(0, 100_000),
            of(-(1 << 40), 1 << 40),
            of(i64::MIN, i64::MAX),
        ]
    }

    proptest! {
        #[test]
        fn numbers_are_compared_by_their_differences(
            numbers in numbers(),
            (at, off) in (any::<prop::sample::Index>(), -2_i64..3),
            bound in prop_oneof![Just(None), any::<i64>().prop_map(Some), (-400_i64..400).prop_map(Some)],
            (missing, start) in (any::<bool>(), 0_usize..3),
        ) {
            use Comparison as C;

            let bound = bound.unwrap_or_else(|| at.get(&numbers).saturating_add(off));
            let mut all: Vec<Option<i64>> = numbers.into_iter().map(Some).collect();
            if missing {
                all[0] = None;
            }
            let packed = Packed::new(&all);
            let rows = start.min(all.len())..all.len();
            for comparison in [C::Eq, C::Ne, C::Lt, C::Le, C::Gt, C::Ge] {
                let mut selected = Selected::All(rows.clone());
                keep_numbers(&packed, comparison, bound, &mut selected);
                let passes = |row: &usize| all[*row].is_some_and(|n| comparison.holds(n.cmp(&bound)));
                let expected: Vec<usize> = rows.clone().filter(passes).collect();
                prop_assert_eq!(selected.rows().collect::<Vec<_>>(), expected, "{:?} {}", comparison, bound);
            }
        }
    }
}

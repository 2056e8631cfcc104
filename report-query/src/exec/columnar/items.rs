//! Tests of the items of lists, asked of the table of items.

use super::select::keep_codes;
use super::selected::Selected;
use super::texts::{Passes, TextAnswers};
use crate::exec::batch::{position, truth};
use crate::expr::{Bound, Each, ItemTest, Row, Scope};
use crate::schema::{DataType, Schema};
use crate::store::{Codes, Dictionary, Items, ListColumn, SegmentView};
use crate::value::Value;

/// Whether any or all items of a row's list pass tests that each look at one value of an item.
pub(super) struct ItemAnswers<'p> {
    column: usize,
    is_all: bool,
    tests: Vec<OfItem<'p>>,
}

struct OfItem<'p> {
    test: &'p ItemTest,
    texts: Option<TextAnswers<'p>>,
}

/// What a test says of the items of a segment.
enum Says<'a> {
    Codes(&'a Codes, Passes),
    Values(&'a Bound, Items<'a>),
}

impl<'p> ItemAnswers<'p> {
    /// `None` of other tests.
    pub(super) fn new(
        test: &'p Bound,
        schema: &Schema,
        dictionaries: &'p [Dictionary],
    ) -> Option<Self> {
        let Bound::Each(each @ (Each::Any | Each::All), list, _, tests) = test else {
            return None;
        };
        let Bound::Column(column) = **list else {
            return None;
        };
        let DataType::List(item) = &schema.fields().get(column)?.data_type else {
            return None;
        };
        let first = schema.dictionary(column);
        let of_item = |test: &'p ItemTest| {
            let dictionary = match (&**item, test.field) {
                (DataType::Text, None) => Some(first),
                (DataType::Record(fields), Some(index)) => {
                    let field = fields.get(index)?;
                    let before = fields.iter().take(index);
                    let before: usize = before.map(|field| field.data_type.texts()).sum();
                    (field.data_type == DataType::Text).then_some(first + before)
                }
                _ => None,
            };
            let dictionary = dictionary.and_then(|number| dictionaries.get(number));
            Some(OfItem {
                test,
                texts: dictionary.map(|dictionary| TextAnswers::new(&test.test, dictionary, None)),
            })
        };
        let tests: Option<Vec<_>> = tests.as_ref()?.iter().map(of_item).collect();
        Some(Self {
            column,
            is_all: *each == Each::All,
            tests: tests?,
        })
    }

    /// Keeps the rows that pass.
    pub(super) fn keep(&self, segment: SegmentView<'_>, selected: &mut Selected) {
        let Some(lists) = segment.segment.lists(self.column) else {
            // Null is neither.
            *selected = Selected::Some(Vec::new());
            return;
        };
        if self.by_postings(segment, lists, selected) {
            return;
        }
        // Which items are asked, if they are few.
        let rows = selected.len();
        let asked = if rows < segment.segment.len() / 4 {
            let ranges = selected.rows().filter_map(|row| lists.of_row(row));
            Selected::Some(ranges.flatten().map(position).collect())
        } else {
            Selected::All(0..lists.items_len())
        };
        let items = segment.items(lists);
        let says: Vec<Says<'_>> = self.tests.iter().map(|of| of.of(items, &asked)).collect();
        if let Selected::All(all) = asked {
            // As many as that are asked block by block.
            let mut passing = Selected::All(all);
            for says in &says {
                match says {
                    Says::Codes(codes, passes) => keep_codes(codes, passes, &mut passing),
                    says => passing.retain(|item| says.has(item)),
                }
            }
            let marks = passing.into_marks(lists.items_len());
            selected.retain(|row| {
                lists.of_row(row).is_some_and(|range| {
                    let marks = marks.get(range).unwrap_or_default();
                    if self.is_all {
                        !marks.contains(&0)
                    } else {
                        marks.contains(&1)
                    }
                })
            });
            return;
        }
        let passes = |item: usize| says.iter().all(|says| says.has(item));
        selected.retain(|row| {
            lists.of_row(row).is_some_and(|mut range| {
                if self.is_all {
                    range.all(passes)
                } else {
                    range.any(passes)
                }
            })
        });
    }
}

impl ItemAnswers<'_> {
    /// Keeps the rows that pass if one text of an item decides, and where it stands is kept.
    fn by_postings(
        &self,
        segment: SegmentView<'_>,
        lists: &ListColumn,
        selected: &mut Selected,
    ) -> bool {
        let [one] = &self.tests[..] else {
            return false;
        };
        let field = one.test.field;
        let (Some(postings), Some(answers), false) = (
            segment.segment.item_postings(self.column, field),
            &one.texts,
            self.is_all,
        ) else {
            return false;
        };
        let items = segment.items(lists);
        let of_field = field.map_or(items, |field| items.field(field));
        let Some(texts) = of_field.texts() else {
            return false;
        };
        let Some(code) = answers.only_code(texts) else {
            return false;
        };
        let items = postings.of_code(texts.codes(), code);
        let Some(mut rows) = lists.rows_of(items) else {
            return false;
        };
        rows.dedup();
        selected.meet(&rows)
    }
}

impl<'p> OfItem<'p> {
    fn of<'a>(&'a self, items: Items<'a>, asked: &Selected) -> Says<'a> {
        let of_field = match self.test.field {
            Some(field) => items.field(field),
            None => items,
        };
        match (of_field.texts(), &self.texts) {
            (Some(texts), Some(answers)) => Says::Codes(texts.codes(), answers.of(texts, asked)),
            _ => Says::Values(&self.test.test, of_field),
        }
    }
}

impl Says<'_> {
    fn has(&self, item: usize) -> bool {
        match self {
            Self::Codes(codes, passes) => codes.get(item).is_some_and(|code| passes.has(code)),
            // It cannot fail.
            Self::Values(test, items) => {
                let value: &Value = &items.cell(item);
                truth(test, &Scope::new(Row::Cell(value))).unwrap_or_default()
            }
        }
    }
}

#[cfg(test)]
mod tests;

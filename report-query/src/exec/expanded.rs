//! Groups of the items of a list column, on the table of the items: instead of a row for each
//! with all that its row has.

use super::batch::{Batch, check_rows};
use super::columnar::{Grouping, Selected, Tests, Wanted, threads};
use super::control::Control;
use super::run::place;
use super::steps::columns_of;
use crate::aggregate::BoundAggregate;
use crate::error::Result;
use crate::expr::Bound;
use crate::query::BoundStage;
use crate::schema::DataType;
use crate::store::{ItemRows, Part, Snapshot};

/// A stage that expands a list column, filters behind it, and a grouping.
pub(super) struct ItemGroups<'p> {
    list: usize,
    expand: &'p BoundStage,
    /// Where that stands.
    first: usize,
    /// Those behind it.
    stages: &'p [BoundStage],
}

impl<'p> ItemGroups<'p> {
    /// `None` where something else follows from a stage on, or where more is wanted of an item than
    /// what stands in it.
    pub(super) fn new(stages: &'p [BoundStage], first: usize) -> Option<Self> {
        let behind = stages.get(first..)?;
        let (expand, rest) = behind.split_first()?;
        let BoundStage::Expand {
            column,
            position: false,
            keep_empty: false,
        } = expand
        else {
            return None;
        };
        let is_filter = |stage: &&BoundStage| matches!(stage, BoundStage::Filter(_));
        let filters = rest.iter().take_while(is_filter).count();
        matches!(rest.get(filters)?, BoundStage::Group { .. }).then_some(Self {
            list: *column,
            expand,
            first,
            stages: rest.get(..=filters)?,
        })
    }

    /// How many stages that is.
    pub(super) const fn len(&self) -> usize {
        self.stages.len() + 1
    }

    /// The groups of the rows that pass; `None` if they have to be made row by row.
    pub(super) fn group<'s>(
        &self,
        snapshot: &Snapshot,
        parts: &[Part<'_>],
        tests: &Tests<'_>,
        wanted: &Wanted<'_>,
        control: &Control<'_>,
    ) -> Result<Option<Batch<'s>>> {
        let fields = snapshot.schema().fields();
        let of_fields: Vec<BoundStage>;
        let stages = match fields.get(self.list).map(|field| &field.data_type) {
            Some(DataType::List(item)) if matches!(**item, DataType::Record(_)) => {
                let with_fields = |stage| with_columns(stage, self.list, fields.len());
                of_fields = self.stages.iter().map(with_fields).collect();
                &of_fields
            }
            _ => self.stages,
        };
        let needed = columns_of(stages);
        tests.prepare(parts, control)?;
        let selected = threads::of_parts(parts, |part| {
            let has_items = part.segment.segment.lists(self.list).is_some();
            let selected = has_items.then(|| tests.select(part, control));
            Ok(selected
                .transpose()?
                .map_or_else(Vec::new, Selected::into_rows))
        })?;
        let rows = parts.iter().map(|part| part.index).zip(selected);
        let rows = rows.filter(|(_, rows)| !rows.is_empty()).collect();
        let ItemRows { snapshot, rows } = snapshot.expanded(self.list, &needed, rows);
        let items = rows.iter().map(|rows| rows.len() as u64).sum();
        check_rows(items, control.limits).map_err(place(self.first, self.expand))?;
        let (tests, filters) = Tests::of_chosen(stages, self.first + 1, &snapshot, rows);
        let Some(BoundStage::Group { by, aggregates, .. }) = stages.get(filters) else {
            return Ok(None);
        };
        let grouping = Grouping {
            by,
            aggregates,
            stage: self.first + 1 + filters,
        };
        let parts: Vec<Part<'_>> = snapshot.parts().collect();
        grouping.group(&snapshot, &parts, &tests, wanted, control)
    }
}

/// A stage that looks at the columns of a record's fields instead of at the record.
fn with_columns(stage: &BoundStage, record: usize, first: usize) -> BoundStage {
    let of = |bound: &Bound| bound.clone().with_columns_of(record, first);
    match stage {
        BoundStage::Filter(test) => BoundStage::Filter(of(test)),
        BoundStage::Group {
            by,
            aggregates,
            types,
        } => BoundStage::Group {
            by: by.iter().map(of).collect(),
            aggregates: aggregates
                .iter()
                .map(|aggregate| BoundAggregate {
                    arguments: aggregate.arguments.iter().map(of).collect(),
                    filter: aggregate.filter.as_ref().map(of),
                    ..aggregate.clone()
                })
                .collect(),
            types: types.clone(),
        },
        other => other.clone(),
    }
}

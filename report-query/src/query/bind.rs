//! Binding a pipeline: each stage against the columns of the one before.

use super::parts::{Expand, Join, JoinKind, Page, SortKey};
use super::pipeline::{Query, Stage};
use super::range::{TimeRange, time_range};
use crate::aggregate::BoundAggregate;
use crate::error::{At, MAX_DEPTH, QueryError, QueryErrorKind, Result};
use crate::expr::{Binder, Bound, Expr, Parameters, is_ordered};
use crate::result::{Approximation, ResultColumn};
use crate::schema::{DataType, Schema};

/// A pipeline whose columns are positions.
#[derive(Clone, Debug)]
pub(crate) struct Pipeline {
    pub(crate) stages: Vec<BoundStage>,
    /// The columns of the last stage.
    pub(crate) columns: Vec<ResultColumn>,
    /// The times that the leading filters let through.
    pub(crate) range: TimeRange,
}

#[derive(Clone, Debug)]
pub(crate) enum BoundStage {
    Filter(Bound),
    /// Each with the column it replaces, or none for a new one.
    Extend(Vec<(Option<usize>, Bound)>),
    Select(Vec<Bound>),
    Expand {
        column: usize,
        position: bool,
        keep_empty: bool,
    },
    Group {
        by: Vec<Bound>,
        aggregates: Vec<BoundAggregate>,
        /// Of the keys and then of the aggregates.
        types: Vec<DataType>,
    },
    Sort(Vec<BoundSort>),
    Limit(u64),
    Page {
        size: u64,
        by: Vec<BoundSort>,
        after: Option<String>,
    },
    Join(BoundJoin),
    Union {
        other: Pipeline,
        /// For each column of the union: where it stands on either side.
        columns: Vec<(Option<usize>, Option<usize>)>,
    },
    Sessionize {
        by: Vec<Bound>,
        time: Bound,
        gap_seconds: i64,
    },
    TopPer {
        by: Vec<Bound>,
        sort: Vec<BoundSort>,
        rows: u64,
    },
}

impl BoundStage {
    /// The name in the JSON form.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Filter(_) => "filter",
            Self::Extend(_) => "extend",
            Self::Select(_) => "select",
            Self::Expand { .. } => "expand",
            Self::Group { .. } => "group",
            Self::Sort(_) => "sort",
            Self::Limit(_) => "limit",
            Self::Page { .. } => "page",
            Self::Join(_) => "join",
            Self::Union { .. } => "union",
            Self::Sessionize { .. } => "sessionize",
            Self::TopPer { .. } => "top_per",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BoundSort {
    pub(crate) key: Bound,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct BoundJoin {
    pub(crate) kind: JoinKind,
    pub(crate) with: Pipeline,
    pub(crate) left: Vec<Bound>,
    pub(crate) right: Vec<Bound>,
}

/// Levels of the JSON form above an expression of a stage, at most.
pub(crate) const STAGE_DEPTH: usize = 7;
/// Levels of the JSON form above the stages of a query within a query.
const NESTED_DEPTH: usize = 5;

struct PipelineBinder<'a> {
    schema: &'a Schema,
    parameters: &'a Parameters,
    depth: usize,
}

/// Binds the outermost pipeline.
pub(super) fn bind(query: &Query, schema: &Schema, parameters: &Parameters) -> Result<Pipeline> {
    let binder = PipelineBinder {
        schema,
        parameters,
        depth: 0,
    };
    binder.pipeline(query)
}

impl PipelineBinder<'_> {
    fn pipeline(&self, query: &Query) -> Result<Pipeline> {
        let mut columns: Vec<ResultColumn> = self
            .schema
            .fields()
            .iter()
            .map(ResultColumn::from)
            .collect();
        let mut stages = Vec::with_capacity(query.stages.len());
        let mut paged = false;
        for (index, stage) in query.stages.iter().enumerate() {
            let place = |error: QueryError| error.at_index(index).at("stages");
            let within = |error: QueryError| place(error.at(stage.name()));
            if paged && !matches!(stage, Stage::Extend(_) | Stage::Select(_)) {
                let what = "only `extend` and `select` may follow a page";
                return Err(within(QueryError::argument(what)));
            }
            if matches!(stage, Stage::Page(_)) {
                if self.depth > 0 {
                    let what = "only the outermost query has pages";
                    return Err(within(QueryError::argument(what)));
                }
                paged = true;
            }
            let (bound, next) = self.stage(stage, columns).map_err(within)?;
            for (at, column) in next.iter().enumerate() {
                if next.iter().take(at).any(|other| other.name == column.name) {
                    return Err(within(QueryError::new(QueryErrorKind::DuplicateColumn {
                        name: column.name.clone(),
                    })));
                }
            }
            stages.push(bound);
            columns = next;
        }
        let range = time_range(&stages, self.schema);
        Ok(Pipeline {
            stages,
            columns,
            range,
        })
    }

    fn stage(
        &self,
        stage: &Stage,
        mut columns: Vec<ResultColumn>,
    ) -> Result<(BoundStage, Vec<ResultColumn>)> {
        let binder = Binder {
            columns: &columns,
            parameters: self.parameters,
            depth: self.depth + STAGE_DEPTH,
        };
        Ok(match stage {
            Stage::Filter(predicate) => (BoundStage::Filter(binder.predicate(predicate)?), columns),
            Stage::Extend(exprs) => {
                let mut next = columns.clone();
                let mut bound = Vec::with_capacity(exprs.len());
                for (index, expr) in exprs.iter().enumerate() {
                    let (column, expr) = binder.named(expr).at_index(index)?;
                    let place = columns.iter().position(|old| old.name == column.name);
                    match place.and_then(|place| next.get_mut(place)) {
                        Some(old) => *old = column,
                        None => next.push(column),
                    }
                    bound.push((place, expr));
                }
                (BoundStage::Extend(bound), next)
            }
            Stage::Select(exprs) => {
                if exprs.is_empty() {
                    return Err(QueryError::argument("at least one column is needed"));
                }
                let (columns, bound) = named(&binder, exprs)?;
                (BoundStage::Select(bound), columns)
            }
            Stage::Expand(expand) => self.expand(expand, columns)?,
            Stage::Group { by, aggregates } => {
                if by.is_empty() && aggregates.is_empty() {
                    return Err(QueryError::argument("a key or an aggregate is needed"));
                }
                let (mut next, by) = named(&binder, by).at("by")?;
                let mut bound = Vec::with_capacity(aggregates.len());
                for (index, aggregate) in aggregates.iter().enumerate() {
                    let (column, aggregate) =
                        aggregate.bind(&binder).at_index(index).at("aggregate")?;
                    next.push(column);
                    bound.push(aggregate);
                }
                let group = BoundStage::Group {
                    by,
                    aggregates: bound,
                    types: next.iter().map(|column| column.data_type.clone()).collect(),
                };
                (group, next)
            }
            Stage::Sort(keys) => (BoundStage::Sort(sort_keys(&binder, keys)?), columns),
            Stage::Limit(rows) => (BoundStage::Limit(*rows), columns),
            Stage::Page(page) => (self.page(page, &binder)?, columns),
            Stage::Join(join) => self.join(join, &binder, &columns)?,
            Stage::Union(other) => {
                let other = self.nested(other)?;
                let (places, columns) = union_columns(&columns, &other.columns)?;
                let union = BoundStage::Union {
                    other,
                    columns: places,
                };
                (union, columns)
            }
            Stage::Sessionize {
                name,
                by,
                time,
                gap_seconds,
            } => {
                if *gap_seconds < 0 {
                    return Err(QueryError::argument("a gap is not negative").at("gap_seconds"));
                }
                let by = keys(&binder, by).at("by")?;
                let time = binder
                    .bind(time)
                    .and_then(|typed| typed.into_type(&DataType::Time))
                    .at("time")?;
                columns.push(ResultColumn::new(name.clone(), DataType::Time));
                let sessionize = BoundStage::Sessionize {
                    by,
                    time,
                    gap_seconds: *gap_seconds,
                };
                (sessionize, columns)
            }
            Stage::TopPer { by, sort, rows } => {
                let top = BoundStage::TopPer {
                    by: keys(&binder, by).at("by")?,
                    sort: sort_keys(&binder, sort).at("sort")?,
                    rows: *rows,
                };
                (top, columns)
            }
        })
    }

    fn nested(&self, query: &Query) -> Result<Pipeline> {
        let depth = self.depth + NESTED_DEPTH;
        if depth >= MAX_DEPTH {
            return Err(QueryError::new(QueryErrorKind::TooDeep {
                limit: MAX_DEPTH,
            }));
        }
        Self { depth, ..*self }.pipeline(query)
    }

    fn expand(
        &self,
        expand: &Expand,
        mut columns: Vec<ResultColumn>,
    ) -> Result<(BoundStage, Vec<ResultColumn>)> {
        let binder = Binder {
            columns: &columns,
            parameters: self.parameters,
            depth: 0,
        };
        let list = crate::expr::col(expand.column.clone());
        let (_, bound) = binder.named(&list).at("column")?;
        let Bound::Column(index) = bound else {
            return Err(QueryError::argument("a column is needed").at("column"));
        };
        let Some(column) = columns.get_mut(index) else {
            return Err(QueryError::argument("a column is needed").at("column"));
        };
        column.data_type = match &column.data_type {
            DataType::List(item) => (**item).clone(),
            other => return Err(QueryError::type_mismatch("list", other).at("column")),
        };
        if let Some(alias) = &expand.alias {
            column.name = alias.clone().into_owned();
            column.label.clone_from(&column.name);
        }
        if let Some(name) = &expand.position {
            columns.push(ResultColumn::new(name.clone(), DataType::Int));
        }
        let stage = BoundStage::Expand {
            column: index,
            position: expand.position.is_some(),
            keep_empty: expand.keep_empty,
        };
        Ok((stage, columns))
    }

    fn page(&self, page: &Page, binder: &Binder<'_>) -> Result<BoundStage> {
        if page.size == 0 {
            return Err(QueryError::argument("a page has at least one row").at("size"));
        }
        let by = if page.by.is_empty() {
            let Some((time, id)) = self.schema.key() else {
                return Err(QueryError::argument("a page needs keys to sort by").at("by"));
            };
            let newest = [time, id].map(|index| SortKey {
                expr: crate::expr::col(
                    self.schema
                        .fields()
                        .get(index)
                        .map(|field| field.name.clone())
                        .unwrap_or_default(),
                ),
                descending: true,
                nulls_first: false,
            });
            sort_keys(binder, &newest)
        } else {
            sort_keys(binder, &page.by)
        };
        Ok(BoundStage::Page {
            size: page.size,
            by: by.at("by")?,
            after: page.after.clone(),
        })
    }

    fn join(
        &self,
        join: &Join,
        binder: &Binder<'_>,
        columns: &[ResultColumn],
    ) -> Result<(BoundStage, Vec<ResultColumn>)> {
        if join.on.is_empty() {
            return Err(QueryError::argument("a join needs keys").at("on"));
        }
        let with = self.nested(&join.with).at("with")?;
        let right_binder = Binder {
            columns: &with.columns,
            ..*binder
        };
        let mut left = Vec::with_capacity(join.on.len());
        let mut right = Vec::with_capacity(join.on.len());
        for (index, (left_key, right_key)) in join.on.iter().enumerate() {
            let place = |error: QueryError| error.at_index(index).at("on");
            let left_key = binder.bind(left_key).at_index(0).map_err(place)?;
            let right_key = right_binder.bind(right_key).at_index(1).map_err(place)?;
            if let (Some(a), Some(b)) = (&left_key.data_type, &right_key.data_type)
                && a != b
                && !(a.is_number() && b.is_number())
            {
                return Err(place(QueryError::type_mismatch(a, b).at_index(1)));
            }
            left.push(left_key.bound);
            right.push(right_key.bound);
        }
        let mut next = columns.to_vec();
        if matches!(join.kind, JoinKind::Inner | JoinKind::Left) {
            next.extend(with.columns.iter().cloned().map(|mut column| {
                if !join.prefix.is_empty() {
                    column.name.insert_str(0, &join.prefix);
                }
                column
            }));
        }
        let bound = BoundJoin {
            kind: join.kind,
            with,
            left,
            right,
        };
        Ok((BoundStage::Join(bound), next))
    }
}

fn named(binder: &Binder<'_>, exprs: &[Expr]) -> Result<(Vec<ResultColumn>, Vec<Bound>)> {
    let mut columns = Vec::with_capacity(exprs.len());
    let mut bound = Vec::with_capacity(exprs.len());
    for (index, expr) in exprs.iter().enumerate() {
        let (column, expr) = binder.named(expr).at_index(index)?;
        columns.push(column);
        bound.push(expr);
    }
    Ok((columns, bound))
}

fn keys(binder: &Binder<'_>, exprs: &[Expr]) -> Result<Vec<Bound>> {
    exprs
        .iter()
        .enumerate()
        .map(|(index, expr)| Ok(binder.bind(expr).at_index(index)?.bound))
        .collect()
}

fn sort_keys(binder: &Binder<'_>, keys: &[SortKey]) -> Result<Vec<BoundSort>> {
    keys.iter()
        .enumerate()
        .map(|(index, key)| {
            let name = if key.descending { "desc" } else { "asc" };
            let typed = binder.bind(&key.expr).at(name).at_index(index)?;
            if let Some(data_type) = typed.data_type.filter(|data_type| !is_ordered(data_type)) {
                return Err(QueryError::type_mismatch("ordered values", data_type)
                    .at(name)
                    .at_index(index));
            }
            Ok(BoundSort {
                key: typed.bound,
                descending: key.descending,
                nulls_first: key.nulls_first,
            })
        })
        .collect()
}

/// Where each column of a union stands on either side.
type UnionPlaces = Vec<(Option<usize>, Option<usize>)>;

fn union_columns(
    left: &[ResultColumn],
    right: &[ResultColumn],
) -> Result<(UnionPlaces, Vec<ResultColumn>)> {
    let mut places = Vec::with_capacity(left.len());
    let mut columns = left.to_vec();
    for (index, column) in columns.iter_mut().enumerate() {
        let other = right.iter().position(|other| other.name == column.name);
        if let Some(other) = other.and_then(|other| right.get(other)) {
            if other.data_type != column.data_type {
                return Err(
                    QueryError::type_mismatch(&column.data_type, &other.data_type).at(&column.name),
                );
            }
            if other.approximate != column.approximate {
                column.approximate = Some(Approximation::Derived);
            }
        }
        places.push((Some(index), other));
    }
    for (index, column) in right.iter().enumerate() {
        if !left.iter().any(|other| other.name == column.name) {
            places.push((None, Some(index)));
            columns.push(column.clone());
        }
    }
    Ok((places, columns))
}

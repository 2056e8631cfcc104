//! `Aggregate`: an aggregate as it is written, and bound to the columns of a stage.

use std::borrow::Cow;

use super::hyper_log_log::STANDARD_ERROR;
use super::log_buckets::{NUMBER_ERROR, TIME_ERROR};
use super::percentile::check_fraction;
use crate::error::{At, QueryError, QueryErrorKind, Result};
use crate::expr::{Binder, Bound, Expr, Node, is_ordered};
use crate::result::{Approximation, ResultColumn};
use crate::schema::DataType;

/// What a group of rows comes to: a function, its arguments, and the name of
/// the column it gives.
///
/// Without an [alias](Aggregate::alias) the column is named after the function
/// and the column it is of: `count`, `count_distinct_actor`.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    pub(crate) function: AggregateFunction,
    pub(crate) arguments: Vec<Expr>,
    pub(crate) filter: Option<Expr>,
    pub(crate) cap: Option<u64>,
    pub(crate) name: Option<Cow<'static, str>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum AggregateFunction {
    Count,
    CountIf,
    CountDistinct,
    Sum,
    Avg,
    Min,
    Max,
    ArgMin,
    ArgMax,
    First,
    Last,
    CollectSet,
    CollectList,
    Any,
    Every,
    /// The nearest rank of so many hundredths.
    Percentile(f64),
    ApproxCountDistinct,
    ApproxPercentile(f64),
}

/// How many values a collection holds at most, unless another cap is set.
pub(crate) const DEFAULT_CAP: u64 = 10_000;

impl AggregateFunction {
    pub(crate) const ALL: [Self; 18] = [
        Self::Count,
        Self::CountIf,
        Self::CountDistinct,
        Self::Sum,
        Self::Avg,
        Self::Min,
        Self::Max,
        Self::ArgMin,
        Self::ArgMax,
        Self::First,
        Self::Last,
        Self::CollectSet,
        Self::CollectList,
        Self::Any,
        Self::Every,
        Self::Percentile(50.0),
        Self::ApproxCountDistinct,
        Self::ApproxPercentile(50.0),
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::CountIf => "count_if",
            Self::CountDistinct => "count_distinct",
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::ArgMin => "arg_min",
            Self::ArgMax => "arg_max",
            Self::First => "first",
            Self::Last => "last",
            Self::CollectSet => "collect_set",
            Self::CollectList => "collect_list",
            Self::Any => "any",
            Self::Every => "every",
            Self::Percentile(_) => "percentile",
            Self::ApproxCountDistinct => "approx_count_distinct",
            Self::ApproxPercentile(_) => "approx_percentile",
        }
    }

    /// The hundredths that a percentile is of.
    pub(crate) const fn percent(self) -> Option<f64> {
        match self {
            Self::Percentile(percent) | Self::ApproxPercentile(percent) => Some(percent),
            _ => None,
        }
    }

    /// How far off it may be, if its column has this type.
    const fn approximation(self, data_type: &DataType) -> Option<Approximation> {
        match (self, data_type) {
            (Self::ApproxCountDistinct, _) => Some(Approximation::StandardError {
                per_million: STANDARD_ERROR,
            }),
            (Self::ApproxPercentile(_), DataType::Time) => Some(Approximation::WithinSeconds {
                seconds: TIME_ERROR,
            }),
            (Self::ApproxPercentile(_), _) => Some(Approximation::WithinShare {
                per_million: NUMBER_ERROR,
            }),
            _ => None,
        }
    }

    /// Whether it comes to the same, in whatever order the rows come.
    pub(crate) const fn is_order_free(self) -> bool {
        !matches!(
            self,
            Self::ArgMin | Self::ArgMax | Self::First | Self::Last | Self::CollectList
        )
    }

    pub(crate) const fn arity(self) -> usize {
        match self {
            Self::Count => 0,
            Self::ArgMin | Self::ArgMax => 2,
            _ => 1,
        }
    }
}

impl Aggregate {
    pub(crate) const fn new(function: AggregateFunction, arguments: Vec<Expr>) -> Self {
        Self {
            function,
            arguments,
            filter: None,
            cap: None,
            name: None,
        }
    }

    /// Names the column.
    #[must_use]
    pub fn alias(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Takes only the rows of the group of which the predicate is true.
    #[must_use]
    pub fn filter(mut self, predicate: impl Into<Expr>) -> Self {
        self.filter = Some(predicate.into());
        self
    }

    /// How many values [`collect_set`] and [`collect_list`] hold at most for a
    /// group, 10,000 if not set. One more is
    /// [`LimitExceeded`](QueryErrorKind::LimitExceeded): nothing is left out silently.
    /// Of other aggregates it has no meaning and is an error.
    #[must_use]
    pub const fn cap(mut self, values: u64) -> Self {
        self.cap = Some(values);
        self
    }

    /// Checks names and types, and gives the column.
    pub(crate) fn bind(&self, binder: &Binder<'_>) -> Result<(ResultColumn, BoundAggregate)> {
        use AggregateFunction as F;

        let function = self.function;
        let name = function.name();
        if self.arguments.len() != function.arity() {
            return Err(QueryError::argument("another number of arguments is needed").at(name));
        }
        if self.cap.is_some() && !matches!(function, F::CollectSet | F::CollectList) {
            return Err(QueryError::argument("only collections have a cap").at("cap"));
        }
        let filter = match &self.filter {
            Some(filter) => Some(binder.predicate(filter).at("filter")?),
            None => None,
        };
        let single = self.arguments.len() == 1 && function.percent().is_none();
        let mut arguments = Vec::with_capacity(self.arguments.len());
        let mut types = Vec::with_capacity(self.arguments.len());
        for (index, argument) in self.arguments.iter().enumerate() {
            let typed = binder.bind(argument);
            let typed = if single { typed } else { typed.at_index(index) }.at(name)?;
            types.push(typed.data_type.clone().unwrap_or(match function {
                F::CountIf | F::Any | F::Every => DataType::Bool,
                F::Sum | F::Avg => DataType::Int,
                _ => DataType::Text,
            }));
            arguments.push(typed.bound);
        }
        let expect = |fits: bool, expected: &str, found: &DataType| {
            if fits {
                Ok(())
            } else {
                Err(QueryError::type_mismatch(expected, found).at(name))
            }
        };
        let mut next = types.iter();
        let (first, second) = (next.next(), next.next());
        let of = first.cloned().unwrap_or(DataType::Int);
        let data_type = match function {
            F::Count | F::CountDistinct | F::ApproxCountDistinct => DataType::Int,
            F::CountIf => {
                expect(of == DataType::Bool, "bool", &of)?;
                DataType::Int
            }
            F::Any | F::Every => {
                expect(of == DataType::Bool, "bool", &of)?;
                DataType::Bool
            }
            F::Sum => {
                expect(of.is_number(), "number", &of)?;
                of
            }
            F::Avg => {
                expect(of.is_number(), "number", &of)?;
                DataType::Float
            }
            F::Min | F::Max => {
                expect(is_ordered(&of), "ordered values", &of)?;
                of
            }
            F::ArgMin | F::ArgMax => {
                let by = second.cloned().unwrap_or(DataType::Int);
                expect(is_ordered(&by), "ordered values", &by)?;
                of
            }
            F::First | F::Last => of,
            F::CollectSet | F::CollectList => DataType::list(of),
            F::Percentile(percent) | F::ApproxPercentile(percent) => {
                check_fraction(percent).at_index(1).at(name)?;
                let fits = of.is_number() || of == DataType::Time;
                expect(fits, "number or time", &of)?;
                of
            }
        };
        let origin = self
            .arguments
            .first()
            .and_then(|argument| binder.origin(argument));
        let mut column = ResultColumn::new(self.column_name()?, data_type);
        column.approximate = function.approximation(&column.data_type);
        let mut read = self.arguments.iter().chain(&self.filter);
        if read.any(|of| binder.reads_estimates(of)) {
            column.approximate = Some(Approximation::Derived);
        }
        // What is still a value of the column keeps the column's unit.
        let counts = [
            F::Count,
            F::CountIf,
            F::CountDistinct,
            F::ApproxCountDistinct,
        ];
        if !counts.contains(&function) {
            column.unit = origin.and_then(|origin| origin.unit.clone());
        }
        let cap = self.cap.unwrap_or(DEFAULT_CAP);
        let bound = BoundAggregate {
            function,
            arguments,
            filter,
            cap,
        };
        Ok((column, bound))
    }

    fn column_name(&self) -> Result<String> {
        if let Some(name) = &self.name {
            return Ok(name.clone().into_owned());
        }
        let function = self.function.name();
        match self.arguments.first().map(|argument| &argument.0) {
            None => Ok(function.to_owned()),
            Some(Node::Column(column)) => Ok(format!("{function}_{column}")),
            Some(_) => Err(QueryError::new(QueryErrorKind::MissingName)),
        }
    }
}

/// An aggregate whose columns are positions.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BoundAggregate {
    pub(crate) function: AggregateFunction,
    pub(crate) arguments: Vec<Bound>,
    pub(crate) filter: Option<Bound>,
    pub(crate) cap: u64,
}

impl BoundAggregate {
    /// Checks how many values a collection holds.
    pub(crate) fn check_cap(&self, values: u64) -> Result<()> {
        if values > self.cap {
            return Err(QueryError::limit("values in a collection", self.cap));
        }
        Ok(())
    }
}

macro_rules! of_one {
    ($($(#[$doc:meta])* $name:ident $function:ident;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(expr: impl Into<Expr>) -> Aggregate {
            Aggregate::new(AggregateFunction::$function, vec![expr.into()])
        }
    )*};
}

/// How many rows there are.
#[must_use]
pub const fn count() -> Aggregate {
    Aggregate::new(AggregateFunction::Count, Vec::new())
}

of_one! {
    /// Of how many rows the predicate is true.
    count_if CountIf;
    /// How many different values there are. Exact.
    count_distinct CountDistinct;
    /// The sum; null of no value. Integers are added in 128 bits and must fit 64 in the end.
    sum Sum;
    /// The average as a float; null of no value.
    avg Avg;
    /// The least value; null of no value.
    min Min;
    /// The greatest value; null of no value.
    max Max;
    /// The value of the first row that has one.
    first First;
    /// The value of the last row that has one.
    last Last;
    /// The different values as a list, ascending.
    collect_set CollectSet;
    /// The values as a list, in the order of the rows.
    collect_list CollectList;
    /// Whether the predicate is true of a row; false of no row.
    any Any;
    /// Whether the predicate is false of no row; true of no row.
    every Every;
}

/// About how many different values there are, in at most 16 KiB a group: a `HyperLogLog` of 2^14
/// registers.
///
/// The standard error is 0.8125 %, as the column's
/// [`approximate`](crate::ResultColumn::approximate) says; up to 1,024 different values are counted.
/// The same values give the same estimate, in whatever order and parts they come. Whoever chooses the
/// values can choose such as mislead it: where that matters, [`count_distinct`] is exact.
///
/// ```
/// use report_query::{Query, approx_count_distinct, col};
///
/// let query = Query::new()
///     .group_by(["activity"])
///     .aggregate([approx_count_distinct(col("actor")).alias("people")]);
/// # let _ = query;
/// ```
#[must_use]
pub fn approx_count_distinct(expr: impl Into<Expr>) -> Aggregate {
    Aggregate::new(AggregateFunction::ApproxCountDistinct, vec![expr.into()])
}

/// About the value that [`percentile`] gives: by the same rank, and off by no more than 1/128
/// (0.7813 %) of that value, of moments by no more than 30 seconds; null of no value.
///
/// It keeps counts of buckets, of which there are few: whole numbers from 0 to a million fall into
/// 955, and those up to 128 are exact. The column's
/// [`approximate`](crate::ResultColumn::approximate) says the bound.
///
/// ```
/// use report_query::{Query, approx_percentile, col};
///
/// let query = Query::new()
///     .group_by(["activity"])
///     .aggregate([approx_percentile(col("wait"), 99.0).alias("p99")]);
/// # let _ = query;
/// ```
#[must_use]
pub fn approx_percentile(expr: impl Into<Expr>, percent: f64) -> Aggregate {
    Aggregate::new(
        AggregateFunction::ApproxPercentile(percent),
        vec![expr.into()],
    )
}

/// The value in the row with the greatest key; of equal keys, in the last of
/// these rows. Rows whose key is null do not count; the value may be null.
#[must_use]
pub fn arg_max(value: impl Into<Expr>, key: impl Into<Expr>) -> Aggregate {
    Aggregate::new(AggregateFunction::ArgMax, vec![value.into(), key.into()])
}

/// The value in the row with the least key; of equal keys, in the first of
/// these rows. Rows whose key is null do not count; the value may be null.
#[must_use]
pub fn arg_min(value: impl Into<Expr>, key: impl Into<Expr>) -> Aggregate {
    Aggregate::new(AggregateFunction::ArgMin, vec![value.into(), key.into()])
}

/// The least value that at least so many hundredths of the values do not
/// exceed (nearest rank): always one of the values. Exact.
#[must_use]
pub fn percentile(expr: impl Into<Expr>, percent: f64) -> Aggregate {
    Aggregate::new(AggregateFunction::Percentile(percent), vec![expr.into()])
}

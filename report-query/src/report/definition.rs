//! `ReportDefinition`: a report as data, and how it runs.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::parameters::{DayPart, ParameterDefinition, ParameterType};
use crate::error::QueryError;
use crate::expr::Parameters;
use crate::query::{Plan, Query};
use crate::result::QueryResult;
use crate::schema::{Schema, Unit};
use crate::store::Snapshot;
use crate::value::Value;

/// A report: what it is called, what may be asked of it, the query, and how its
/// columns are shown. Data only.
///
/// Reports of your own are written the same way as the built-in ones, for any
/// [schema](Schema):
///
/// ```
/// use report_query::{DataType, Field, ReportDefinition, Schema};
///
/// let doors: ReportDefinition = serde_json::from_str(r#"{
///     "name": "doors",
///     "title": "Doors",
///     "parameters": [{"name": "door", "type": "text", "description": "Which door."}],
///     "query": {"version": 1, "stages": [
///         {"filter": {"when_param": ["door", {"eq": [{"col": "door"}, {"param": "door"}]}]}},
///         {"group": {"by": [{"col": "door"}], "aggregate": [{"count": []}]}}
///     ]},
///     "columns": [{"name": "door", "label": "Door"}, {"name": "count", "label": "Opened"}],
///     "chart": {"kind": "ranking", "x": "door", "y": "count"}
/// }"#)?;
/// let schema = Schema::new([Field::new("door", DataType::Text)])?;
/// doors.check(&schema)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ReportDefinition {
    /// The name, by which a report is asked for.
    pub name: String,
    /// Other names for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The heading.
    pub title: String,
    /// What the report shows and what it counts as one row.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What may be asked of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<ParameterDefinition>,
    /// How the columns of the query's result are shown; all of them, under their
    /// own names, if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<ColumnDefinition>,
    /// How the result may be drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart: Option<Chart>,
    /// The query.
    pub query: Query,
}

/// A column of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ColumnDefinition {
    /// The name in the query's result, which JSON and NDJSON use.
    pub name: String,
    /// The name that is shown, in tables and CSV.
    pub label: String,
    /// What its numbers count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// How it is best shown, for those who draw pages: `person`, `group`, `result`, `source`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// How a result may be drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Chart {
    /// The kind of drawing.
    pub kind: ChartKind,
    /// The column along which it is drawn; rows are counted by day if it is a time.
    pub x: String,
    /// The column that is measured; the number of rows if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// The column whose values are told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
}

/// The kind of a drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChartKind {
    /// Bars, stacked if there is a series.
    Bars,
    /// A line of each series.
    Line,
    /// Bars of the greatest values, greatest first.
    Ranking,
    /// Weekday against hour.
    HeatMap,
}

impl ReportDefinition {
    /// Whether the report goes by this name, without regard to case.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let mut names = std::iter::once(&self.name).chain(&self.aliases);
        names.any(|known| known.to_lowercase() == name)
    }

    /// Checks that the query fits a schema, that the columns and the chart name
    /// columns of its result, and that the defaults can be read.
    ///
    /// # Errors
    ///
    /// The first thing that does not fit.
    pub fn check(&self, schema: &Schema) -> Result<(), ReportError> {
        self.resolve(&Parameters::new(), None)?;
        let plan = self.query.bind(schema)?;
        let chart = self.chart.iter().flat_map(|chart| {
            std::iter::once(&chart.x)
                .chain(&chart.y)
                .chain(&chart.series)
        });
        let columns = self.columns.iter().map(|column| &column.name);
        for name in columns.chain(chart) {
            if !plan.columns().iter().any(|column| column.name == *name) {
                return Err(ReportError::MissingColumn { name: name.clone() });
            }
        }
        Ok(())
    }

    /// The query with the parameters' values, bound and ready to run. Times
    /// relative to the newest row are those of this snapshot.
    ///
    /// # Errors
    ///
    /// As [`run`](ReportDefinition::run).
    pub fn plan(&self, snapshot: &Snapshot, parameters: &Parameters) -> Result<Plan, ReportError> {
        let values = self.resolve(parameters, snapshot.time_range().map(|(_, newest)| newest))?;
        Ok(self.query.bind_with(snapshot.schema(), &values)?)
    }

    /// Runs the report. See [parameters](super#parameters) for what they may be.
    ///
    /// # Errors
    ///
    /// [`UnknownParameter`](ReportError::UnknownParameter),
    /// [`InvalidParameter`](ReportError::InvalidParameter), and whatever the
    /// query fails with.
    pub fn run(
        &self,
        snapshot: &Snapshot,
        parameters: &Parameters,
    ) -> Result<QueryResult, ReportError> {
        self.run_until(snapshot, parameters, &|| false)
    }

    /// Runs the report until it is done, or until `stop` says true; see
    /// [`Plan::run_until`].
    ///
    /// # Errors
    ///
    /// As [`run`](ReportDefinition::run), and
    /// [`Cancelled`](crate::QueryErrorKind::Cancelled).
    pub fn run_until(
        &self,
        snapshot: &Snapshot,
        parameters: &Parameters,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<QueryResult, ReportError> {
        let plan = self.plan(snapshot, parameters)?;
        self.labelled(plan.run_until(snapshot, stop)?)
    }

    /// What a run of the [plan](ReportDefinition::plan) gave, with the labels and units of the
    /// definition's columns: the last step of [`run`](ReportDefinition::run), for whoever runs the
    /// plan with limits of their own.
    ///
    /// # Errors
    ///
    /// [`MissingColumn`](ReportError::MissingColumn).
    pub fn labelled(&self, mut result: QueryResult) -> Result<QueryResult, ReportError> {
        for column in &self.columns {
            if result.column_index(&column.name).is_none() {
                let name = column.name.clone();
                return Err(ReportError::MissingColumn { name });
            }
            result = result.with_label(&column.name, &column.label);
            if let Some(unit) = &column.unit {
                result = result.with_unit(&column.name, Unit::new(unit));
            }
        }
        Ok(result)
    }

    /// Given values and defaults, read as what the query expects.
    fn resolve(
        &self,
        given: &Parameters,
        newest: Option<DateTime<Utc>>,
    ) -> Result<Parameters, ReportError> {
        for (name, _) in given.iter() {
            if !self.parameters.iter().any(|known| known.name == name) {
                return Err(ReportError::UnknownParameter {
                    name: name.to_owned(),
                    known: self
                        .parameters
                        .iter()
                        .map(|known| known.name.clone())
                        .collect(),
                });
            }
        }
        let mut values = Parameters::new();
        // Where a period begins, unless that is said, depends on where it ends.
        let mut end = newest;
        let ends_first = |definition: &&ParameterDefinition| {
            definition.data_type == ParameterType::Time && definition.day == DayPart::End
        };
        let (ends, others): (Vec<_>, Vec<_>) = self.parameters.iter().partition(ends_first);
        for definition in ends.into_iter().chain(others) {
            let text = definition.default.as_deref().map(Value::from);
            let read = match given.get(&definition.name) {
                // What somebody gives relative to the newest row means the newest row.
                Some(value) => definition.read(value, newest),
                None => text.map_or(Some(Value::Null), |text| definition.read(&text, end)),
            };
            let value = read.ok_or_else(|| ReportError::InvalidParameter {
                name: definition.name.clone(),
                expected: definition.expected(),
            })?;
            if let (true, Some(time)) = (ends_first(&definition), value.as_time()) {
                end = end.map(|end| end.min(time));
            }
            values.insert(definition.name.clone(), value);
        }
        Ok(values)
    }
}

/// Why a report did not run. Names of parameters and columns are shown, values are not.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The report has no parameter of this name.
    #[error("no parameter `{name}`; there are {}", .known.join(", "))]
    UnknownParameter {
        /// The name given.
        name: String,
        /// The names it has.
        known: Vec<String>,
    },
    /// A parameter's value, or its default, can't be read.
    #[error("parameter `{name}` must be {expected}")]
    InvalidParameter {
        /// The parameter.
        name: String,
        /// What would do.
        expected: String,
    },
    /// The definition names a column that its query does not give.
    #[error("the query gives no column `{name}`")]
    MissingColumn {
        /// The column.
        name: String,
    },
    /// The query can't be bound, or failed.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl fmt::Display for ReportDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.title)
    }
}

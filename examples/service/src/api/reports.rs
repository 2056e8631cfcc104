//! `GET /v1/reports` and `/v1/reports/{name}`.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use report_query::{Parameters, ReportDefinition};
use serde_json::{Value, json};

use super::run::{limits, report_problem, run};
use super::stream::{self, Format};
use super::{none_left, parameters, take};
use crate::app::App;
use crate::auth::Reader;
use crate::refuse::Problem;

/// The reports: the built-in ones, and those that people saved as definitions.
pub(super) async fn list(
    reader: Reader,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    none_left(&parameters(query.as_deref())?, "none")?;
    let builtin = ReportDefinition::builtins().iter().map(|report| {
        json!({
            "name": report.name,
            "title": report.title,
            "description": report.description,
            "parameters": report.parameters,
            "columns": report.columns,
        })
    });
    let saved = reader
        .tenant
        .saved
        .list("report")
        .into_iter()
        .filter_map(|item| {
            let report: ReportDefinition = serde_json::from_value(item.definition).ok()?;
            Some(json!({
                "name": item.id,
                "title": item.name,
                "description": report.description,
                "parameters": report.parameters,
                "columns": report.columns,
            }))
        });
    Ok(Json(
        json!({ "reports": builtin.chain(saved).collect::<Vec<_>>() }),
    ))
}

/// One report with its parameters, as JSON, CSV or NDJSON.
pub(super) async fn report(
    State(app): State<Arc<App>>,
    reader: Reader,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let report = find(&reader, &name)
        .ok_or_else(|| Problem::not_found("no such report; GET /v1/reports lists them"))?;
    let mut given = parameters(query.as_deref())?;
    let format = Format::of(take(&mut given, "format").as_deref())?;
    let values = given
        .into_iter()
        .fold(Parameters::new(), |values, (name, value)| {
            values.set(name, value)
        });
    let which = format!("{name} ({})", format.extension());
    let limits = limits(&app);
    let tenant = Arc::clone(&reader.tenant);
    let result = run(&app, move |stop| {
        reader.note("report", &which);
        let snapshot = reader.store().snapshot();
        // Errors of parameters first: the report itself says which it has.
        let plan = report
            .plan(&snapshot, &values)
            .map_err(|error| report_problem(&error))?;
        let ran = plan
            .with_limits(limits)
            .run_until(&snapshot, &|| stop.is_set());
        let result = ran.map_err(|error| super::run::query_problem(&error))?;
        report
            .labelled(result)
            .map_err(|error| report_problem(&error))
    });
    let result = result.await?;
    Ok(stream::result(
        result,
        format,
        &name,
        tenant.quarantine.total(),
    ))
}

fn find(reader: &Reader, name: &str) -> Option<Cow<'static, ReportDefinition>> {
    if let Some(report) = ReportDefinition::builtin(name) {
        return Some(Cow::Borrowed(report));
    }
    let item = reader.tenant.saved.get(name.parse().ok()?)?;
    let report = serde_json::from_value(item.definition).ok()?;
    (item.kind == "report").then_some(Cow::Owned(report))
}

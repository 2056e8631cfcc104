//! `GET /v1/activities/{id}`, who sends, and who read what.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use mim_events::activity::Activity;
use serde_json::{Value, json};
use uuid::Uuid;

use super::run::run;
use super::{none_left, parameters};
use crate::app::App;
use crate::auth::Reader;
use crate::refuse::Problem;

fn id(text: &str) -> Result<Uuid, Problem> {
    text.parse()
        .map_err(|_| Problem::bad_request("the id of an activity is a UUID"))
}

fn missing() -> Problem {
    Problem::not_found("no such activity is kept")
}

/// One activity, as the reader may see it.
pub(super) async fn activity(
    State(app): State<Arc<App>>,
    reader: Reader,
    Path(text): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Activity>, Problem> {
    none_left(&parameters(query.as_deref())?, "none")?;
    let id = id(&text)?;
    let found = run(&app, move |_| {
        reader.note("activity", &id.to_string());
        Ok(reader.store().activity(id))
    })
    .await?;
    found.map(Json).ok_or_else(missing)
}

/// The record of an activity, byte for byte as it was sent.
pub(super) async fn raw(
    State(app): State<Arc<App>>,
    reader: Reader,
    Path(text): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    none_left(&parameters(query.as_deref())?, "none")?;
    let id = id(&text)?;
    may_read_raw(&reader)?;
    let found = run(&app, move |_| {
        reader.note("raw document", &id.to_string());
        let activity = reader.store().activity(id).ok_or_else(missing)?;
        let found = reader.tenant.raw_record(&activity).map_err(|error| {
            tracing::error!(%error, "the journal can't be read");
            Problem::internal()
        })?;
        found.ok_or_else(|| Problem::not_found("the record is not in the journal any more"))
    });
    let mut response = (
        [(CONTENT_TYPE, "application/json")],
        Body::from(found.await?),
    )
        .into_response();
    super::stream::download(response.headers_mut(), &format!("{id}.json"));
    Ok(response)
}

/// Records hold names, so the right to see them is needed, too.
///
/// # Errors
/// 403.
pub(super) fn may_read_raw(reader: &Reader) -> Result<(), Problem> {
    match reader.rights.raw && reader.rights.persons {
        true => Ok(()),
        false => Err(Problem::forbidden(
            "this needs the rights `raw` and `persons`",
        )),
    }
}

/// Who sends, and where every record is.
pub(super) async fn agents(
    reader: Reader,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    none_left(&parameters(query.as_deref())?, "none")?;
    Ok(Json(json!({
        "agents": reader.tenant.agents(),
        "balance": reader.tenant.balance(),
    })))
}

/// Who read what, newest first.
pub(super) async fn readers(
    reader: Reader,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    none_left(&parameters(query.as_deref())?, "none")?;
    may_read_raw(&reader)?;
    Ok(Json(
        json!({ "readers": reader.tenant.audit.newest(1_000) }),
    ))
}

//! Microsoft Graph's `auditLogs/directoryAudits` over the hybrid log, for clients that exist.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::{ALLOW, CONTENT_TYPE, HOST, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use chrono::{SecondsFormat, Utc};
use mim_events::activity::Activity;
use mim_events::entra::to_directory_audit;
use report_query::activity::columns::{DOCUMENT, STATUS_RANK};
use report_query::{Page, Query, QueryErrorKind, count, desc, odata};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::run::{Stop, limits, run};
use crate::app::App;
use crate::auth::Reader;

/// The largest page, and what a page has unless something is said.
const MOST: u64 = 1_000;
const KIND: &str = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";
const CLIENT_ID: HeaderName = HeaderName::from_static("client-request-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const TYPE: &str = "microsoft.graph.directoryAudit";

/// An error as Graph words it.
struct Failure {
    status: StatusCode,
    code: &'static str,
    message: String,
    retry_after: Option<u64>,
}

impl Failure {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after: None,
        }
    }

    fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    fn missing() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "ResourceNotFound",
            "Resource not found.",
        )
    }
}

impl From<crate::refuse::Problem> for Failure {
    /// Of running the query: the time is over, or a limit is reached.
    fn from(problem: crate::refuse::Problem) -> Self {
        let status = problem.status();
        let code = match status {
            StatusCode::SERVICE_UNAVAILABLE => "ServiceNotAvailable",
            StatusCode::BAD_REQUEST => "BadRequest",
            _ => "InternalServerError",
        };
        let retry_after = problem.retry_after();
        let message = problem.detail().unwrap_or("The request failed.").to_owned();
        Self {
            retry_after,
            ..Self::new(status, code, message)
        }
    }
}

type Answer = Result<Value, Failure>;

/// `GET /auditLogs/directoryAudits`.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Path(names): Path<BTreeMap<String, String>>,
    request: Parts,
) -> Response {
    let answer = async {
        let reader = admit(&app, &names, &request)?;
        let options = Options::read(request.uri.query())?;
        let here = Here::of(&app, &request);
        let limits = limits(&app);
        run(&app, move |stop| {
            reader.note("report", "directoryAudits");
            Ok(options.page(&reader, &here, limits, stop))
        })
        .await?
    };
    respond(&request.headers, answer.await)
}

/// `GET /auditLogs/directoryAudits/{id}`.
pub(super) async fn one(
    State(app): State<Arc<App>>,
    Path(names): Path<BTreeMap<String, String>>,
    request: Parts,
) -> Response {
    let answer = async {
        let reader = admit(&app, &names, &request)?;
        let id = names.get("id").cloned().unwrap_or_default();
        let options = Options::read(request.uri.query())?;
        if !options.is_plain() {
            return Err(Failure::bad(
                "Only $select is supported for a single resource.",
            ));
        }
        let here = Here::of(&app, &request);
        run(&app, move |stop| {
            reader.note("activity", &id);
            Ok(find(&reader, &id, &options, &here, stop))
        })
        .await?
    };
    respond(&request.headers, answer.await)
}

/// Who reads, if the address, the method and the reader are right.
fn admit(app: &App, names: &BTreeMap<String, String>, request: &Parts) -> Result<Reader, Failure> {
    let is = |key: &str, name: &str| {
        names
            .get(key)
            .is_some_and(|found| found.eq_ignore_ascii_case(name))
    };
    let reader = app.reader(&request.headers).ok_or_else(|| {
        let message = "Access token is missing or not valid.";
        Failure::new(
            StatusCode::UNAUTHORIZED,
            "InvalidAuthenticationToken",
            message,
        )
    })?;
    if !is("audit_logs", "auditLogs") || !is("directory_audits", "directoryAudits") {
        return Err(Failure::missing());
    }
    if !matches!(request.method, Method::GET | Method::HEAD) {
        let message = "Only GET is supported: the log is read-only.";
        return Err(Failure::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "BadRequest",
            message,
        ));
    }
    if !reader.tenant.is_ready() {
        let mut failure = Failure::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "ServiceNotAvailable",
            "The service is starting.",
        );
        failure.retry_after = Some(5);
        return Err(failure);
    }
    Ok(reader)
}

/// The address that was asked for, as links repeat it.
struct Here {
    origin: String,
    path: String,
    is_beta: bool,
}

impl Here {
    fn of(app: &App, request: &Parts) -> Self {
        let path = request.uri.path().to_owned();
        Self {
            origin: origin(app, &request.headers, &request.uri),
            is_beta: path.starts_with("/beta/"),
            path,
        }
    }

    fn context(&self, what: &str) -> String {
        let version = if self.is_beta { "beta" } else { "v1.0" };
        format!(
            "{}/{version}/$metadata#auditLogs/directoryAudits{what}",
            self.origin
        )
    }
}

/// Clients compare a link's host with the one they asked.
fn origin(app: &App, headers: &HeaderMap, uri: &Uri) -> String {
    if let Some(url) = &app.config.public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let scheme = if app.config.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| uri.authority().map(|authority| authority.as_str()));
    format!("{scheme}://{}", host.unwrap_or("localhost"))
}

/// The query options.
#[derive(Default)]
struct Options {
    filter: Option<String>,
    order: odata::Order,
    top: Option<u64>,
    token: Option<String>,
    select: Option<Vec<String>>,
    count: bool,
    /// As they came, for the next page's link.
    repeated: Vec<(String, String)>,
}

const PROPERTIES: [&str; 12] = [
    "id",
    "category",
    "correlationId",
    "result",
    "resultReason",
    "activityDisplayName",
    "activityDateTime",
    "loggedByService",
    "operationType",
    "initiatedBy",
    "targetResources",
    "additionalDetails",
];

impl Options {
    fn read(query: Option<&str>) -> Result<Self, Failure> {
        let mut options = Self::default();
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            // Graph takes them without the dollar sign, too.
            let plain = name.trim_start_matches('$').to_ascii_lowercase();
            if seen.contains(&plain) {
                return Err(Failure::bad(format!(
                    "Query option '${plain}' was specified more than once."
                )));
            }
            let value = value.into_owned();
            match plain.as_str() {
                "filter" => options.filter = Some(value.clone()),
                "orderby" => {
                    let order = odata::order_by(&value);
                    options.order = order.map_err(|error| {
                        Failure::bad(format!("Invalid $orderby clause: {error}"))
                    })?;
                }
                "top" => options.top = Some(top(&value)?),
                "skiptoken" => options.token = Some(value.clone()),
                "select" => options.select = Some(select(&value)?),
                "count" => {
                    options.count = match value.to_ascii_lowercase().as_str() {
                        "true" => true,
                        "false" => false,
                        _ => {
                            return Err(Failure::bad("Invalid value for '$count': true or false."));
                        }
                    }
                }
                "format" if value.to_ascii_lowercase().contains("json") => {}
                "skip" | "expand" | "search" | "apply" | "compute" | "format" | "deltatoken" => {
                    return Err(Failure::bad(format!(
                        "Query option '${plain}' is not supported."
                    )));
                }
                _ => return Err(Failure::bad("An unknown query option was specified.")),
            }
            if plain != "skiptoken" {
                options.repeated.push((format!("${plain}"), value));
            }
            seen.push(plain);
        }
        Ok(options)
    }

    fn is_plain(&self) -> bool {
        self.repeated
            .iter()
            .all(|(name, _)| name == "$select" || name == "$format")
            && self.token.is_none()
    }

    fn page(
        &self,
        reader: &Reader,
        here: &Here,
        limits: report_query::Limits,
        stop: &Stop,
    ) -> Answer {
        let snapshot = reader.store().snapshot();
        let rows = match &self.filter {
            Some(text) => {
                let filter = odata::filter(text);
                let filter = filter
                    .map_err(|error| Failure::bad(format!("Invalid filter clause: {error}")))?;
                Query::new().filter(filter)
            }
            None => Query::new(),
        };
        let size = self.top.unwrap_or(MOST);
        let mut page = Page::new(size).by(self.order.keys());
        if let Some(token) = &self.token {
            page = page.after(token);
        }
        let run = |query: Query| {
            let plan = query.bind(snapshot.schema())?;
            plan.with_limits(limits)
                .run_until(&snapshot, &|| stop.is_set())
        };
        let result =
            run(rows.clone().page(page).select([DOCUMENT])).map_err(|error| {
                match error.kind() {
                    QueryErrorKind::PageToken { .. } => {
                        let message = "Invalid Skip Token: it is not of this query.";
                        Failure::new(StatusCode::BAD_REQUEST, "UnknownError", message)
                    }
                    QueryErrorKind::LimitExceeded { .. } => Failure::bad(error.to_string()),
                    _ => Failure::bad(format!("Invalid filter clause: {}", error.kind())),
                }
            })?;
        let mut body = Map::new();
        body.insert("@odata.context".to_owned(), here.context("").into());
        if self.count {
            let counted = run(rows.aggregate([count().alias("count")]));
            let counted = counted.map_err(|error| Failure::bad(error.to_string()))?;
            let total = counted
                .value(0, "count")
                .and_then(report_query::Value::as_int);
            body.insert("@odata.count".to_owned(), total.into());
        }
        if let Some(token) = result.next_page() {
            let mut link = form_urlencoded::Serializer::new(String::new());
            for (name, value) in &self.repeated {
                link.append_pair(name, value);
            }
            let query = link.append_pair("$skiptoken", token).finish();
            let link = format!("{}{}?{query}", here.origin, here.path);
            body.insert("@odata.nextLink".to_owned(), link.into());
        }
        let documents = result.rows().filter_map(|row| row.first()?.as_text());
        let audits = documents
            .map(|text| self.audit(text, here).map(Value::Object))
            .collect::<Result<Vec<_>, _>>()?;
        body.insert("value".to_owned(), audits.into());
        Ok(Value::Object(body))
    }

    /// A document of the store as Graph's object, with what is selected of it.
    fn audit(&self, document: &str, here: &Here) -> Result<Map<String, Value>, Failure> {
        let failed = || {
            let message = "The activity can't be shown.";
            Failure::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalServerError",
                message,
            )
        };
        let activity: Activity = serde_json::from_str(document).map_err(|_| failed())?;
        let audit = serde_json::to_value(to_directory_audit(&activity));
        let Ok(Value::Object(mut audit)) = audit else {
            return Err(failed());
        };
        if here.is_beta {
            audit.insert("userAgent".to_owned(), Value::Null);
        }
        if let Some(select) = &self.select {
            audit.retain(|name, _| select.contains(name));
        }
        Ok(audit)
    }
}

fn top(text: &str) -> Result<u64, Failure> {
    let number: Option<u64> = text.trim().parse().ok().filter(|number| *number > 0);
    let invalid = || Failure::bad("Invalid value for '$top': it must be a positive number.");
    Ok(number.ok_or_else(invalid)?.min(MOST))
}

fn select(text: &str) -> Result<Vec<String>, Failure> {
    text.split(',')
        .map(|name| {
            let name = name.trim();
            let known = PROPERTIES
                .iter()
                .find(|known| known.eq_ignore_ascii_case(name));
            let unknown = || {
                let name = name.escape_debug();
                Failure::bad(format!(
                    "Could not find a property named '{name}' on type '{TYPE}'."
                ))
            };
            known.map(|known| (*known).to_owned()).ok_or_else(unknown)
        })
        .collect()
}

/// The latest row of an id.
fn find(reader: &Reader, id: &str, options: &Options, here: &Here, stop: &Stop) -> Answer {
    let query = Query::new()
        .filter(odata::id(id))
        .sort([desc(STATUS_RANK)])
        .limit(1)
        .select([DOCUMENT]);
    let snapshot = reader.store().snapshot();
    let plan = query.bind(snapshot.schema());
    let result = plan.and_then(|plan| plan.run_until(&snapshot, &|| stop.is_set()));
    let result = result.map_err(|error| Failure::bad(error.to_string()))?;
    let document = result.rows().next().and_then(|row| row.first()?.as_text());
    let audit = options.audit(document.ok_or_else(Failure::missing)?, here)?;
    let mut body = Map::new();
    body.insert("@odata.context".to_owned(), here.context("/$entity").into());
    body.extend(audit);
    Ok(Value::Object(body))
}

fn respond(headers: &HeaderMap, answer: Answer) -> Response {
    let id = Uuid::new_v4();
    // Echoed only if it is what clients make: anything else could be a header of somebody's own.
    let client = headers
        .get(CLIENT_ID)
        .and_then(|value| value.to_str().ok()?.parse::<Uuid>().ok());
    let client = client.unwrap_or(id);
    let (status, retry_after, body) = match answer {
        Ok(body) => (StatusCode::OK, None, body),
        Err(failure) => {
            let date = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
            let error = json!({"error": {
                "code": failure.code,
                "message": failure.message,
                "innerError": {
                    "date": date.trim_end_matches('Z'),
                    "request-id": id,
                    "client-request-id": client,
                },
            }});
            (failure.status, failure.retry_after, error)
        }
    };
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(KIND));
    headers.insert(
        HeaderName::from_static("odata-version"),
        HeaderValue::from_static("4.0"),
    );
    for (name, id) in [(REQUEST_ID, id), (CLIENT_ID, client)] {
        if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
            headers.insert(name, value);
        }
    }
    if let Some(seconds) = retry_after {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

//! The API: reports, queries, activities, the quarantine, and Microsoft Graph's audit log.

mod activities;
mod graph;
mod quarantine;
mod query;
mod reports;
mod run;
mod stream;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get, post};

use crate::app::App;
use crate::refuse::{Problem, Refusal};
use crate::{ingest, metrics};

/// The description of the API, which a test compares with [`ROUTES`].
pub const OPENAPI: &str = include_str!("openapi.json");
/// The largest query.
const QUERY_BYTES: usize = 256 << 10;

type Methods = fn() -> MethodRouter<Arc<App>>;

/// Every address of the API: its method, its path, and what answers.
pub const ROUTES: [(&str, &str, Methods); 19] = [
    ("get", "/healthz", || get(|| async { "ok\n" })),
    ("get", "/readyz", || get(ready)),
    ("get", "/metrics", || get(metrics_text)),
    ("post", "/v1/batches", || {
        post(ingest::batches).layer(DefaultBodyLimit::disable())
    }),
    ("get", "/v1/limits", || get(ingest::limits)),
    ("get", "/v1/openapi.json", || get(openapi)),
    ("get", "/v1/reports", || get(reports::list)),
    ("get", "/v1/reports/{name}", || get(reports::report)),
    ("post", "/v1/query", || {
        post(query::query).layer(DefaultBodyLimit::max(QUERY_BYTES))
    }),
    ("get", "/v1/activities/{id}", || get(activities::activity)),
    ("get", "/v1/activities/{id}/raw", || get(activities::raw)),
    ("get", "/v1/quarantine", || get(quarantine::list)),
    ("get", "/v1/quarantine/raw", || get(quarantine::download)),
    ("get", "/v1/agents", || get(activities::agents)),
    ("get", "/v1/readers", || get(activities::readers)),
    // Their names are compared without regard to case, as Graph does.
    ("get", "/v1.0/{audit_logs}/{directory_audits}", || {
        any(graph::list)
    }),
    ("get", "/v1.0/{audit_logs}/{directory_audits}/{id}", || {
        any(graph::one)
    }),
    ("get", "/beta/{audit_logs}/{directory_audits}", || {
        any(graph::list)
    }),
    ("get", "/beta/{audit_logs}/{directory_audits}/{id}", || {
        any(graph::one)
    }),
];

/// All of them.
pub fn routes() -> Router<Arc<App>> {
    let router = ROUTES
        .into_iter()
        .fold(Router::new(), |router, (_, path, methods)| {
            router.route(path, methods())
        });
    router.method_not_allowed_fallback(|| async {
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed")
    })
}

async fn ready(State(app): State<Arc<App>>) -> Response {
    let is_full = app
        .tenants
        .iter()
        .any(|tenant| tenant.journal.disk_is_full());
    match app.is_ready() {
        // Readers are still answered, so nobody should send them elsewhere.
        true if is_full => {
            "ready for readers; the disk is full, batches are refused\n".into_response()
        }
        true => "ready\n".into_response(),
        false => Problem::unavailable("the journal is being read", 5).into_response(),
    }
}

/// Open by configuration, or for any reader; also while the journal is read.
async fn metrics_text(State(app): State<Arc<App>>, headers: HeaderMap, uri: Uri) -> Response {
    if !app.config.open_metrics && app.reader(&headers).is_none() {
        return Refusal::sign_in(&uri).into_response();
    }
    // They wait for whoever writes to the journals.
    match tokio::task::spawn_blocking(move || metrics::text(&app)).await {
        Ok(text) => ([(CONTENT_TYPE, metrics::TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics failed");
            Problem::internal().into_response()
        }
    }
}

async fn openapi() -> Response {
    ([(CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

/// A query string's parameters, each of which may be there once.
///
/// # Errors
/// 400, with the name.
fn parameters(query: Option<&str>) -> Result<Vec<(String, String)>, Problem> {
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut found: Vec<(String, String)> = Vec::new();
    for (name, value) in pairs.into_owned() {
        if found.iter().any(|(known, _)| *known == name) {
            let name = name.escape_debug();
            return Err(Problem::bad_request(format!(
                "parameter `{name}` is there twice"
            )));
        }
        found.push((name, value));
    }
    Ok(found)
}

/// Refuses parameters that are left.
///
/// # Errors
/// 400, with the first one's name.
fn none_left(parameters: &[(String, String)], known: &str) -> Result<(), Problem> {
    match parameters.first() {
        None => Ok(()),
        Some((name, _)) => Err(Problem::bad_request(format!(
            "no parameter `{}`; there are: {known}",
            name.escape_debug()
        ))),
    }
}

/// Takes a parameter out.
fn take(parameters: &mut Vec<(String, String)>, name: &str) -> Option<String> {
    let at = parameters.iter().position(|(known, _)| known == name)?;
    Some(parameters.swap_remove(at).1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_description_has_every_route_and_no_other() -> anyhow::Result<()> {
        let document: serde_json::Value = serde_json::from_str(OPENAPI)?;
        let paths = document["paths"]
            .as_object()
            .ok_or_else(|| anyhow::anyhow!("no paths"))?;
        let described: BTreeSet<(String, String)> = paths
            .iter()
            .flat_map(|(path, item)| {
                let methods = item
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(method, _)| method.clone());
                methods
                    .filter(|method| method != "parameters")
                    .map(move |method| (method, path.clone()))
            })
            .collect();
        let named = |path: &str| {
            path.replace(
                "{audit_logs}/{directory_audits}",
                "auditLogs/directoryAudits",
            )
        };
        let routed = ROUTES
            .iter()
            .map(|(method, path, _)| ((*method).to_owned(), named(path)));
        assert_eq!(described, routed.collect());
        Ok(())
    }

    #[test]
    fn parameters_are_there_once() {
        assert!(parameters(Some("a=1&b=2&a=1")).is_err());
        let mut found = parameters(Some("a=x+y%26&b=")).unwrap_or_default();
        assert_eq!(take(&mut found, "a").as_deref(), Some("x y&"));
        assert!(none_left(&found, "a").is_err());
    }
}

//! Connections: listening, routes, stopping.

use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use crate::app::App;
use crate::guard::guard;
use crate::{metrics, portal};

/// Everything that is answered.
pub fn routes(app: &Arc<App>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route(
            "/metrics",
            get(|State(app): State<Arc<App>>| async move { metrics::text(&app) }),
        )
        .merge(portal::routes())
        .layer(middleware::from_fn_with_state(Arc::clone(app), guard))
        .with_state(Arc::clone(app))
}

async fn ready(State(app): State<Arc<App>>) -> Response {
    match app.is_ready() {
        true => "ready\n".into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, "starting\n").into_response(),
    }
}

/// Serves until the program is told to stop.
///
/// # Errors
/// The address can't be listened at.
pub async fn serve(app: Arc<App>, listener: TcpListener) -> Result<()> {
    let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    axum::serve(listener, routes(&app))
        .with_graceful_shutdown(stop)
        .await
        .context("serving")
}

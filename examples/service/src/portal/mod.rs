//! The portal's pages. None yet.

use std::sync::Arc;

use axum::Router;

use crate::app::App;

/// All addresses of the portal.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
}

//! The portal: pages for readers, drawn here, of use without a script.
//!
//! Every state is an address, every control a link or a form that makes one. The way of a
//! page: `params` (names and values) -> `filter`, `view` (what they mean) -> a `Query` ->
//! `log` and its sisters (what is drawn) -> `layout` (the frame). Whatever comes from a
//! record passes `text` on its way out.

mod activity;
mod assets;
mod builder;
mod chart;
mod columns;
mod context;
mod custom;
mod export;
mod facets;
mod failure;
mod field;
mod filter;
mod layout;
mod log;
mod numbers;
mod overview;
mod params;
mod period;
mod person;
mod preferences;
mod question;
mod reports;
mod rows;
mod signin;
mod system;
mod tables;
mod text;
mod time;
mod view;
mod views;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use maud::html;

use crate::app::App;

/// All addresses of the portal.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(overview::show))
        .route("/log", get(log::show))
        .route("/log/count", get(log::new_rows))
        .route("/log/{id}", get(activity::show))
        .route("/log/{id}/raw", get(activity::raw))
        .route("/log/{id}/graph", get(activity::graph))
        .route("/people", get(person::list))
        .route("/people/{key}", get(person::show))
        .route("/views", get(views::list).post(views::save))
        .route("/views/{id}/delete", post(views::delete))
        .route("/v/{id}", get(views::open))
        .route("/reports", get(reports::list))
        .route("/reports/new", get(builder::show))
        .route("/reports/definition", get(builder::definition))
        .route("/reports/custom", post(builder::save))
        .route("/reports/custom/{id}", get(reports::show_saved))
        .route("/reports/custom/{id}/delete", post(builder::delete))
        .route(
            "/reports/custom/{id}/definition",
            get(builder::saved_definition),
        )
        .route("/reports/{name}", get(reports::show))
        .route("/system", get(system::show))
        .route("/system/quarantine", get(system::quarantine))
        .route("/system/readers", get(system::readers))
        .route("/signin", get(signin::show).post(signin::sign_in))
        .route("/signout", post(signin::sign_out))
        .route(
            "/preferences",
            get(preferences::show).post(preferences::save),
        )
        .route("/keys", get(preferences::keys))
        .route("/assets/{name}", get(assets::serve))
}

/// The page for an address at which nothing is, for whoever asks.
pub fn nothing() -> String {
    let body = layout::message(
        "find",
        "Nothing is at this address",
        html! { p.row { a.btn href="/" { "To the overview" } } },
    );
    layout::plain("Not found", body).into_string()
}

/// The page while the journals are read.
pub fn starting() -> String {
    let body = layout::message(
        "clock",
        "Starting",
        html! { p { "The service reads its journal. This page loads again by itself." } },
    );
    layout::plain("Starting", body).into_string()
}

//! Saved views: a name for an address of the log.

use axum::extract::{Path, RawForm};
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;
use uuid::Uuid;

use super::context::Context;
use super::failure::Failure;
use super::layout::{Place, said};
use super::params::Pairs;
use super::signin::pairs;
use super::text;
use super::view::View;

/// The kind of a saved view.
pub const KIND: &str = "view";
/// Characters of a name.
pub const LONGEST_NAME: usize = 80;

/// A name that somebody gave: not empty, not long.
pub fn name(pairs: &Pairs) -> Result<String, Failure> {
    let name = pairs.get("name").unwrap_or_default().trim().to_owned();
    if name.is_empty() {
        return Err(Failure::Refused("It needs a name.".to_owned()));
    }
    if name.chars().count() > LONGEST_NAME {
        return Err(Failure::Refused(format!(
            "The name is longer than {LONGEST_NAME} characters."
        )));
    }
    Ok(name)
}

pub async fn save(context: Context, RawForm(body): RawForm) -> Response {
    match keep(&context, &pairs(&body)) {
        Ok(id) => Redirect::to(&format!("/v/{id}")).into_response(),
        Err(failure) => failure.page(&context),
    }
}

fn keep(context: &Context, form: &Pairs) -> Result<Uuid, Failure> {
    form.only(&["name", "query"])?;
    let asked = Pairs::parse(form.get("query").unwrap_or_default());
    let clock = View::clock(&asked, context.clock)?;
    // What can't be shown is not kept.
    let view = View::read(&asked, &clock)?.saved();
    let definition = serde_json::json!({ "query": view.pairs().encode() });
    let (reader, names) = (&context.reader, context.keeps_names(&view.filter));
    let saved = &reader.tenant.saved;
    let id = saved
        .add(KIND, &name(form)?, &reader.name, names, definition)
        .map_err(refused)?;
    reader.note("saved view", &id.to_string());
    Ok(id)
}

/// What the disk or the store of definitions says.
pub fn refused(error: std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::InvalidInput {
        Failure::Refused(format!("{error}."))
    } else {
        Failure::internal("a definition can't be written")
    }
}

/// The view's own address.
pub async fn open(Path(id): Path<String>, context: Context) -> Response {
    let found = context.saved_item(&id, KIND);
    let query = found
        .as_ref()
        .and_then(|item| item.definition.get("query")?.as_str());
    match query {
        // Read before it is gone to: the file may be of another version, or of somebody's hand.
        Some(query) => Redirect::to(&Pairs::parse(query).link("/log")).into_response(),
        None => Failure::NotFound.page(&context),
    }
}

pub async fn list(context: Context) -> Response {
    context.answer(draw).await
}

fn draw(context: &Context) -> Result<Response, Failure> {
    context.only(&[])?;
    let views = context.saved(KIND);
    let body = html! {
        p.crumb { a href="/log" { "Audit log" } span { "/" } span { "Saved views" } }
        div.head { h1 { "Saved views" } p.lead { "Everybody who reads this tenant sees them; those that may name people, whoever may see names. The address of a view may be passed on." } }
        @if views.is_empty() {
            (said("save", "Nothing saved yet", html! { p { "Filter the log, then open " b { "Saved views" } " there." } }))
        } @else {
            section.card {
                div.scroll tabindex="0" role="region" aria-label="Saved views, may be scrolled sideways" {
                    table.t {
                        thead { tr { th scope="col" { "Name" } th scope="col" { "Saved by" } th scope="col" { "Saved at" } th scope="col" { span.vh { "Delete" } } } }
                        tbody {
                            @for view in &views {
                                tr {
                                    td.act { a href={ "/v/" (view.id) } { (text::value(&view.name)) } }
                                    td { (text::value(&view.by)) }
                                    td.nowrap { (context.clock.exact(view.at)) }
                                    td {
                                        form method="post" action={ "/views/" (view.id) "/delete" } {
                                            button.btn.ghost type="submit" { "Delete" span.vh { " " (text::value(&view.name)) } }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(context.page(Place::Log, "Saved views", body))
}

pub async fn delete(context: Context, Path(id): Path<String>) -> Response {
    let removed = remove(&context, &id, KIND, "deleted view");
    removed.map_or_else(
        |failure| failure.page(&context),
        |()| Redirect::to("/views").into_response(),
    )
}

/// Deletes what is saved of a kind, and notes it.
pub fn remove(context: &Context, id: &str, kind: &str, what: &'static str) -> Result<(), Failure> {
    let item = context.saved_item(id, kind).ok_or(Failure::NotFound)?;
    let deleted = context.reader.tenant.saved.delete(item.id);
    deleted.map_err(refused)?;
    context.reader.note(what, &item.id.to_string());
    Ok(())
}

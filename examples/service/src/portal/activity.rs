//! One activity: a sentence, what changed, what belongs to it, and the record itself.

mod facts;
mod related;

use axum::body::Bytes;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use mim_events::activity::{Activity, Actor, ActorKind, Change, ChangeMode, Source, Target};
use report_query::activity::columns as c;
use report_query::{Query, asc, desc};
use uuid::Uuid;

use super::context::{Context, Row};
use super::failure::Failure;
use super::field::{Field, Op};
use super::layout::{Place, menu, result, source};
use super::log::link;
use super::params::{BadParameter, Pairs};
use super::period::Period;
use super::person::key_of;
use super::rows::{needed, targets};
use super::text;
use super::time::utc;
use super::view::View;

/// Related activities that are listed; more are counted.
const MOST_RELATED: u64 = 200;

pub async fn show(context: Context) -> Response {
    context.answer(draw).await
}

pub async fn raw(context: Context) -> Response {
    context.answer(|context| file(context, "raw")).await
}

pub async fn graph(context: Context) -> Response {
    context.answer(|context| file(context, "graph")).await
}

/// The activity that the path names.
fn find(context: &Context) -> Result<Activity, Failure> {
    let id = context
        .path
        .split('/')
        .nth(2)
        .and_then(|id| id.parse::<Uuid>().ok())
        .ok_or(Failure::NotFound)?;
    context.reader.store().activity(id).ok_or(Failure::NotFound)
}

fn file(context: &Context, form: &'static str) -> Result<Response, Failure> {
    context.only(&[])?;
    if form == "raw" {
        may_read_raw(context)?;
    }
    let activity = find(context)?;
    let json = if form == "raw" {
        context
            .reader
            .note("raw document", &activity.id.to_string());
        let record = record(context, &activity)?;
        record.ok_or(Failure::NotFound)?.to_vec()
    } else {
        serde_json::to_vec_pretty(&mim_events::entra::to_directory_audit(&activity))
            .map_err(|_| Failure::internal("an activity has no JSON form"))?
    };
    let disposition = format!(
        "attachment; filename=\"activity-{}-{form}.json\"",
        activity.id
    );
    let disposition =
        HeaderValue::from_str(&disposition).map_err(|_| Failure::internal("a file has no name"))?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CONTENT_DISPOSITION, disposition),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox")),
    ];
    Ok((headers, json).into_response())
}

/// The right that is missing to see records as they came: they hold names.
fn missing_right(context: &Context) -> Option<&'static str> {
    let rights = context.reader.rights;
    let needed = [(rights.raw, "raw"), (rights.persons, "persons")];
    needed
        .into_iter()
        .find(|(has, _)| !has)
        .map(|(_, right)| right)
}

fn may_read_raw(context: &Context) -> Result<(), Failure> {
    missing_right(context).map_or(Ok(()), |right| {
        Err(Failure::Forbidden {
            what: "Raw documents",
            right,
        })
    })
}

/// The record byte for byte as it came, unless the journal has let it go already.
fn record(context: &Context, activity: &Activity) -> Result<Option<Bytes>, Failure> {
    let record = context.reader.tenant.raw_record(activity);
    record.map_err(|_| Failure::internal("a record can't be read back"))
}

/// The record for the page: in lines, where it is JSON.
fn document(context: &Context, activity: &Activity) -> Result<String, Failure> {
    let Some(record) = record(context, activity)? else {
        return Ok("The record is not in the journal any more.".to_owned());
    };
    let value = serde_json::from_slice::<serde_json::Value>(&record);
    let text = value.and_then(|value| serde_json::to_string_pretty(&value));
    Ok(text.unwrap_or_else(|_| String::from_utf8_lossy(&record).into_owned()))
}

/// What the title says. It ends in histories of browsers, and a request that no rule knows
/// is called by its own title, which names people.
fn title(activity: &Activity) -> String {
    if activity.source == Source::IdentityManager && activity.kind.as_str() == "other" {
        return "An activity · Audit log".to_owned();
    }
    format!("{} · Audit log", text::plain(&activity.name))
}

fn draw(context: &Context) -> Result<Response, Failure> {
    context.only(&["back", "document"])?;
    let shown = match context.pairs.single("document")? {
        None => false,
        Some("1") => true,
        Some(_) => return Err(BadParameter::new("document", "must be 1").into()),
    };
    if shown {
        may_read_raw(context)?;
    }
    let activity = find(context)?;
    context.reader.note("activity", &activity.id.to_string());
    // The journal is read when somebody asks for it.
    let document = shown.then(|| {
        context
            .reader
            .note("raw document", &activity.id.to_string());
        document(context, &activity)
    });
    let page = Page {
        context,
        activity: &activity,
    };
    let body = html! {
        p.crumb {
            a href=(page.back()?) { "Audit log" } span aria-hidden="true" { "/" }
            span { (text::value(&activity.name)) }
        }
        div.head {
            h1 { (text::value(&activity.name)) }
            (result(activity.result.as_str()))
            (source(activity.source.as_str()))
            div.acts { (page.neighbours()?) (page.more()) }
        }
        div.two {
            div.stack {
                section.card { div.body { p.sentence { (page.sentence()) } } }
                (page.changes())
                (page.methods())
                (page.details())
                (page.related()?)
                (page.raw(document.transpose()?.as_deref()))
            }
            div.stack { (page.timeline()) (page.facts()) }
        }
    };
    Ok(context.page(Place::Log, &title(&activity), body))
}

struct Page<'a> {
    context: &'a Context,
    activity: &'a Activity,
}

/// A name that leads to the person's page, where it is one.
pub fn actor(context: &Context, actor: &Actor) -> Markup {
    let name = actor
        .name
        .as_deref()
        .filter(|name| !name.is_empty())
        .unwrap_or(actor.text());
    if name.is_empty() {
        return html! { "an unknown actor" };
    }
    let key = match actor.kind {
        ActorKind::User => key_of(
            context,
            [&actor.id, &actor.upn, &actor.account, &actor.name],
        ),
        _ => None,
    };
    html! {
        @match key {
            Some(key) => a href=(context.keeping_zone(&format!("/people/{key}"))) { (text::value(name)) },
            None => (text::value(name)),
        }
    }
}

impl Page<'_> {
    fn target(&self, target: &Target) -> Markup {
        let key = if target.object_type.eq_ignore_ascii_case("user") {
            key_of(
                self.context,
                [&target.id, &target.upn, &target.account, &target.name],
            )
        } else {
            None
        };
        html! {
            @match (key, &target.id) {
                (Some(key), _) => a href=(self.context.keeping_zone(&format!("/people/{key}"))) { (text::value(target.text())) },
                (None, Some(id)) => a href=(link(Period::default(), &[(Field::Target, Op::Is, id)], self.context.tz())) { (text::value(target.text())) },
                _ => (text::value(target.text())),
            }
        }
    }

    fn shown(&self) -> impl Iterator<Item = &Target> {
        let zero = "00000000-0000-0000-0000-000000000000";
        self.activity
            .targets
            .iter()
            .filter(move |target| !target.text().is_empty() && target.text() != zero)
    }

    fn back(&self) -> Result<String, Failure> {
        let Some(back) = self.context.pairs.single("back")? else {
            return Ok(self.context.keeping_zone("/log"));
        };
        Ok(Pairs::parse(back).link("/log"))
    }

    fn more(&self) -> Markup {
        let id = self.activity.id;
        menu(
            html! { "More" },
            html! {
                @match missing_right(self.context) {
                    None => a href={ "/log/" (id) "/raw" } { "Download the document" },
                    Some(right) => p.hint { "Raw documents need the right " code { (right) } "." },
                }
                a href={ "/log/" (id) "/graph" } { "Download as Graph directoryAudit" }
                button.item.copy type="button" hidden data-link="" data-copy={ "/log/" (id) } { "Copy the link" }
            },
        )
    }

    fn sentence(&self) -> Markup {
        let activity = self.activity;
        let shown: Vec<&Target> = self.shown().collect();
        let clock = &self.context.clock;
        let outcome = match activity.result.as_str() {
            "success" => "It succeeded",
            "failure" => "It failed",
            "denied" => "It was denied",
            "pending" => "It waits for an approval",
            "canceled" => "It was canceled",
            "expired" => "It expired before anybody decided",
            _ => "How it ended is not known",
        };
        html! {
            "On " (clock.exact(activity.time)) " " (actor(self.context, &activity.actor)) " did "
            b { (text::value(&activity.name)) }
            @for (index, target) in shown.iter().enumerate() {
                @if index == 0 { ": " } @else if index + 1 == shown.len() { " and " } @else { ", " }
                @if !target.object_type.is_empty() { (text::value(&target.object_type.to_lowercase())) " " }
                b { (self.target(target)) }
            }
            ". " (outcome)
            @if let Some(reason) = activity.reason.as_deref().filter(|reason| !reason.is_empty()) { ": " (text::long(reason)) }
            @if !activity.reason.as_deref().unwrap_or_default().ends_with(['.', '!', '?']) { "." }
            @if let Some(words) = &activity.justification { " Justification given: “" (text::long(words)) "”." }
        }
    }

    fn changes(&self) -> Markup {
        let activity = self.activity;
        if activity.changes.is_empty() {
            return html! {};
        }
        let many = activity.changes.iter().any(|change| change.target != 0);
        html! {
            section.card aria-labelledby="s-chg" {
                header { h2 #s-chg { "What changed" } }
                div.body {
                    table.diff {
                        thead { tr { th scope="col" { "Property" } th scope="col" { "Before" } th scope="col" { "After" } } }
                        tbody {
                            @for change in &activity.changes {
                                tr {
                                    th scope="row" {
                                        (text::value(&change.property))
                                        @if let (true, Some(target)) = (many, activity.targets.get(change.target as usize)) {
                                            span.sub { (text::value(target.text())) }
                                        }
                                    }
                                    td { (before(change, !self.context.reader.rights.persons)) }
                                    td { (after(change, !self.context.reader.rights.persons)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    fn methods(&self) -> Markup {
        if self.activity.methods.is_empty() {
            return html! {};
        }
        html! {
            section.card aria-labelledby="s-met" {
                header { h2 #s-met { "Methods" } }
                div.body { p.row { @for method in &self.activity.methods { span.badge { (text::value(method)) } } } }
            }
        }
    }

    fn details(&self) -> Markup {
        if self.activity.details.is_empty() {
            return html! {};
        }
        html! {
            section.card aria-labelledby="s-det" {
                header { h2 #s-det { "Details" } }
                div.body {
                    dl.defs { @for detail in &self.activity.details { dt { (text::value(&detail.key)) } dd { (text::long(&detail.value)) } } }
                }
            }
        }
    }
}

fn none(words: &str) -> Markup {
    html! { span.none { (words) } }
}

/// What was before: a value, nothing, or not known; the three differ.
fn before(change: &Change, masked: bool) -> Markup {
    match (&change.old, change.mode) {
        (Some(old), _) if old.is_empty() => none("empty"),
        (Some(old), _) => html! { del { (text::long(old)) } },
        (None, _) if masked => none("not shown without the right to see names"),
        (None, Some(ChangeMode::Add)) => none("nothing"),
        (None, _) => none("unknown: the event has no old value"),
    }
}

fn after(change: &Change, masked: bool) -> Markup {
    match (&change.new, change.mode) {
        (Some(new), _) if new.is_empty() => none("empty"),
        (Some(new), _) => html! { ins { (text::long(new)) } },
        (None, _) if masked => none("not shown without the right to see names"),
        (None, Some(ChangeMode::Remove)) => none("removed"),
        (None, Some(ChangeMode::Set)) => none("empty"),
        (None, _) => none("unknown: the event has no new value"),
    }
}

#[cfg(test)]
mod tests {
    use mim_events::activity::Kind;

    use super::*;

    #[test]
    fn a_request_that_no_rule_knows_is_not_named_in_the_title() {
        let mut activity = Activity::new(
            uuid::Uuid::nil(),
            DateTime::UNIX_EPOCH,
            Source::IdentityManager,
            Kind::new("other"),
            "Create Person: 'Dana'",
        );
        assert_eq!(title(&activity), "An activity · Audit log");
        activity.kind = Kind::new("user.create");
        assert_eq!(title(&activity), "Create Person: 'Dana' · Audit log");
    }

    #[test]
    fn empty_and_unknown_differ() {
        let mut change = Change::default();
        assert!(before(&change, false).into_string().contains("unknown"));
        change.old = Some(String::new());
        assert!(before(&change, false).into_string().contains(">empty<"));
        change.mode = Some(ChangeMode::Add);
        change.old = None;
        assert!(before(&change, false).into_string().contains("nothing"));
        assert!(before(&change, true).into_string().contains("not shown"));
        change.new = Some("<b>\u{202e}".to_owned());
        let html = after(&change, false).into_string();
        assert!(
            html.contains("&lt;b&gt;") && html.contains("U+202E"),
            "{html}"
        );
    }
}

//! One activity: a sentence, what changed, what belongs to it, and the record itself.

use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use mim_events::activity::{Activity, Actor, ActorKind, Change, ChangeMode, Target};
use report_query::activity::columns as c;
use report_query::{Query, asc, desc};
use uuid::Uuid;

use super::context::{Context, Row};
use super::failure::Failure;
use super::field::{Field, Op};
use super::layout::{Place, icon, menu, result, source};
use super::log::link;
use super::params::Pairs;
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
    if let (true, Some(right)) = (form == "raw", missing_right(context)) {
        return Err(Failure::Forbidden {
            what: "Raw documents",
            right,
        });
    }
    let activity = find(context)?;
    let json = if form == "raw" {
        context
            .reader
            .note("raw document", &activity.id.to_string());
        serde_json::to_vec_pretty(&activity)
    } else {
        serde_json::to_vec_pretty(&mim_events::entra::to_directory_audit(&activity))
    };
    let json = json.map_err(|_| Failure::internal("an activity has no JSON form"))?;
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

/// The record as it came, as far as the journal still has it; else the activity.
fn document(context: &Context, activity: &Activity) -> Result<String, Failure> {
    let record = context.reader.tenant.raw_record(activity);
    let record = record.map_err(|_| Failure::internal("a record can't be read back"))?;
    let value = record.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    let value = value.map_or_else(|| serde_json::to_value(activity), Ok);
    let text = value.and_then(|value| serde_json::to_string_pretty(&value));
    text.map_err(|_| Failure::internal("a document has no JSON form"))
}

fn draw(context: &Context) -> Result<Response, Failure> {
    context.only(&["back"])?;
    let activity = find(context)?;
    context.reader.note("activity", &activity.id.to_string());
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
                (page.raw()?)
            }
            div.stack { (page.timeline()) (page.facts()) }
        }
    };
    Ok(context.page(
        Place::Log,
        &format!("{} · Audit log", text::plain(&activity.name)),
        body,
    ))
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
            Some(key) => a href={ "/people/" (key) } { (text::value(name)) },
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
                (Some(key), _) => a href={ "/people/" (key) } { (text::value(target.text())) },
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
            return Ok("/log".to_owned());
        };
        Ok(Pairs::parse(back).link("/log"))
    }

    /// The rows beside this one in the log that it was opened from.
    fn neighbours(&self) -> Result<Markup, Failure> {
        let Some(back) = self.context.pairs.single("back")? else {
            return Ok(html! {});
        };
        let pairs = Pairs::parse(back);
        let clock = View::clock(&pairs, self.context.clock)?;
        let view = View::read(&pairs, &clock)
            .map_err(|_| super::params::BadParameter::new("back", "is no address of the log"))?;
        let snapshot = self.context.snapshot();
        let snapshot = view
            .as_of
            .map_or_else(|| snapshot.clone(), |as_of| snapshot.as_of(as_of.arrival));
        let time = self.activity.time;
        let here = Query::new()
            .filter(c::ID.eq(self.activity.id))
            .sort([desc(c::STATUS_RANK), desc(c::TIME)])
            .limit(1)
            .select([c::ROW]);
        let here = self.context.run(&here, &snapshot)?;
        let Some(row) = Row::all(&here)
            .next()
            .and_then(|row| row.value("row"))
            .cloned()
        else {
            return Ok(html! {});
        };
        let row = report_query::lit(row);
        let beside = |newer: bool| {
            let query = view.filter.query(&clock);
            let (query, keys) = if newer {
                let later = c::TIME
                    .gt(time)
                    .or(c::TIME.eq(time).and(c::ROW.gt(row.clone())));
                (query.filter(later), [asc(c::TIME), asc(c::ROW)])
            } else {
                let earlier = c::TIME
                    .lt(time)
                    .or(c::TIME.eq(time).and(c::ROW.lt(row.clone())));
                (query.filter(earlier), [desc(c::TIME), desc(c::ROW)])
            };
            let found = self
                .context
                .run(&query.sort(keys).limit(1).select([c::ID]), &snapshot)?;
            let id = Row::all(&found)
                .next()
                .and_then(|row| row.value("id").map(ToString::to_string));
            Ok::<_, Failure>(id.map(|id| {
                Pairs::default()
                    .with("back", back)
                    .link(&format!("/log/{id}"))
            }))
        };
        let (newer, older) = (beside(true)?, beside(false)?);
        Ok(html! {
            @for (rel, label, href) in [("prev", "Newer", newer), ("next", "Older", older)] {
                @match href {
                    Some(href) => a.btn rel=(rel) href=(href) { (label) },
                    None => span.btn aria-disabled="true" { (label) },
                }
            }
        })
    }

    fn more(&self) -> Markup {
        let id = self.activity.id;
        menu(
            html! { "More" },
            html! {
                @if self.context.reader.rights.raw { a href={ "/log/" (id) "/raw" } { "Download the document" } }
                @else { p.hint { "Raw documents need the right " code { "raw" } "." } }
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

    /// The request above, this one, those that it caused, and what has the same correlation.
    fn related(&self) -> Result<Markup, Failure> {
        let activity = self.activity;
        let keys: Vec<&str> = [&activity.correlation, &activity.parent]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        if keys.is_empty() {
            return Ok(html! {});
        }
        let found = keys
            .iter()
            .flat_map(|key| [c::CORRELATION.eq(*key), c::PARENT.eq(*key)])
            .map(|expr| expr.coalesce(false))
            .reduce(report_query::Expr::or)
            .unwrap_or_else(|| report_query::lit(false));
        let query = Query::new()
            .filter(found)
            .top_per(
                [c::REQUEST_KEY, c::KIND, c::TARGET_KEY],
                [desc(c::STATUS_RANK), desc(c::TIME)],
                1,
            )
            .sort([asc(c::TIME), asc(c::ROW)])
            .limit(MOST_RELATED + 1)
            .select(needed().into_iter().chain([c::PARENT]));
        let rows = self.context.run(&query, &self.context.snapshot())?;
        if rows.len() < 2 {
            return Ok(html! {});
        }
        let all: Vec<Row<'_>> = Row::all(&rows).take(MOST_RELATED as usize).collect();
        // Children are those whose parent is the correlation of another row.
        let above: Vec<&Row<'_>> = all
            .iter()
            .filter(|row| {
                !row.text("parent").is_some_and(|parent| {
                    all.iter()
                        .any(|other| other.text("correlation") == Some(parent))
                })
            })
            .collect();
        let children = |of: &str| -> Vec<&Row<'_>> {
            all.iter()
                .filter(|row| row.text("parent") == Some(of))
                .collect()
        };
        let mut drawn: Vec<&str> = Vec::new();
        let mut items = Vec::new();
        for row in &above {
            let request = row.text("correlation").unwrap_or_default();
            // The children of a request stand once, below the last of its rows.
            let is_last = above
                .iter()
                .rfind(|other| other.text("correlation") == row.text("correlation"))
                .is_some_and(|last| last.index == row.index);
            let below = if is_last && !drawn.contains(&request) {
                children(request)
            } else {
                Vec::new()
            };
            drawn.push(request);
            items.push((*row, below));
        }
        Ok(html! {
            section.card aria-labelledby="s-rel" {
                header {
                    h2 #s-rel { "Related" }
                    @if let Some(id) = &activity.correlation {
                        a.more href=(link(Period::Days(366), &[(Field::Correlation, Op::Is, id)], self.context.tz())) { "In the log" }
                    }
                }
                div.body {
                    ul.tree {
                        @for (row, below) in &items {
                            li {
                                (self.node(row))
                                @if !below.is_empty() { ul { @for child in below { li { (self.node(child)) } } } }
                            }
                        }
                    }
                    @if rows.len() as u64 > MOST_RELATED { p.foot-note { "The first " (MOST_RELATED) "; the log has all." } }
                }
            }
        })
    }

    fn node(&self, row: &Row<'_>) -> Markup {
        let id = row.value("id").map(ToString::to_string).unwrap_or_default();
        let current = id == self.activity.id.to_string();
        let name = row.text("activity").unwrap_or("Activity");
        html! {
            div {
                @if current { span aria-current="true" { (text::value(name)) } }
                @else { a href={ "/log/" (id) } { (text::value(name)) } }
                (result(row.text("result").unwrap_or("unknown")))
                @if let Some(target) = targets(row).first() { span { (text::value(target.name)) } }
                @if let Some(time) = row.time("time") { span.sub { (self.context.clock.exact(time)) } }
            }
        }
    }

    fn raw(&self) -> Result<Markup, Failure> {
        let missing = missing_right(self.context);
        let json = if missing.is_none() {
            document(self.context, self.activity)?
        } else {
            String::new()
        };
        Ok(html! {
            section.card aria-labelledby="s-raw" {
                header { h2 #s-raw { "Document" } }
                div.body {
                    @if let Some(right) = missing { p { "Raw documents need the right " code { (right) } "." } }
                    @else {
                        details.alt {
                            summary { (icon("down")) "Show the document" }
                            pre.raw tabindex="0" { (text::block(&json)) }
                        }
                    }
                }
            }
        })
    }

    fn timeline(&self) -> Markup {
        let activity = self.activity;
        let mut steps: Vec<(Option<DateTime<Utc>>, Markup, bool)> = Vec::new();
        if let Some(created) = activity.created {
            steps.push((
                Some(created),
                html! { "Requested by " (actor(self.context, &activity.actor)) },
                true,
            ));
        }
        if !activity.approvers_asked.is_empty() {
            steps.push((
                None,
                html! { "Approval asked of " (self.people(&activity.approvers_asked)) },
                true,
            ));
        }
        if !activity.approvers_decided.is_empty() {
            steps.push((
                None,
                html! { "Decided by " (self.people(&activity.approvers_decided)) },
                true,
            ));
        }
        if let Some(committed) = activity.committed {
            steps.push((Some(committed), html! { "Committed" }, true));
        }
        if let Some(completed) = activity.completed {
            steps.push((
                Some(completed),
                html! { "Completed: " (super::field::result_word(activity.result.as_str())) },
                true,
            ));
        }
        if steps.iter().all(|(time, ..)| time.is_none()) {
            steps.insert(
                0,
                (
                    Some(activity.time),
                    html! { "Recorded: " (super::field::result_word(activity.result.as_str())) },
                    true,
                ),
            );
        }
        if activity.result.as_str() == "pending" {
            steps.push((None, html! { "Waits for a decision" }, false));
        }
        html! {
            section.card aria-labelledby="s-tl" {
                header { h2 #s-tl { "Timeline (" (self.context.clock.offset_label(activity.time)) ")" } }
                div.body {
                    ol.steps {
                        @for (time, words, done) in &steps {
                            li class=[done.then_some("done")] {
                                (words)
                                @if let Some(time) = time { (self.context.clock.exact(*time)) span.sub { (self.context.clock.ago(*time)) } }
                            }
                        }
                    }
                }
            }
        }
    }

    fn people(&self, people: &[Actor]) -> Markup {
        html! { @for (index, person) in people.iter().enumerate() { @if index > 0 { ", " } (actor(self.context, person)) } }
    }

    fn facts(&self) -> Markup {
        let activity = self.activity;
        let by = &activity.actor;
        let account = by.account.as_ref().map(|account| match &by.domain {
            Some(domain) => format!("{domain}\\{account}"),
            None => account.clone(),
        });
        let texts: [(&str, Option<&str>); 14] = [
            ("Service", Some(&activity.service)),
            ("Category", Some(&activity.category)),
            ("Operation", Some(&activity.operation)),
            ("Status", activity.status.as_deref()),
            ("Account", account.as_deref()),
            ("UPN", by.upn.as_deref()),
            ("IP address", by.ip.as_deref()),
            ("Through", by.via.as_deref()),
            ("Probably", by.hint.as_deref()),
            ("Kind", Some(activity.kind.as_str())),
            ("Actor id", by.id.as_deref()),
            ("Record", activity.source_id.as_deref()),
            ("Parent", activity.parent.as_deref()),
            ("Tenant", activity.tenant.as_deref()),
        ];
        let codes = ["Kind", "Actor id", "Record", "Parent", "Tenant"];
        html! {
            section.card aria-labelledby="s-facts" {
                header { h2 #s-facts { "Facts" } }
                div.body {
                    dl.defs {
                        dt { "Time" } dd { (self.context.clock.tag(activity.time, &self.context.clock.full(activity.time))) br; code { (utc(activity.time)) } }
                        dt { "Initiated by" } dd { (actor(self.context, by)) }
                        @for target in self.shown() {
                            dt { (text::value(if target.object_type.is_empty() { "Target" } else { &target.object_type })) }
                            dd { (self.target(target)) @if let Some(id) = &target.id { br; code { (text::value(id)) } } }
                        }
                        @for (label, value) in texts {
                            @if let Some(value) = value.filter(|value| !value.is_empty()) {
                                dt { (label) }
                                dd { @if codes.contains(&label) { code { (text::value(value)) } } @else { (text::value(value)) } }
                            }
                        }
                        @if let Some(id) = &activity.correlation {
                            dt { "Correlation" } dd { code { (text::value(id)) } }
                        }
                        dt { "Marks" }
                        dd {
                            @let names: Vec<&str> = activity.flags.names().collect();
                            @if names.is_empty() { "none" } @else { @for name in names { span.badge { (name) } " " } }
                        }
                        dt { "Id" } dd { code { (activity.id) } }
                    }
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
    use super::*;

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

//! The audit log: filters, chips, counts, rows, pages, exports; all from one query.

mod controls;
mod course;

use std::io::{self, Write as _};

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use maud::{Markup, html};
use report_query::activity::columns as c;
use report_query::{Bucket, Expr, Query, QueryErrorKind, QueryResult, Snapshot, count};

use super::chart::{Bar, histogram};
use super::columns::Column;
use super::context::{Context, Row};
use super::export::{InTime, download, download_in_parts};
use super::facets::{facets, panel};
use super::failure::{Failure, Interrupted};
use super::field::{Field, Op};
use super::filter::{Chip, Filter};
use super::layout::{Place, carried, halves, icon, mark, menu};
use super::numbers::{counted, grouped};
use super::params::{BadParameter, Pairs};
use super::period::Period;
use super::question::{Question, kql, odata};
use super::rows::{Table, needed};
use super::text;
use super::time::Clock;
use super::view::{AsOf, Density, Format, SIZES, View};
use crate::body::Pieces;

/// Rows of the page that is printed as a whole.
const MOST_PRINTED: u64 = 10_000;
/// Columns of the histogram, about.
const BUCKETS: i64 = 48;

pub async fn show(context: Context) -> Response {
    context.answer(draw).await
}

/// A page of the log while it is drawn.
struct Log<'a> {
    context: &'a Context,
    view: View,
    clock: Clock,
    as_of: AsOf,
    snapshot: Snapshot,
}

fn draw(context: &Context) -> Result<Response, Failure> {
    let clock = View::clock(&context.pairs, context.clock)?;
    let view = View::read(&context.pairs, &clock)?;
    if let Some(elsewhere) = context.canonical(&view.pairs()) {
        return Ok(elsewhere);
    }
    let log = Log::new(context, view, clock);
    match log.view.format {
        Format::Csv | Format::Json | Format::Ndjson => log.export(),
        Format::Query => log.as_query(),
        Format::Print => log.print(),
        Format::Page => log.page(),
    }
}

impl<'a> Log<'a> {
    fn new(context: &'a Context, view: View, clock: Clock) -> Self {
        let snapshot = context.snapshot();
        let as_of = view.as_of.unwrap_or(AsOf {
            entry: context.reader.arrivals().entry(snapshot.newest_ingest()),
            moment: clock.now,
        });
        let snapshot = context.as_of(&snapshot, as_of);
        Self {
            context,
            view,
            clock,
            as_of,
            snapshot,
        }
    }

    fn filter(&self) -> &Filter {
        &self.view.filter
    }

    fn total(&self) -> Result<u64, Failure> {
        self.context
            .count(self.filter().query(&self.clock), &self.snapshot)
    }

    /// The view with the moment that this page is of.
    fn pinned(&self) -> View {
        View {
            as_of: Some(self.as_of),
            ..self.view.clone()
        }
    }

    fn density(&self) -> Density {
        self.view.density.unwrap_or(self.context.density)
    }

    fn title(&self) -> String {
        match self.filter().title() {
            Some(words) => format!("{} · Audit log", text::plain(&words)),
            None => "Audit log".to_owned(),
        }
    }

    fn page(&self) -> Result<Response, Failure> {
        // A token of another filter is told before the page is begun; it is found out before any row.
        let plan = self.rows_of_page().bind(self.snapshot.schema())?;
        match plan.run_until(&self.snapshot, &|| true) {
            Err(error) if *error.kind() != QueryErrorKind::Cancelled => return Err(error.into()),
            _ => {}
        }
        Ok(self.stream(|log, out| log.write(out)))
    }

    /// A page that is written in pieces.
    fn stream(&self, write: fn(&Log<'_>, &mut Pieces) -> Result<(), Interrupted>) -> Response {
        let (view, snapshot) = (self.view.clone(), self.snapshot.clone());
        let (clock, as_of) = (self.clock, self.as_of);
        let draw = move |context: &Context, out: &mut Pieces| {
            let log = Log {
                context,
                view,
                clock,
                as_of,
                snapshot,
            };
            write(&log, out)
        };
        self.context.stream(Place::Log, &self.title(), draw)
    }

    fn rows_of_page(&self) -> Query {
        self.view.page(&self.clock).select(needed())
    }

    fn write(&self, out: &mut Pieces) -> Result<(), Interrupted> {
        let rows = self.context.run(&self.rows_of_page(), &self.snapshot)?;
        let (total, facets) = facets(self.context, &self.view, &self.clock, &self.snapshot)?;
        let skipped = self.view.skip.as_ref().map_or(0, |(rows, _)| *rows);
        let view = self.pinned();
        let table = Table {
            view: &view,
            clock: &self.clock,
            density: self.density(),
            heading: "t-h",
            sorts: true,
        };
        let body = html! {
            (self.head(total))
            (self.search())
            (self.chips()?)
            p.vh role="status" { (counted(total, "activity matches", "activities match")) }
            div.log {
                (panel(&self.view, &facets))
                section.card aria-labelledby="t-h" {
                    h2.vh #t-h { "Activities" }
                    (self.above(total, skipped, rows.len() as u64))
                    @if total == 0 { (self.nothing()?) }
                    @else {
                        (self.histogram()?)
                        (table.around(&rows, &mark()))
                        (self.pager(&rows, total, skipped))
                    }
                }
            }
            (self.foot())
        };
        self.context.is_answered();
        write_with(body, out, |out| {
            table.each(&rows, |row| out.write_all(row.into_string().as_bytes()))
        })
    }

    fn above(&self, total: u64, skipped: u64, shown: u64) -> Markup {
        let density = self.density();
        let with = |density| {
            View {
                density: Some(density),
                ..self.pinned()
            }
            .link()
        };
        let fresh = self.view.filtered(self.filter().clone()).link();
        let count = self
            .pinned()
            .saved_at(self.as_of)
            .pairs()
            .link("/log/count");
        html! {
            div.tbl-top {
                p.tot {
                    b { (grouped(total)) } (if total == 1 { " activity" } else { " activities" })
                    @if shown > 0 { " · " (grouped(skipped + 1)) "–" (grouped(skipped + shown)) " shown" }
                    " · as of " (self.clock.tag(self.as_of.moment, &self.clock.time_of_day(self.as_of.moment)))
                    @if self.view.as_of.is_some() { " · " a href=(fresh) { "show what is new" } }
                    @else { span hidden data-count=(count) { " · " a href=(fresh) { "new, show them" } } }
                }
                div.right {
                    nav.seg aria-label="Row height" {
                        a href=(with(Density::Comfortable)) aria-current=[(density == Density::Comfortable).then_some("true")] { "Comfortable" }
                        a href=(with(Density::Compact)) aria-current=[(density == Density::Compact).then_some("true")] { "Compact" }
                    }
                    (self.columns())
                }
            }
        }
    }

    fn columns(&self) -> Markup {
        let rest = View {
            columns: Column::DEFAULT.to_vec(),
            ..self.pinned()
        };
        menu(
            html! { (icon("col")) "Columns" },
            html! {
                form action="/log" {
                    (carried(&rest.pairs(), &["skiptoken"]))
                    @for column in Column::ALL {
                        label {
                            input type="checkbox" name="select" value=(column.name()) checked[self.view.columns.contains(&column)];
                            (column.label())
                        }
                    }
                    p { button.btn type="submit" { "Apply" } }
                }
            },
        )
    }

    fn pager(&self, rows: &QueryResult, total: u64, skipped: u64) -> Markup {
        let shown = skipped + rows.len() as u64;
        let pinned = self.pinned();
        let next = rows.next_page().map(|token| View {
            skip: Some((shown, token.to_owned())),
            ..pinned.clone()
        });
        html! {
            nav.pager aria-label="Pages" {
                span { (grouped(skipped + 1)) "–" (grouped(shown)) " of " (grouped(total)) }
                div.seg {
                    @for size in SIZES {
                        a href=(View { top: size, skip: None, ..pinned.clone() }.link()) aria-current=[(size == self.view.top).then_some("true")] {
                            (size) span.vh { " rows a page" }
                        }
                    }
                }
                div.right {
                    @if skipped > 0 { a.btn rel="prev" href=(pinned.first_page().link()) { "First page" } }
                    @match next {
                        Some(next) => a.btn rel="next" href=(next.link()) { "Next " (self.view.top) },
                        None => span.btn aria-disabled="true" { "End of the log" },
                    }
                }
            }
        }
    }

    /// Nothing matches: which filter to remove first.
    fn nothing(&self) -> Result<Markup, Failure> {
        let kept = self.snapshot.len();
        if kept == 0 {
            return Ok(no_activity());
        }
        let mut widest: Option<(u64, Chip)> = None;
        for chip in self.filter().chips() {
            let rows = self
                .context
                .count(chip.without.query(&self.clock), &self.snapshot)?;
            if rows > 0 && widest.as_ref().is_none_or(|(most, _)| rows > *most) {
                widest = Some((rows, chip));
            }
        }
        let days = self.context.app.config.retention_days;
        let all = self.filter().clone().during(self.context.all_kept());
        let since = self.context.kept_since();
        let gone = self
            .filter()
            .period
            .bounds(&self.clock)
            .1
            .is_some_and(|to| to <= since);
        Ok(html! {
            div.empty {
                (icon("find"))
                h2 { "No activity matches" }
                @if gone { p { "Kept since " (self.clock.day(self.clock.date(since))) ". What was before is gone." } }
                @if let Some((rows, chip)) = &widest {
                    p {
                        "Widest filter: " em { (chip.label) " " (text::value(&chip.values.join(" or "))) }
                        " leaves 0 of " (grouped(*rows)) "."
                    }
                }
                p.row {
                    @if let Some((_, chip)) = &widest { a.btn href=(self.view.filtered(chip.without.clone()).link()) { "Remove it" } }
                    @if all != *self.filter() { a.btn href=(self.view.filtered(all).link()) { "Search all " (days) " days" } }
                    @if !self.filter().is_clear() { a.btn href=(self.view.filtered(self.filter().cleared()).link()) { "Clear all filters" } }
                }
            }
        })
    }

    fn foot(&self) -> Markup {
        let quarantined = self.context.reader.tenant.quarantine.total();
        html! {
            p.foot-note {
                span { "As of " (self.clock.exact(self.as_of.moment)) " (" (self.clock.zone_label()) ")" }
                span { a href="/system/quarantine" { (counted(quarantined, "record", "records")) " quarantined" } }
                span { "A request of Identity Manager is one row, at its latest status." }
            }
        }
    }

    fn file_name(&self) -> String {
        let oldest = self.snapshot.time_range().map(|(oldest, _)| oldest);
        let (first, last) = self.filter().period.dates(&self.clock, oldest);
        format!("activities-{first}_{last}")
    }

    fn export(&self) -> Result<Response, Failure> {
        let mut columns: Vec<Expr> = self
            .view
            .columns
            .iter()
            .flat_map(|column| column.exported())
            .collect();
        if !self.view.columns.contains(&Column::Id) {
            columns.push(c::ID);
        }
        let (context, format) = (self.context, self.view.format);
        let (reader, name) = (&context.reader, self.file_name());
        let rows = self.view.rows(&self.clock);
        if self.view.order.column == Column::Time {
            let rows = InTime::of(context, &rows, self.view.order, &self.snapshot)?;
            reader.note("export", "log");
            return download_in_parts(context, rows, columns, format, &name);
        }
        let rows = context.run(&rows.select(columns), &self.snapshot)?;
        reader.note("export", "log");
        download(reader, rows, format, &name)
    }

    /// All rows on one page, for paper.
    fn print(&self) -> Result<Response, Failure> {
        let total = self.total()?;
        if total > MOST_PRINTED {
            return Err(Failure::TooMuch(format!(
                "{} rows, and {} are printed at most",
                grouped(total),
                grouped(MOST_PRINTED)
            )));
        }
        self.context.reader.note("export", "log");
        Ok(self.stream(|log, out| log.write_paper(out)))
    }

    fn write_paper(&self, out: &mut Pieces) -> Result<(), Interrupted> {
        let rows = self.context.run(
            &self.view.rows(&self.clock).select(needed()),
            &self.snapshot,
        )?;
        let table = Table {
            view: &self.view,
            clock: &self.clock,
            density: self.density(),
            heading: "t-h",
            sorts: false,
        };
        let body = html! {
            div.head {
                h1 { "Audit log" }
                div.acts { a.btn href=(self.view.as_format(Format::Page).link()) { "Back to the log" } }
                p.lead {
                    (self.filter().period.label(&self.clock)) ", " (self.clock.zone_label()) ", as of " (self.clock.exact(self.as_of.moment))
                }
            }
            (self.chips()?)
            div.log {
                section.card aria-labelledby="t-h" {
                    h2.vh #t-h { "Activities" }
                    div.tbl-top { p.tot { b { (grouped(rows.len() as u64)) } " activities, all of them" } }
                    (table.around(&rows, &mark()))
                }
            }
            (self.foot())
        };
        self.context.is_answered();
        write_with(body, out, |out| {
            table.each(&rows, |row| out.write_all(row.into_string().as_bytes()))
        })
    }

    fn question(&self, id: &str, heading: &str, question: &Question) -> Markup {
        html! {
            section.card aria-labelledby={ "s-" (id) } {
                header {
                    h2 id={ "s-" (id) } { (heading) }
                    button.btn.copy type="button" hidden data-from={ "#" (id) } { "Copy" }
                }
                div.body {
                    pre.raw id=(id) tabindex="0" { (text::block(&question.text)) }
                    @if !question.left_out.is_empty() {
                        p.foot-note { "It can't say: " (question.left_out.join(", ")) "." }
                    }
                    p.foot-note { "What this log leaves out, and that a request is one row at its latest status, is not in it." }
                }
            }
        }
    }

    fn as_query(&self) -> Result<Response, Failure> {
        let query = self.view.rows(&self.clock);
        let json =
            serde_json::to_value(&query).and_then(|value| serde_json::to_string_pretty(&value));
        let json = json.map_err(|_| Failure::internal("a query has no JSON form"))?;
        let body = html! {
            p.crumb { a href=(self.view.as_format(Format::Page).link()) { "Audit log" } span { "/" } span { "Query" } }
            div.head {
                h1 { "The question as text" }
                div.acts { button.btn.copy type="button" hidden data-from="#query" { "Copy" } }
                p.lead { code { "POST /v1/query" } " takes the JSON, and gives the same rows." }
            }
            (self.chips()?)
            div.stack {
                section.card aria-labelledby="s-json" {
                    header { h2 #s-json { "Query JSON" } }
                    div.body { pre.raw #query tabindex="0" { (json) } }
                }
                (self.question("graph", "Graph $filter", &odata(self.filter(), &self.clock)))
                (self.question("kql", "KQL over AuditLogs", &kql(self.filter(), &self.clock)))
            }
        };
        Ok(self.context.page(Place::Log, "Query · Audit log", body))
    }
}

/// Writes a page's content, with what `rows` writes at its mark.
fn write_with(
    content: Markup,
    out: &mut Pieces,
    rows: impl FnOnce(&mut Pieces) -> io::Result<()>,
) -> Result<(), Interrupted> {
    let (above, below) = halves(content);
    out.write_all(above.as_bytes())?;
    rows(out)?;
    out.write_all(below.as_bytes())?;
    Ok(())
}

impl View {
    /// What is asked for when it is counted what came since.
    fn saved_at(&self, as_of: AsOf) -> Self {
        Self {
            as_of: Some(as_of),
            filter: self.filter.clone(),
            zone: self.zone,
            ..Self::default()
        }
    }
}

/// What is said while there is nothing at all.
pub fn no_activity() -> Markup {
    html! {
        div.empty {
            (icon("log"))
            h2 { "No activity has arrived" }
            p { "Start an agent: " code { "agent --config agent.toml" } }
            p.row { a.btn href="/system" { "System" } }
        }
    }
}

/// How many rows match that were not there at `asof`, for the script.
pub async fn new_rows(context: Context) -> Response {
    context.answer(count_new).await
}

fn count_new(context: &Context) -> Result<Response, Failure> {
    let clock = View::clock(&context.pairs, context.clock)?;
    let view = View::read(&context.pairs, &clock)?;
    let as_of = view
        .as_of
        .ok_or_else(|| BadParameter::new("asof", "is needed"))?;
    let snapshot = context.snapshot();
    let query = view.filter.query(&clock);
    let now = context.count(query.clone(), &snapshot)?;
    let then = context.count(query, &context.as_of(&snapshot, as_of))?;
    let body = serde_json::json!({ "new": now.saturating_sub(then) }).to_string();
    Ok((
        StatusCode::OK,
        [(header::CONTENT_TYPE, "application/json")],
        body,
    )
        .into_response())
}

/// A link to the log with one thing asked.
pub fn link(period: Period, conditions: &[(Field, Op, &str)], tz: Option<&str>) -> String {
    let filter = conditions.iter().fold(
        Filter::default().during(period),
        |filter, (field, op, value)| filter.with(*field, *op, *value),
    );
    let mut pairs = Pairs::default();
    filter.write(&mut pairs);
    if let Some(tz) = tz {
        pairs.add("tz", tz);
    }
    pairs.link("/log")
}

//! Reports: the list, and each with its parameters, a chart where it says something, the
//! table and the downloads.

use std::borrow::Cow;

use axum::response::Response;
use chrono::{DateTime, NaiveDate};
use maud::{Markup, html};
use report_query::report::{ChartKind, ParameterType};
use report_query::{Parameters, QueryResult, ReportDefinition};
use uuid::Uuid;

use super::context::Context;
use super::export::download;
use super::failure::Failure;
use super::layout::{Place, icon, menu};
use super::numbers::{counted, grouped};
use super::params::{BadParameter, Pairs};
use super::tables::{Hints, by_day, ranked, table};
use super::text;
use super::time::Clock;
use super::view::Format;

/// Rows of a page of a report.
pub const ROWS: usize = 100;
/// Rows of the page that is printed.
pub const MOST_PRINTED: usize = 10_000;

pub async fn list(context: Context) -> Response {
    context.answer(draw_list).await
}

fn draw_list(context: &Context) -> Result<Response, Failure> {
    context.only(&[])?;
    let custom = context.saved(super::builder::KIND);
    let body = html! {
        div.head {
            h1 { "Reports" }
            div.acts { a.btn.primary href=(context.keeping_zone("/reports/new")) { (icon("plus")) "New report" } }
        }
        div.cards {
            @for report in ReportDefinition::builtins() {
                section.card {
                    h2 { a href=(context.keeping_zone(&format!("/reports/{}", report.name))) { (report.title) } }
                    p { (report.description.split_inclusive('.').next().unwrap_or_default()) }
                }
            }
        }
        h2.sec-h #custom { "Custom reports" }
        @if custom.is_empty() {
            section.card { div.empty { (icon("rep")) p { "None yet. Build one, look at it, and save it for everybody who reads this tenant." } p.row { a.btn href=(context.keeping_zone("/reports/new")) { "New report" } } } }
        } @else {
            div.cards {
                @for item in &custom {
                    section.card {
                        h2 { a href=(context.keeping_zone(&format!("/reports/custom/{}", item.id))) { (text::value(&item.name)) } }
                        p { "By " (text::value(&item.by)) ", " (context.clock.exact(item.at)) }
                    }
                }
            }
        }
    };
    Ok(context.page(Place::Reports, "Reports", body))
}

pub async fn show(context: Context) -> Response {
    context.answer(draw).await
}

/// A report of the crate, or one that somebody saved.
struct Report<'a> {
    context: &'a Context,
    definition: Cow<'static, ReportDefinition>,
    title: String,
    path: String,
    /// The id of one that somebody saved.
    saved: Option<Uuid>,
}

fn draw(context: &Context) -> Result<Response, Failure> {
    let name = context.path.split('/').nth(2).unwrap_or_default();
    let definition = ReportDefinition::builtins()
        .iter()
        .find(|report| report.name == name)
        .ok_or(Failure::NotFound)?;
    draw_report(&Report {
        context,
        definition: Cow::Borrowed(definition),
        title: definition.title.clone(),
        path: context.path.clone(),
        saved: None,
    })
}

pub async fn show_saved(context: Context) -> Response {
    context.answer(draw_saved).await
}

fn draw_saved(context: &Context) -> Result<Response, Failure> {
    let (item, definition) = super::builder::find(context)?;
    draw_report(&Report {
        context,
        definition: Cow::Owned(definition),
        title: item.name,
        path: context.path.clone(),
        saved: Some(item.id),
    })
}

fn draw_report(report: &Report<'_>) -> Result<Response, Failure> {
    let context = report.context;
    let pairs = report.own()?;
    if let Some(elsewhere) = context.canonical(&pairs) {
        return Ok(elsewhere);
    }
    let format = match pairs.single("format")? {
        None => Format::Page,
        Some(name) => Format::of_name(name)
            .filter(|format| *format != Format::Query)
            .ok_or_else(|| BadParameter::new("format", "must be csv, json, ndjson or print"))?,
    };
    let result = report.run(&pairs)?;
    let name = report
        .saved
        .map_or_else(|| report.definition.name.clone(), |id| id.to_string());
    context.reader.note(
        if matches!(format, Format::Page | Format::Print) {
            "report"
        } else {
            "export"
        },
        &name,
    );
    match format {
        Format::Page => report.page(&pairs, &result, false),
        Format::Print if result.len() > MOST_PRINTED => Err(Failure::TooMuch(format!(
            "{} rows, and {} are printed at most",
            grouped(result.len() as u64),
            grouped(MOST_PRINTED as u64)
        ))),
        Format::Print => report.page(&pairs, &result, true),
        format => download(&context.reader, result, format, &file_name(&name)),
    }
}

impl Report<'_> {
    /// The parameters that say something, in the order of the definition.
    fn own(&self) -> Result<Pairs, BadParameter> {
        let names: Vec<&str> = self
            .definition
            .parameters
            .iter()
            .map(|parameter| parameter.name.as_str())
            .collect();
        let known: Vec<&str> = names.iter().copied().chain(["page", "format"]).collect();
        self.context.only(&known)?;
        let mut pairs = Pairs::default();
        for name in known.iter().copied().chain(["tz"]) {
            if let Some(value) = self.context.pairs.single(name)? {
                pairs.add(name, value);
            }
        }
        Ok(pairs)
    }

    /// Days are those of the reader's zone; what the report reads itself (`newest-P1M`) stays text.
    fn parameters(&self, pairs: &Pairs) -> Parameters {
        let mut parameters = Parameters::new();
        for definition in &self.definition.parameters {
            let Some(value) = pairs.get(&definition.name) else {
                continue;
            };
            let day = value
                .parse::<NaiveDate>()
                .ok()
                .filter(|_| definition.data_type == ParameterType::Time);
            match day {
                Some(day) if definition.name == "to" => {
                    parameters.insert(definition.name.clone(), self.context.clock.end(day))
                }
                Some(day) => {
                    parameters.insert(definition.name.clone(), self.context.clock.start(day))
                }
                None => parameters.insert(definition.name.clone(), value),
            };
        }
        parameters
    }

    fn run(&self, pairs: &Pairs) -> Result<QueryResult, Failure> {
        let snapshot = self.context.snapshot();
        let plan = self.definition.plan(&snapshot, &self.parameters(pairs))?;
        let result = self.context.run_plan(plan, &snapshot)?;
        Ok(self.definition.labelled(result)?)
    }

    fn link(&self, pairs: &Pairs, name: &str, value: Option<&str>) -> String {
        let mut changed = Pairs::default();
        for (known, kept) in pairs
            .iter()
            .filter(|(known, _)| *known != name && *known != "page" && *known != "format")
        {
            changed.add(known, kept);
        }
        if let Some(value) = value {
            changed.add(name, value);
        }
        changed.link(&self.path)
    }

    fn page(&self, pairs: &Pairs, result: &QueryResult, all: bool) -> Result<Response, Failure> {
        let definition = &*self.definition;
        let (first, most) = if all {
            (0, MOST_PRINTED)
        } else {
            (page(pairs, result.len())? * ROWS, ROWS)
        };
        let hints: Hints = definition
            .columns
            .iter()
            .filter_map(|column| Some((column.name.clone(), column.hint.clone()?)))
            .collect();
        let export = |format: Format| self.link(pairs, "format", Some(format.name()));
        let body = html! {
            p.crumb { a href=(self.context.keeping_zone("/reports")) { "Reports" } span aria-hidden="true" { "/" } span { (text::value(&self.title)) } }
            div.head {
                h1 { (text::value(&self.title)) }
                div.acts {
                    (exports(result.len(), &export))
                    a.btn href=(export(Format::Print)) { (icon("print")) "Print all" }
                    @if let Some(id) = self.saved { (self.own_menu(id)) }
                }
                details.alt { summary { (icon("down")) "What it counts" } p.lead { (definition.description) } }
            }
            @if !all { (self.form(pairs)) }
            (self.chips(pairs))
            div.stack {
                @if !result.is_empty() { (self.chart(pairs, result)) }
                section.card aria-labelledby="t-h" {
                    h2.vh #t-h { (text::value(&self.title)) }
                    (above(result.len(), first, most))
                    @if result.is_empty() { div.empty { (icon("find")) h2 { "No rows" } p { "Nothing matches in this period." } p.row { a.btn href=(self.context.keeping_zone(&self.path)) { "Without parameters" } } } }
                    @else {
                        (table(&self.context.clock, result, &hints, first, most))
                        (pager(result.len(), first, most, |page| self.link(pairs, "page", Some(&page.to_string()))))
                    }
                }
            }
            (foot(self.context))
        };
        Ok(self.context.page(
            Place::Reports,
            &format!("{} · Reports", text::plain(&self.title)),
            body,
        ))
    }

    fn own_menu(&self, id: Uuid) -> Markup {
        menu(
            html! { "More" },
            html! {
                @if let Some(edit) = super::builder::edit_link(self.context, id) { a href=(edit) { "Edit" } }
                a href={ "/reports/custom/" (id) "/definition" } { "Definition JSON" }
                form method="post" action={ "/reports/custom/" (id) "/delete" } { button.item type="submit" { "Delete" } }
            },
        )
    }

    fn form(&self, pairs: &Pairs) -> Markup {
        html! {
            section.card {
                div.body {
                    form.params action=(self.path) {
                        @for parameter in &self.definition.parameters {
                            @let id = format!("p-{}", parameter.name);
                            @let value = pairs.get(&parameter.name);
                            div.field {
                                label for=(id) title=(parameter.description) { (label(&parameter.name)) }
                                @if parameter.data_type == ParameterType::Bool {
                                    select.sel id=(id) name=(parameter.name) {
                                        option value="" selected[value.is_none()] { "No" }
                                        option value="true" selected[value == Some("true")] { "Yes" }
                                    }
                                } @else if !parameter.choices.is_empty() {
                                    select.sel id=(id) name=(parameter.name) {
                                        @for choice in &parameter.choices {
                                            @let own = choice.value.as_deref().unwrap_or("");
                                            option value=(own) selected[value.unwrap_or("") == own] { (choice.label) }
                                        }
                                    }
                                } @else {
                                    @let day = value.is_none_or(|value| value.parse::<NaiveDate>().is_ok());
                                    input.inp id=(id) name=(parameter.name) maxlength="500" autocomplete="off"
                                        type=(if parameter.data_type == ParameterType::Time && day { "date" } else { "text" })
                                        value=[value] placeholder=(hint(&parameter.name));
                                }
                            }
                        }
                        @if let Some(tz) = self.context.tz() { input type="hidden" name="tz" value=(tz); }
                        div.go { button.btn.primary type="submit" { "Show" } a.btn href=(self.context.keeping_zone(&self.path)) { "Reset" } }
                    }
                }
            }
        }
    }

    fn chips(&self, pairs: &Pairs) -> Markup {
        html! {
            ul.chips #chips aria-label="Parameters in force" {
                @for parameter in &self.definition.parameters {
                    @match pairs.get(&parameter.name) {
                        Some(value) => li.chip {
                            span { span.k { (label(&parameter.name)) " " } b { (text::value(value)) } }
                            a href={ (self.link(pairs, &parameter.name, None)) "#chips" } title="Remove"
                                aria-label={ "Remove: " (label(&parameter.name)) " " (text::plain(value)) } { (icon("x")) }
                        },
                        None => @if let (ParameterType::Time, Some(default)) = (parameter.data_type, &parameter.default) {
                            li.chip { span { span.k { (label(&parameter.name)) " " } b { (text::value(&period_words(&self.context.clock, default))) } } }
                        },
                    }
                }
            }
        }
    }

    fn chart(&self, pairs: &Pairs, result: &QueryResult) -> Markup {
        let Some(chart) = &self.definition.chart else {
            return html! {};
        };
        match chart.kind {
            ChartKind::Bars | ChartKind::Line => by_day(
                self.context,
                result,
                &chart.x,
                chart.series.as_deref(),
                |day| {
                    let mut changed = Pairs::default();
                    changed.add("from", day.to_string());
                    changed.add("to", day.to_string());
                    for (name, value) in pairs
                        .iter()
                        .filter(|(name, _)| !["from", "to", "page", "format"].contains(name))
                    {
                        changed.add(name, value);
                    }
                    changed.link(&self.path)
                },
            ),
            ChartKind::Ranking => ranked(result, &chart.x, chart.y.as_deref(), "Most frequent"),
            _ => html! {},
        }
    }
}

/// A file's name: of a report's own name, or of the id of a saved one.
fn file_name(name: &str) -> String {
    name.chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-')
        .collect()
}

/// The page that is asked for, from 0.
pub fn page(pairs: &Pairs, rows: usize) -> Result<usize, BadParameter> {
    let Some(text) = pairs.single("page")? else {
        return Ok(0);
    };
    let pages = rows.div_ceil(ROWS).max(1);
    let page = text
        .parse::<usize>()
        .ok()
        .filter(|page| (1..=pages).contains(page));
    page.map(|page| page - 1)
        .ok_or_else(|| BadParameter::new("page", format!("must be from 1 to {pages}")))
}

pub fn above(rows: usize, first: usize, most: usize) -> Markup {
    html! {
        div.tbl-top {
            p.tot {
                b { (grouped(rows as u64)) } (if rows == 1 { " row" } else { " rows" })
                @if rows > 0 { " · " (grouped(first as u64 + 1)) "–" (grouped((first + most).min(rows) as u64)) " shown" }
            }
        }
    }
}

pub fn pager(rows: usize, first: usize, most: usize, link: impl Fn(usize) -> String) -> Markup {
    if rows <= most {
        return html! {};
    }
    let page = first / most + 1;
    html! {
        nav.pager aria-label="Pages" {
            span { "Page " (grouped(page as u64)) " of " (grouped(rows.div_ceil(most) as u64)) }
            div.right {
                @if page > 1 { a.btn rel="prev" href=(link(page - 1)) { "Back" } }
                @if first + most < rows { a.btn rel="next" href=(link(page + 1)) { "Next" } }
            }
        }
    }
}

pub fn exports(rows: usize, link: &dyn Fn(Format) -> String) -> Markup {
    menu(
        html! { (icon("get")) "Export" },
        html! {
            p.hint { "All " (counted(rows as u64, "row", "rows")) }
            a href=(link(Format::Csv)) { "CSV" }
            a href=(link(Format::Json)) { "JSON" }
            a href=(link(Format::Ndjson)) { "NDJSON" }
        },
    )
}

pub fn foot(context: &Context) -> Markup {
    html! {
        p.foot-note {
            span { "As of " (context.clock.exact(context.clock.now)) " (" (context.clock.zone_label()) ")" }
            span { a href="/system/quarantine" { (counted(context.reader.tenant.quarantine.total(), "record", "records")) " quarantined" } }
            span { "Kept since " (context.clock.day(context.clock.date(context.kept_since()))) }
        }
    }
}

/// A parameter's name for people.
fn label(name: &str) -> String {
    match name {
        "actor" => "Initiated by".to_owned(),
        "to" => "To, this day included".to_owned(),
        "hidden" => "System events and by-products".to_owned(),
        "visits" => "Abandoned visits".to_owned(),
        "resource_type" => "Resource type".to_owned(),
        other => {
            let mut letters = other.chars();
            letters
                .next()
                .map(|first| first.to_uppercase().chain(letters).collect())
                .unwrap_or_default()
        }
    }
}

fn hint(name: &str) -> &'static str {
    match name {
        "actor" => "Part of a name or id",
        "activity" => "Name or kind",
        "category" => "UserManagement",
        "resource_type" => "User, Group",
        "result" => "Succeeded, Failed",
        "search" => "Part of any text",
        _ => "",
    }
}

/// What a moment is that a report takes where none is given: `newest-P14D`, or a moment.
fn period_words(clock: &Clock, default: &str) -> String {
    if let Ok(time) = DateTime::parse_from_rfc3339(default) {
        return clock.moment(time.to_utc());
    }
    let ago = default.strip_prefix("newest-P").and_then(|length| {
        let (number, unit) = length.split_at_checked(length.len().checked_sub(1)?)?;
        let (number, unit) = match (number.strip_prefix('T'), unit) {
            (Some(number), "H") => (number, "hour"),
            (None, "D") => (number, "day"),
            (None, "W") => (number, "week"),
            (None, "M") => (number, "month"),
            (None, "Y") => (number, "year"),
            _ => return None,
        };
        Some(match number.parse::<u32>().ok()? {
            1 => format!("{} {unit}", if unit == "hour" { "an" } else { "a" }),
            number => format!("{number} {unit}s"),
        })
    });
    match ago {
        Some(ago) => format!("{ago} before the newest activity"),
        None if default == "newest" => "the newest activity".to_owned(),
        None => default.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_said_in_words() {
        let clock = Clock {
            zone: chrono_tz::Europe::Berlin,
            now: "2026-11-24T13:32:08Z".parse().unwrap(),
        };
        for (default, words) in [
            ("newest-P1M", "a month before the newest activity"),
            ("newest-P14D", "14 days before the newest activity"),
            ("newest-PT1H", "an hour before the newest activity"),
            ("newest-PT24H", "24 hours before the newest activity"),
            ("newest", "the newest activity"),
            ("2026-11-10T23:00:00Z", "Wed 11 Nov, 00:00:00"),
            ("newest-P1M2D", "newest-P1M2D"),
            ("newest-P\u{e9}", "newest-P\u{e9}"),
        ] {
            assert_eq!(period_words(&clock, default), words);
        }
        // Whatever the reports of the crate say is said in words.
        for report in ReportDefinition::builtins() {
            for parameter in &report.parameters {
                if let (ParameterType::Time, Some(default)) =
                    (parameter.data_type, &parameter.default)
                {
                    assert_ne!(period_words(&clock, default), *default, "{}", report.name);
                }
            }
        }
    }
}

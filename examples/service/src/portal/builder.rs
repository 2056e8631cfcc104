//! The builder of custom reports: a form whose fields are the address, with a preview.

use axum::extract::{Path, RawForm};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use report_query::{Parameters, ReportDefinition};
use uuid::Uuid;

use super::context::Context;
use super::custom::{Custom, Drawn, Key, LIMITS, Measure, NAMES};
use super::failure::Failure;
use super::field::{Field, Op};
use super::filter::Filter;
use super::layout::{Place, carried, icon};
use super::numbers::grouped;
use super::params::{BadParameter, Pairs};
use super::period::Period;
use super::signin::pairs;
use super::tables::{ranked, table};
use super::text;
use super::views::{name, refused, remove};
use crate::saved::SavedItem;

/// The kind of a saved report: a `ReportDefinition`, which the API runs, too.
pub const KIND: &str = "report";
/// The kind of the form that it was built with, named by the report's id.
const FORM: &str = "report-form";
/// Rows of the preview.
const PREVIEWED: usize = 50;

pub async fn show(context: Context) -> Response {
    context.answer(draw).await
}

fn draw(context: &Context) -> Result<Response, Failure> {
    let page = Page::read(context, &context.pairs)?;
    let pairs = page.pairs();
    if let Some(elsewhere) = context.canonical(&pairs) {
        return Ok(elsewhere);
    }
    page.draw()
}

/// The builder's page: the definition, and which saved one is edited.
struct Page<'a> {
    context: &'a Context,
    custom: Custom,
    edited: Option<SavedItem>,
}

impl<'a> Page<'a> {
    fn read(context: &'a Context, pairs: &Pairs) -> Result<Self, Failure> {
        let known = |name: &str| {
            Filter::knows(name)
                || NAMES.contains(&name)
                || ["tz", "id", "add", "op", "value"].contains(&name)
        };
        if let Some((name, _)) = pairs.iter().find(|(name, _)| !known(name)) {
            return Err(BadParameter::unknown(name).into());
        }
        let mut custom = Custom::read(pairs, &context.clock)?;
        // The row of the form that adds a filter becomes one.
        if let (Some(field), Some(value)) = (pairs.single("add")?, pairs.single("value")?) {
            let (field, _) = Field::of_parameter(field)
                .ok_or_else(|| BadParameter::new("add", "must be a field of the filter"))?;
            let op = match pairs.single("op")? {
                None | Some("is") => Op::Is,
                Some("not") => Op::Not,
                Some("starts") if field.parameter(Op::Starts).is_some() => Op::Starts,
                Some("starts") => {
                    return Err(
                        BadParameter::new("op", "can be `starts with` for names only").into(),
                    );
                }
                Some(_) => return Err(BadParameter::new("op", "must be is, not or starts").into()),
            };
            let value = field
                .value(value)
                .map_err(|why| BadParameter::new("value", why))?;
            custom.filter = custom.filter.with(field, op, value);
        }
        let edited = match pairs.single("id")? {
            None => None,
            Some(id) => Some(saved(context, id)?),
        };
        Ok(Self {
            context,
            custom,
            edited,
        })
    }

    fn pairs_of(&self, custom: &Custom) -> Pairs {
        let mut pairs = Pairs::default();
        custom.write(&mut pairs);
        if let Some(tz) = self.context.tz() {
            pairs.add("tz", tz);
        }
        if let Some(item) = &self.edited {
            pairs.add("id", item.id.to_string());
        }
        pairs
    }

    fn pairs(&self) -> Pairs {
        self.pairs_of(&self.custom)
    }

    fn draw(&self) -> Result<Response, Failure> {
        // What is saved is what is seen: its periods end with the newest activity.
        let snapshot = self.context.snapshot();
        let definition = self.custom.definition("", &self.context.clock);
        let definition = definition.map_err(|_| Failure::internal("a report has no definition"))?;
        let plan = definition.plan(&snapshot, &Parameters::new())?;
        let result = self.context.run_plan(plan, &snapshot)?;
        let labelled = self.custom.columns().fold(result, |result, name| {
            result.with_label(name, Custom::label(name))
        });
        let title = self
            .edited
            .as_ref()
            .map_or("New report", |item| item.name.as_str());
        let body = html! {
            p.crumb { a href=(self.context.keeping_zone("/reports")) { "Reports" } span aria-hidden="true" { "/" } span { (text::value(title)) } }
            div.head { h1 { (text::value(title)) } p.lead { "The address of this page holds the whole report, and may be passed on." } }
            div.build {
                section.card { div.body { (self.form()) (self.save()) } }
                div.stack {
                    @if let (Some(key), Some(measure)) = (self.custom.ranked_by(), self.custom.measures.first()) {
                        (ranked(&labelled, key.name(), Some(measure.name()), "Greatest values"))
                    }
                    section.card aria-labelledby="t-h" {
                        div.tbl-top {
                            h2 #t-h { "Preview" }
                            p.tot { b { (grouped(labelled.len() as u64)) } " rows" @if labelled.len() > PREVIEWED { ", the first " (PREVIEWED) " shown" } }
                        }
                        @if labelled.is_empty() { div.empty { (icon("find")) p { "Nothing matches these filters in this period." } } }
                        @else { (table(&self.context.clock, &labelled, &self.custom.hints(), 0, PREVIEWED)) }
                    }
                    details.alt {
                        summary { (icon("down")) "The question as text" }
                        pre.raw tabindex="0" { (text::block(&self.custom.query(&self.context.clock).to_string())) }
                    }
                }
            }
        };
        Ok(self.context.page(
            Place::Reports,
            &format!("{} · Reports", text::plain(title)),
            body,
        ))
    }

    fn form(&self) -> Markup {
        let custom = &self.custom;
        let filter = &custom.filter;
        let period = filter.period;
        // What the form has no field for is carried: the filters that are already there.
        let own: [&str; 9] = [
            "range", "from", "to", "by", "m", "orderby", "limit", "chart", "q",
        ];
        let periods = [
            Period::Hours(24),
            Period::Days(7),
            Period::Days(14),
            Period::Days(30),
        ];
        let names = ["PT24H", "P7D", "P14D", "P30D"];
        let labels = [
            "Last 24 hours",
            "Last 7 days",
            "Last 14 days",
            "Last 30 days",
        ];
        let fixed = !periods.contains(&period);
        let columns: Vec<&str> = custom.columns().collect();
        html! {
            form action="/reports/new" data-live="" {
                (carried(&self.pairs(), &own))
                fieldset {
                    legend { "1 Period" }
                    @if fixed {
                        p { (period.label(&self.context.clock)) }
                        @let mut kept = Pairs::default();
                        @let () = period.write(&mut kept);
                        (carried(&kept, &[]))
                    } @else {
                        select.sel name="range" aria-label="Period" {
                            @for ((value, label), own) in names.iter().zip(labels).zip(periods) {
                                option value=(value) selected[own == period] { (label) }
                            }
                        }
                    }
                }
                fieldset {
                    legend { "2 Filters" }
                    ul.chips {
                        @for chip in filter.chips() {
                            @let without = Custom { filter: chip.without.clone(), ..custom.clone() };
                            li.chip {
                                span { span.k { (chip.label) } " " b { (text::value(&chip.values.join(" or "))) } }
                                a href=(self.pairs_of(&without).link("/reports/new")) title="Remove"
                                    aria-label={ "Remove filter: " (chip.label) " " (text::plain(&chip.values.join(" or "))) } { (icon("x")) }
                            }
                        }
                    }
                    div.frow {
                        select.sel name="add" aria-label="Field of a new filter" {
                            @for field in Field::ALL { option value=(field.name()) { (field.label()) } }
                        }
                        select.sel name="op" aria-label="Comparison of a new filter" {
                            option value="is" { "is" } option value="not" { "is not" } option value="starts" { "starts with" }
                        }
                        input.inp name="value" maxlength="500" autocomplete="off" aria-label="Value of a new filter" placeholder="Value";
                    }
                    div.field {
                        label for="b-q" { "Text contains" }
                        input.inp #b-q name="q" maxlength="500" autocomplete="off" value=(filter.text.as_deref().unwrap_or_default());
                    }
                }
                fieldset {
                    legend { "3 Group by" }
                    @for place in 0..3 {
                        select.sel name="by" aria-label={ "Group by, " (["first", "second", "third"][place]) } {
                            option value=(if place == 0 { "none" } else { "" }) { (if place == 0 { "Nothing: one row of all" } else { "–" }) }
                            @for key in Key::ALL { option value=(key.name()) selected[custom.by.get(place) == Some(&key)] { (key.label()) } }
                        }
                    }
                }
                fieldset.checks {
                    legend { "4 Measures" }
                    @for measure in Measure::ALL {
                        label { input type="checkbox" name="m" value=(measure.name()) checked[custom.measures.contains(&measure)]; (measure.label()) }
                    }
                }
                fieldset {
                    legend { "5 Order and limit" }
                    select.sel name="orderby" aria-label="Order" {
                        option value="" { "Greatest first measure first" }
                        @for column in &columns {
                            @for (direction, word) in [("desc", "descending"), ("asc", "ascending")] {
                                @let value = format!("{column} {direction}");
                                @let chosen = custom.order.as_ref().is_some_and(|(name, descending)| name == column && *descending == (direction == "desc"));
                                option value=(value) selected[chosen] { (Custom::label(column)) ", " (word) }
                            }
                        }
                    }
                    select.sel name="limit" aria-label="Rows at most" {
                        @for limit in LIMITS { option value=(limit) selected[limit == custom.limit] { (grouped(limit)) " rows at most" } }
                    }
                }
                fieldset {
                    legend { "6 Chart" }
                    select.sel name="chart" aria-label="Chart" {
                        option value="none" { "None" }
                        option value="ranking" selected[custom.chart == Drawn::Ranking] { "Bars of the greatest values" }
                    }
                    @if custom.chart == Drawn::Ranking && custom.by.len() > 1 { p.hint { "Bars are drawn where rows are grouped by one thing." } }
                }
                p { button.btn type="submit" { "Preview" } }
            }
        }
    }

    fn save(&self) -> Markup {
        let query = self.pairs().encode();
        html! {
            form.stack method="post" action="/reports/custom" {
                input type="hidden" name="query" value=(query);
                div.field {
                    label for="b-name" { "Name" }
                    input.inp #b-name name="name" required maxlength="80" value=[self.edited.as_ref().map(|item| item.name.as_str())];
                    p.hint { "Everybody who reads this tenant can open it; with names or text in its filter, whoever may see names." }
                }
                p.row {
                    button.btn.primary type="submit" { (if self.edited.is_some() { "Save changes" } else { "Save" }) }
                    a.btn href={ "/reports/definition?" (query) } { (icon("get")) "Definition JSON" }
                }
            }
        }
    }
}

fn saved(context: &Context, id: &str) -> Result<SavedItem, Failure> {
    context.saved_item(id, KIND).ok_or(Failure::NotFound)
}

/// The saved report that the path names.
pub fn find(context: &Context) -> Result<(SavedItem, ReportDefinition), Failure> {
    let item = saved(context, context.path.split('/').nth(3).unwrap_or_default())?;
    let definition = serde_json::from_value(item.definition.clone());
    let definition =
        definition.map_err(|_| Failure::internal("a saved report is no definition"))?;
    Ok((item, definition))
}

/// The address of the form that a saved report was built with, if it was built with one.
pub fn form_of(context: &Context, id: Uuid) -> Option<SavedItem> {
    let forms = context.saved(FORM);
    forms.into_iter().find(|form| form.name == id.to_string())
}

/// Where a saved report is edited.
pub fn edit_link(context: &Context, id: Uuid) -> Option<String> {
    let form = form_of(context, id)?;
    let mut pairs = Pairs::parse(form.definition.get("address")?.as_str()?);
    pairs.add("id", id.to_string());
    Some(pairs.link("/reports/new"))
}

pub async fn save(context: Context, RawForm(body): RawForm) -> Response {
    match keep(&context, &pairs(&body)) {
        Ok(id) => Redirect::to(&format!("/reports/custom/{id}")).into_response(),
        Err(failure) => failure.page(&context),
    }
}

fn keep(context: &Context, form: &Pairs) -> Result<Uuid, Failure> {
    form.only(&["name", "query"])?;
    let asked = Pairs::parse(form.get("query").unwrap_or_default());
    let name = name(form)?;
    let page = Page::read(context, &asked)?;
    let zone = super::view::read_zone(&asked)?.unwrap_or(context.clock.zone);
    let clock = super::time::Clock {
        zone,
        ..context.clock
    };
    let definition = page.custom.definition(&name, &clock);
    let definition = definition
        .and_then(serde_json::to_value)
        .map_err(|_| Failure::internal("a report has no definition"))?;
    let mut address = Pairs::default();
    page.custom.write(&mut address);
    address.add("tz", zone.name());
    let store = &context.reader.tenant.saved;
    let by = &context.reader.name;
    let names = context.keeps_names(&page.custom.filter);
    let again = |item: &SavedItem, name: String, definition| {
        store.put(SavedItem {
            id: item.id,
            kind: item.kind.clone(),
            name,
            by: by.clone(),
            at: context.clock.now,
            names,
            definition,
        })
    };
    let id = match &page.edited {
        Some(item) => {
            again(item, name, definition).map_err(refused)?;
            item.id
        }
        None => store
            .add(KIND, &name, by, names, definition)
            .map_err(refused)?,
    };
    let kept = serde_json::json!({ "address": address.encode() });
    let form = match form_of(context, id) {
        Some(form) => again(&form, form.name.clone(), kept),
        None => store
            .add(FORM, &id.to_string(), by, names, kept)
            .map(|_| ()),
    };
    form.map_err(refused)?;
    context.reader.note("saved report", &id.to_string());
    Ok(id)
}

pub async fn delete(context: Context, Path(id): Path<String>) -> Response {
    let form = id.parse().ok().and_then(|id| form_of(&context, id));
    let removed = remove(&context, &id, KIND, "deleted report").and_then(|()| match form {
        Some(form) => {
            let deleted = context.reader.tenant.saved.delete(form.id);
            deleted.map(|_| ()).map_err(refused)
        }
        None => Ok(()),
    });
    removed.map_or_else(
        |failure| failure.page(&context),
        |()| Redirect::to("/reports#custom").into_response(),
    )
}

/// The definition of what the builder's address says.
pub async fn definition(context: Context) -> Response {
    context.answer(draw_definition).await
}

fn draw_definition(context: &Context) -> Result<Response, Failure> {
    let page = Page::read(context, &context.pairs)?;
    let title = page
        .edited
        .as_ref()
        .map_or("Custom report", |item| item.name.as_str());
    let definition = page.custom.definition(title, &context.clock);
    file(&definition.map_err(|_| Failure::internal("a report has no definition"))?)
}

/// The definition of a saved report.
pub async fn saved_definition(context: Context) -> Response {
    context.answer(|context| file(&find(context)?.1)).await
}

fn file(definition: &ReportDefinition) -> Result<Response, Failure> {
    let json = serde_json::to_vec_pretty(definition)
        .map_err(|_| Failure::internal("a report has no JSON form"))?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (
            CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment; filename=\"report.json\""),
        ),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox")),
    ];
    Ok((headers, json).into_response())
}

//! Rows of activities as a table: on the log, and on the pages of people and reports.

use std::convert::Infallible;

use chrono::NaiveDate;
use maud::{Markup, PreEscaped, html};
use report_query::activity::columns as c;
use report_query::{Expr, QueryResult, Value};

use super::columns::{Column, Order};
use super::context::Row;
use super::field::{Field, Op};
use super::layout::{icon, result, source};
use super::text;
use super::time::{Clock, TimeHead};
use super::view::{Density, View};

/// The columns of the store that the table is drawn from.
pub fn needed() -> Vec<Expr> {
    vec![
        c::TIME,
        c::ROW,
        c::ID,
        c::SOURCE,
        c::ACTIVITY,
        c::KIND,
        c::SERVICE,
        c::CATEGORY,
        c::OPERATION,
        c::RESULT,
        c::REASON,
        c::ACTOR,
        c::ACTOR_KIND,
        c::ACTOR_ID,
        c::ACTOR_NAME,
        c::ACTOR_ACCOUNT,
        c::ACTOR_DOMAIN,
        c::ACTOR_UPN,
        c::ACTOR_IP,
        c::TARGETS,
        c::TARGET_TYPES,
        c::CORRELATION,
        c::APPROVERS_ASKED,
    ]
}

/// A target as the table shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown<'a> {
    pub object_type: &'a str,
    pub id: Option<&'a str>,
    pub name: &'a str,
}

/// The targets that say something, groups and roles first: a membership is of the group.
pub fn targets<'a>(row: &Row<'a>) -> Vec<Shown<'a>> {
    let items = row
        .value("targets")
        .and_then(Value::as_list)
        .unwrap_or_default();
    let mut shown: Vec<Shown<'a>> = items
        .iter()
        .filter_map(|item| {
            let fields: Vec<Option<&str>> = item.as_record()?.iter().map(Value::as_text).collect();
            let field = |at: usize| {
                fields
                    .get(at)
                    .copied()
                    .flatten()
                    .filter(|text| !text.is_empty())
            };
            let name = [2, 3, 4, 1].into_iter().find_map(field)?;
            (name != "00000000-0000-0000-0000-000000000000").then_some(Shown {
                object_type: field(0).unwrap_or("Object"),
                id: field(1),
                name,
            })
        })
        .collect();
    shown.sort_by_key(|target| !matches!(target.object_type, "Group" | "Role"));
    shown
}

pub struct Table<'a> {
    pub view: &'a View,
    pub clock: &'a Clock,
    pub density: Density,
    /// The heading that names the table.
    pub heading: &'a str,
    /// Heads of columns are links that sort.
    pub sorts: bool,
}

impl Table<'_> {
    pub fn draw(&self, rows: &QueryResult) -> Markup {
        let mut body = String::new();
        self.each(rows, |row| {
            body.push_str(&row.into_string());
            Ok::<(), Infallible>(())
        })
        .unwrap_or_else(|never| match never {});
        self.around(rows, &PreEscaped(body))
    }

    /// The table with what is to stand in it, which [`each`](Self::each) gives.
    pub fn around(&self, rows: &QueryResult, body: &Markup) -> Markup {
        let columns = &self.view.columns;
        let wide = columns.len() > 8;
        let times = self.times(rows);
        let table = html! {
            table class={ "t" @if self.density == Density::Compact { " compact" } } role="table" aria-labelledby=(self.heading) {
                thead role="rowgroup" {
                    tr role="row" { @for column in columns { (self.head(*column, &times)) } }
                }
                tbody role="rowgroup" { (body) }
            }
        };
        html! {
            @if wide {
                div.scroll tabindex="0" role="region" aria-label="Rows, may be scrolled sideways" { (table) }
            } @else { (table) }
        }
    }

    fn times(&self, rows: &QueryResult) -> TimeHead {
        let times = Row::all(rows).filter_map(|row| row.time("time"));
        self.clock.head(times)
    }

    fn head(&self, column: Column, times: &TimeHead) -> Markup {
        let order = self.view.order;
        let current = order.column == column;
        let label = html! {
            (column.label())
            @if column == Column::Time { " (" (times.zone()) ")" }
            @if current { (icon(if order.descending { "down" } else { "up" })) }
        };
        let sort = current.then_some(if order.descending {
            "descending"
        } else {
            "ascending"
        });
        html! {
            th role="columnheader" scope="col" class=(column.class()) aria-sort=[sort] {
                @if column.sort().is_some() && self.sorts {
                    @let descending = if current { !order.descending } else { column == Column::Time };
                    @let next = View { order: Order { column, descending }, skip: None, ..self.view.clone() };
                    a href=(next.link()) { (label) }
                } @else { (label) }
            }
        }
    }

    /// Gives the rows one by one, with the days' heads between them.
    pub fn each<E>(
        &self,
        rows: &QueryResult,
        mut take: impl FnMut(Markup) -> Result<(), E>,
    ) -> Result<(), E> {
        let times = self.times(rows);
        let by_day = self.view.order.column == Column::Time;
        let mut day: Option<NaiveDate> = None;
        for row in Row::all(rows) {
            let date = row.time("time").map(|time| self.clock.date(time));
            let begins = date.filter(|date| by_day && day.replace(*date) != Some(*date));
            take(html! {
                @if let Some(date) = begins {
                    tr.day role="row" {
                        th role="rowheader" scope="rowgroup" colspan=(self.view.columns.len()) { (self.clock.day_head(date)) }
                    }
                }
                tr role="row" { @for column in &self.view.columns { (self.cell(*column, &row, by_day, &times)) } }
            })?;
        }
        Ok(())
    }

    fn cell(&self, column: Column, row: &Row<'_>, by_day: bool, times: &TimeHead) -> Markup {
        let not = |field: Field, value: &str| {
            self.sorts.then(|| {
                self.view
                    .filtered(self.view.filter.clone().excluded(field, value))
                    .link()
            })
        };
        let plain = |field: Option<Field>, name: &str| {
            let value = row.text(name);
            let not = field
                .zip(value)
                .and_then(|(field, value)| not(field, value));
            html! {
                td role="cell" class=(column.class()) data-not=[not] data-l=(column.label()) { (or_none(value)) }
            }
        };
        match column {
            Column::Time => html! {
                td role="cell" class="when" {
                    @if let Some(time) = row.time("time") {
                        @if by_day { (self.clock.tag(time, &self.clock.time_of_day(time))) }
                        @else { (self.clock.exact(time)) }
                        (self.clock.own_offset(times, time))
                    }
                }
            },
            Column::Activity => html! {
                td role="cell" class="act" data-not=[row.text("activity").and_then(|value| not(Field::Activity, value))] {
                    a href=(self.open(row)) { (text::value(row.text("activity").unwrap_or("Activity"))) }
                    (self.below(row))
                }
            },
            Column::Result => html! {
                td role="cell" class="rs" data-not=[row.text("result").and_then(|value| not(Field::Result, value))] {
                    (result(row.text("result").unwrap_or("unknown")))
                }
            },
            Column::Source => {
                let choice = if row.text("source") == Some("identity_manager") {
                    super::field::ON_PREMISES
                } else {
                    super::field::CLOUD
                };
                html! {
                    td role="cell" class="so" data-not=[not(Field::Source, choice)] {
                        (source(row.text("source").unwrap_or_default()))
                    }
                }
            }
            Column::InitiatedBy => self.actor(row),
            Column::Target => self.target(row),
            Column::Service => plain(Some(Field::Service), "service"),
            Column::Category => plain(Some(Field::Category), "category"),
            Column::Operation => plain(Some(Field::Operation), "operation"),
            Column::Reason => plain(None, "reason"),
            Column::Kind => plain(Some(Field::Kind), "kind"),
            Column::Ip => plain(None, "actor_ip"),
            Column::ResourceType => html! {
                td role="cell" class="more" data-l="Resource type" { (or_none(Some(row.texts("target_types").join(", ").as_str()).filter(|text| !text.is_empty()))) }
            },
            Column::Correlation => html! {
                td role="cell" class="more" data-l="Correlation id" {
                    @match row.text("correlation") {
                        Some(id) => a href=(self.filtered(Field::Correlation, id)) { code { (text::value(id)) } },
                        None => (or_none(None)),
                    }
                }
            },
            Column::Id => html! {
                td role="cell" class="more" data-l="Id" {
                    code { (row.value("id").map(ToString::to_string).unwrap_or_default()) }
                }
            },
        }
    }

    fn filtered(&self, field: Field, value: &str) -> String {
        self.view
            .filtered(
                self.view
                    .filter
                    .clone()
                    .without_field(field)
                    .with(field, Op::Is, value),
            )
            .link()
    }

    fn open(&self, row: &Row<'_>) -> String {
        let id = row.value("id").map(ToString::to_string).unwrap_or_default();
        let mut pairs = super::params::Pairs::default();
        let back = self.view.first_page().pairs().encode();
        if self.sorts && !back.is_empty() {
            pairs.add("back", back);
        }
        if let Some(zone) = self.view.zone {
            pairs.add("tz", zone.name());
        }
        pairs.link(&format!("/log/{id}"))
    }

    /// Why, or whom it waits for.
    fn below(&self, row: &Row<'_>) -> Markup {
        let asked = row.texts("approvers_asked");
        if let (Some("pending"), [first, more @ ..]) = (row.text("result"), asked.as_slice()) {
            return html! {
                span.sub { "asked: " (text::value(first)) @if !more.is_empty() { " and " (more.len()) " more" } }
            };
        }
        // That it went well needs no words.
        let reason = row
            .text("reason")
            .filter(|_| row.text("result") != Some("success"));
        html! { @if let Some(reason) = reason { span.sub { (text::value(reason)) } } }
    }

    fn actor(&self, row: &Row<'_>) -> Markup {
        let name = row.text("actor_name").or(row.text("actor"));
        let value = row.text("actor_id").or(row.text("actor"));
        let not = value.filter(|_| self.sorts).map(|value| {
            self.view
                .filtered(self.view.filter.clone().excluded(Field::InitiatedBy, value))
                .link()
        });
        html! {
            td role="cell" class="who" data-l="By" data-not=[not] {
                @match name.zip(value) {
                    Some((name, value)) => {
                        span.nm { a href=(self.filtered(Field::InitiatedBy, value)) { (text::value(name)) } }
                        @if let Some(sub) = account(row).filter(|sub| sub != name) { span.sub { (text::value(&sub)) } }
                    }
                    None => (or_none(None)),
                }
            }
        }
    }

    fn target(&self, row: &Row<'_>) -> Markup {
        let shown = targets(row);
        html! {
            td role="cell" class="tgt" data-l="Target" {
                div {
                    @match shown.split_first() {
                        None => (or_none(None)),
                        Some((first, rest)) => {
                            span.nm {
                                span.vh { (text::value(first.object_type)) ": " }
                                @match first.id {
                                    Some(id) => a href=(self.filtered(Field::Target, id)) { (text::value(first.name)) },
                                    None => (text::value(first.name)),
                                }
                            }
                            @if let Some(second) = rest.first() {
                                span.sub {
                                    span.vh { (text::value(second.object_type)) ": " }
                                    (text::value(second.name))
                                    @if rest.len() > 1 { " and " (rest.len() - 1) " more" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What tells an actor from others of the name.
fn account(row: &Row<'_>) -> Option<String> {
    if let Some(account) = row.text("actor_account") {
        return Some(match row.text("actor_domain") {
            Some(domain) => format!("{domain}\\{account}"),
            None => account.to_owned(),
        });
    }
    let word = match row.text("actor_kind") {
        Some("app") => Some("application"),
        Some("service") => Some("service"),
        _ => None,
    };
    row.text("actor_upn").or(word).map(str::to_owned)
}

/// A value, or a dash that is read as "none".
pub fn or_none(value: Option<&str>) -> Markup {
    html! {
        @match value {
            Some(value) => (text::value(value)),
            None => { span aria-hidden="true" { "–" } span.vh { "none" } }
        }
    }
}

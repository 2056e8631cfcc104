//! The choices of the filter, each with how many rows it would leave: exact, or not said.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use maud::{Markup, html};
use report_query::activity::columns as c;
use report_query::{Expr, QueryResult, Snapshot, Value};

use super::context::{Context, number};
use super::failure::Failure;
use super::field::{CLOUD, Field, ON_PREMISES, Op, RESULTS};
use super::filter::Filter;
use super::layout::icon;
use super::numbers::grouped;
use super::text;
use super::time::Clock;
use super::view::View;

/// For all counts of a page, which one pass over the rows makes.
const DEADLINE: Duration = Duration::from_millis(500);
/// Choices shown of a field until more are asked for.
const SHOWN: usize = 6;
/// Choices shown when they are.
const MOST: usize = 500;

const FIELDS: [Field; 7] = [
    Field::Source,
    Field::Result,
    Field::Service,
    Field::Category,
    Field::Activity,
    Field::ResourceType,
    Field::Operation,
];

/// A field's choices; none if the time was over before they were counted.
#[derive(Debug)]
pub struct Facet {
    pub field: Field,
    pub choices: Option<Vec<(String, u64)>>,
}

fn column(field: Field) -> Expr {
    match field {
        Field::Source => c::SOURCE,
        Field::Result => c::RESULT,
        Field::Service => c::SERVICE,
        Field::Category => c::CATEGORY,
        Field::Activity => c::ACTIVITY,
        Field::ResourceType => c::TARGET_TYPES,
        _ => c::OPERATION,
    }
}

/// Counts all choices, each field without what the filter says of it, so that a second
/// choice beside the first has its number, too. And how many rows match it all.
pub fn facets(
    context: &Context,
    view: &View,
    clock: &Clock,
    snapshot: &Snapshot,
) -> Result<(u64, Vec<Facet>), Failure> {
    let began = Instant::now();
    let filter = &view.filter;
    let is_late = || !view.counts && began.elapsed() >= DEADLINE;
    let fields = FIELDS.map(|field| (field, column(field)));
    let counts = match context.count_facets(filter.facets(&fields, clock), snapshot, &is_late) {
        Err(Failure::Deadline) if is_late() => {
            tracing::debug!("counts of choices took too long");
            None
        }
        counts => Some(counts?),
    };
    let facet = |(index, field): (usize, Field)| {
        let counts = counts.as_ref().and_then(|counts| counts.get(index));
        let choices = counts.map(|counts| ordered(field, filter, fold(field, counts)));
        Facet { field, choices }
    };
    let facets = FIELDS.into_iter().enumerate().map(facet).collect();
    let total = match &counts {
        Some(counts) => counts.total(),
        None => context.count(filter.query(clock), snapshot)?,
    };
    Ok((total, facets))
}

fn fold(field: Field, result: &QueryResult) -> BTreeMap<String, u64> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (index, row) in result.rows().enumerate() {
        if let Some(Value::Text(value)) = row.first() {
            let rows = number(result, index, "count");
            *counts.entry(as_choice(field, value)).or_default() += rows;
        }
    }
    counts
}

fn as_choice(field: Field, value: &str) -> String {
    match (field, value) {
        (Field::Source, "identity_manager") => ON_PREMISES.to_owned(),
        (Field::Source, _) => CLOUD.to_owned(),
        _ => value.to_owned(),
    }
}

/// What is chosen first, then by number. What is chosen, and what is always there to be
/// chosen, is shown with zero, too.
fn ordered(field: Field, filter: &Filter, mut counts: BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let documented: Vec<&str> = match field {
        Field::Source => vec![ON_PREMISES, CLOUD],
        Field::Result => RESULTS.iter().take(4).map(|(key, _)| *key).collect(),
        _ => Vec::new(),
    };
    let chosen = filter
        .values(field, Op::Is)
        .chain(filter.values(field, Op::Not));
    for value in chosen.chain(documented) {
        counts.entry(value.to_owned()).or_default();
    }
    let mut choices: Vec<(String, u64)> = counts.into_iter().collect();
    choices.sort_by(|(a, many), (b, few)| {
        let is_chosen =
            |value: &str| filter.has(field, Op::Is, value) || filter.has(field, Op::Not, value);
        is_chosen(b)
            .cmp(&is_chosen(a))
            .then(few.cmp(many))
            .then_with(|| a.cmp(b))
    });
    choices
}

/// The panel beside the log.
pub fn panel(view: &View, facets: &[Facet]) -> Markup {
    let late = facets.iter().any(|facet| facet.choices.is_none());
    html! {
        details.facets.card open[view.more.is_some()] {
            summary.btn.ghost { (icon("filt")) "Filters" (icon("down")) }
            div.panel {
                @if late {
                    div.note { div { "Counts took too long. " a href=(View { counts: true, ..view.clone() }.link()) { "Count now" } } }
                }
                (names(view))
                @for facet in facets { (section(view, facet)) }
            }
        }
    }
}

/// The two fields that are typed.
fn names(view: &View) -> Markup {
    html! {
        @for (field, hint) in [(Field::InitiatedBy, "Name or id"), (Field::Target, "Name or id")] {
            @let name = field.parameter(Op::Starts).unwrap_or_default();
            @let rest = view.filtered(view.filter.clone().without_field(field));
            @let id = format!("f-{}", field.name());
            form.find action="/log" {
                (super::layout::carried(&rest.pairs(), &[]))
                @for op in [Op::Is, Op::Not] {
                    @for value in view.filter.values(field, op) {
                        input type="hidden" name=(field.parameter(op).unwrap_or_default()) value=(value);
                    }
                }
                div.field {
                    label for=(id) { (field.label()) " starts with" }
                    div.row {
                        input.inp id=(id) name=(name) maxlength="500" autocomplete="off" placeholder=(hint)
                            value=(view.filter.values(field, Op::Starts).next().unwrap_or_default());
                        button.btn type="submit" { "Apply" span.vh { " " (field.label()) } }
                    }
                }
            }
        }
    }
}

fn section(view: &View, facet: &Facet) -> Markup {
    let field = facet.field;
    let filter = &view.filter;
    let choices = facet.choices.as_deref().unwrap_or_default();
    let all = view.more == Some(field);
    let shown = if all { MOST } else { SHOWN };
    html! {
        section.facet {
            h3 id={ "facet-" (field.name()) } {
                (field.label())
                @if filter.speaks_of(field) {
                    a href=(view.filtered(filter.clone().without_field(field)).link()) { "Clear" span.vh { " " (field.label()) } }
                }
            }
            @if facet.choices.is_none() {
                p.ct { "Not counted in time." }
            }
            ul {
                @for (value, rows) in choices.iter().take(shown) { (choice(view, field, value, *rows)) }
            }
            @if !all && choices.len() > shown {
                a.all href={ (View { more: Some(field), ..view.clone() }.link()) "#facet-" (field.name()) } {
                    (grouped((choices.len() - shown) as u64)) " more"
                }
            } @else if all {
                a.all href={ (View { more: None, ..view.clone() }.link()) "#facet-" (field.name()) } { "Fewer" }
                @if choices.len() > shown { p.ct { "The first " (grouped(shown as u64)) " of " (grouped(choices.len() as u64)) "." } }
            }
        }
    }
}

fn choice(view: &View, field: Field, value: &str, rows: u64) -> Markup {
    let filter = &view.filter;
    let label = field.show(value);
    let chosen = filter.has(field, Op::Is, value);
    let left_out = filter.has(field, Op::Not, value);
    html! {
        li {
            a href=(view.filtered(filter.clone().toggled(field, value)).link()) aria-current=[chosen.then_some("true")] {
                span.box aria-hidden="true" {
                    @if chosen { (icon("ok")) } @else if left_out { (icon("minus")) }
                }
                span class={ "lb" @if rows == 0 { " zero" } } {
                    @if field == Field::Source {
                        span class={ "dot " (if value == ON_PREMISES { "onprem" } else { "cloud" }) } aria-hidden="true" {}
                    }
                    (text::value(&label))
                    @if chosen { span.vh { " (chosen)" } }
                    @if left_out { span.vh { " (left out)" } }
                }
                span.ct { (grouped(rows)) }
            }
            a.ex href=(view.filtered(filter.clone().excluded(field, value)).link())
                title={ (if left_out { "No longer leave out " } else { "Leave out " }) (text::plain(&label)) }
                aria-label={ (if left_out { "No longer leave out " } else { "Leave out " }) (text::plain(&label)) } {
                (icon("minus"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_counted_in_time_is_said_and_can_be_asked_for() {
        let view = View::default();
        let late = |choices| Facet {
            field: Field::Result,
            choices,
        };
        let html = panel(&view, &[late(None)]).into_string();
        assert!(html.contains("Counts took too long. <a href=\"/log?counts=all\">Count now</a>"));
        assert!(html.contains("Not counted in time."));
        let counted = late(Some(vec![("failure".to_owned(), 7)]));
        let html = panel(&view, &[counted]).into_string();
        assert!(
            !html.contains("too long") && html.contains("failure"),
            "{html}"
        );
    }

    #[test]
    fn what_is_chosen_comes_first_and_is_shown_with_zero() {
        let filter = Filter::default()
            .with(Field::Result, Op::Is, "denied")
            .with(Field::Result, Op::Not, "expired");
        let counts = BTreeMap::from([
            ("success".to_owned(), 90),
            ("failure".to_owned(), 7),
            ("denied".to_owned(), 2),
        ]);
        let found = ordered(Field::Result, &filter, counts);
        let keys: Vec<(&str, u64)> = found
            .iter()
            .map(|(value, rows)| (value.as_str(), *rows))
            .collect();
        assert_eq!(
            keys,
            [
                ("denied", 2),
                ("expired", 0),
                ("success", 90),
                ("failure", 7),
                ("pending", 0)
            ]
        );
    }
}

//! What the log is asked with: menus, the search, the period, chips.

use std::collections::BTreeMap;

use super::*;

impl Log<'_> {
    pub(super) fn head(&self, total: u64) -> Markup {
        let (first, last) = self.filter().period.dates(&self.clock, None);
        html! {
            div.head {
                h1 { "Audit log" }
                div.acts { (self.saved()) (self.exports(total))
                    a.btn href=(self.view.fixed(&self.clock, self.as_of).link())
                        title="A link that shows the same rows to anybody, in this zone" { (icon("link")) "Fixed link" }
                }
                p.lead.vh { "From " (self.clock.day(first)) " to " (self.clock.day(last)) ", end included, " (self.clock.zone_label()) "." }
            }
        }
    }

    pub(super) fn saved(&self) -> Markup {
        let views = self.context.saved(crate::portal::views::KIND);
        let here = self.view.saved().pairs().encode();
        menu(
            html! { (icon("save")) "Saved views" },
            html! {
                @if views.is_empty() { p.hint { "Nothing saved yet." } }
                @else {
                    div.list { @for view in &views { a href={ "/v/" (view.id) } { (text::value(&view.name)) } } }
                    a href="/views" { "All saved views" }
                }
                p.hint { "A view keeps filters, columns and order." }
                form.line method="post" action="/views" {
                    input type="hidden" name="query" value=(here);
                    label.vh for="view-name" { "Name of the view" }
                    input.inp #view-name name="name" required maxlength="80" placeholder="Name this view";
                    button.btn type="submit" { "Save this one" }
                }
            },
        )
    }

    pub(super) fn exports(&self, total: u64) -> Markup {
        let link = |format| self.pinned().as_format(format).link();
        menu(
            html! { (icon("get")) "Export" },
            html! {
                p.hint { "All " (grouped(total)) " rows of this filter, these columns" }
                a href=(link(Format::Csv)) { "CSV" }
                a href=(link(Format::Json)) { "JSON" }
                a href=(link(Format::Ndjson)) { "NDJSON" }
                a href=(link(Format::Print)) { "Print all" }
                p.hint { "The same question as text" }
                a href=(link(Format::Query)) { "Query JSON, Graph, KQL" }
            },
        )
    }

    pub(super) fn search(&self) -> Markup {
        let without_text = self.view.filtered(self.filter().clone().without_text());
        html! {
            div.qbar {
                form.search #search role="search" aria-label="Audit log" action="/log" {
                    (carried(&without_text.pairs(), &[]))
                    label.vh for="q" { "Search names, accounts, reasons and ids" }
                    (icon("find"))
                    input.inp #q name="q" type="search" autocomplete="off" maxlength="500"
                        placeholder="Search names, accounts, reasons, ids"
                        value=(self.filter().text.as_deref().unwrap_or_default());
                    kbd aria-hidden="true" { "/" }
                }
                (self.periods())
                button.btn.primary type="submit" form="search" { "Search" }
            }
        }
    }

    pub(super) fn periods(&self) -> Markup {
        let filter = self.filter();
        let kept = self.context.app.config.retention_days;
        let presets = [
            ("Last 24 hours".to_owned(), Period::Hours(24)),
            ("Last 7 days".to_owned(), Period::Days(7)),
            ("Last 14 days".to_owned(), Period::Days(14)),
            (format!("All {kept} days"), self.context.all_kept()),
        ];
        let (first, last) = filter.period.dates(
            &self.clock,
            self.snapshot.time_range().map(|(oldest, _)| oldest),
        );
        let rest = self.view.filtered(filter.clone().during(Period::default()));
        menu(
            html! { (icon("cal")) (filter.period.label(&self.clock)) },
            html! {
                p.hint { (self.clock.zone_label()) ", end included" }
                @for (label, period) in presets {
                    a href=(self.view.filtered(filter.clone().during(period)).link())
                        aria-current=[(period == filter.period).then_some("true")] { (label) }
                }
                form.line action="/log" {
                    (carried(&rest.pairs(), &[]))
                    div.field { label for="p-from" { "From" } input.inp #p-from type="date" name="from" value=(first); }
                    div.field { label for="p-to" { "To, this day included" } input.inp #p-to type="date" name="to" value=(last); }
                    button.btn type="submit" { "Show these days" }
                }
            },
        )
    }

    pub(super) fn chips(&self) -> Result<Markup, Failure> {
        let filter = self.filter();
        let chips = filter.chips();
        let people = chips.iter().filter(|chip| chip.people);
        let ids = people.flat_map(|chip| chip.values.iter().map(String::as_str));
        let names = self.context.names_of(ids, &self.snapshot)?;
        Ok(html! {
            ul.chips #chips aria-label="Filters in force" {
                @for chip in &chips { (self.chip(chip, &names)) }
                @if !filter.is_clear() {
                    li { a.btn.ghost href=(self.view.filtered(filter.cleared()).link()) { "Clear all" } }
                }
            }
        })
    }

    fn chip(&self, chip: &Chip, names: &BTreeMap<String, String>) -> Markup {
        // People are filtered by id and shown by name.
        let name = |value: &String| names.get(value).filter(|_| chip.people).cloned();
        let show = |value: &String| name(value).unwrap_or_else(|| value.clone());
        let values: Vec<String> = chip.values.iter().map(show).collect();
        let label = format!("{} {}", chip.label, text::plain(&values.join(" or ")));
        html! {
            li.chip {
                span {
                    span.k { (chip.label) } " "
                    b { @for (index, value) in values.iter().enumerate() { @if index > 0 { " or " } (text::value(value)) } }
                }
                a href={ (self.view.filtered(chip.without.clone()).link()) "#chips" } title="Remove"
                    aria-label={ "Remove filter: " (label) } { (icon("x")) }
            }
        }
    }
}

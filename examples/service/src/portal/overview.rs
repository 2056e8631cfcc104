//! The overview: a period in numbers and charts, each of which leads to its rows.

mod cards;
mod ranks;

use std::collections::BTreeMap;

use axum::response::Response;
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, TimeDelta, Timelike, Utc};
use maud::{Markup, html};
use report_query::activity::columns as c;
use report_query::{
    Bucket, Query, Snapshot, arg_max, asc, col, count, count_distinct, count_if, desc, last, max,
    min, percentile, sum,
};

use super::chart::{Bar, Rank, SOURCES, Stacked, UNSUCCESSFUL, heat, ranking, split};
use super::context::{Context, Row};
use super::failure::Failure;
use super::field::{Field, Op};
use super::filter::Filter;
use super::layout::{Place, icon, menu};
use super::log::no_activity;
use super::numbers::{change, counted, duration, grouped, percent};
use super::params::{BadParameter, Pairs};
use super::period::Period;
use super::rows::{needed, targets};
use super::text;
use super::time::Clock;

const RESETS: [&str; 2] = ["password.reset.self", "password.reset.admin"];
const RANKED: u64 = 6;

pub async fn show(context: Context) -> Response {
    context.answer(draw).await
}

struct Overview<'a> {
    context: &'a Context,
    clock: Clock,
    filter: Filter,
    /// Built-in accounts are among the requestors.
    accounts: bool,
    snapshot: Snapshot,
    days: BTreeMap<NaiveDate, Counts>,
    hours: [[u64; 24]; 7],
}

/// Counts of a day, or of all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    sources: [u64; 2],
    unsuccessful: [u64; 3],
}

impl Counts {
    fn total(&self) -> u64 {
        self.sources.iter().sum()
    }

    fn refused(&self) -> u64 {
        self.unsuccessful.iter().take(2).sum()
    }

    fn add(&mut self, other: &Self) {
        self.sources
            .iter_mut()
            .zip(other.sources)
            .for_each(|(sum, more)| *sum += more);
        self.unsuccessful
            .iter_mut()
            .zip(other.unsuccessful)
            .for_each(|(sum, more)| *sum += more);
    }
}

fn draw(context: &Context) -> Result<Response, Failure> {
    context.only(&["range", "from", "to", "source", "accounts"])?;
    let clock = context.clock;
    let filter = Filter::read(&context.pairs, &clock)?;
    let accounts = match context.pairs.single("accounts")? {
        None => false,
        Some("all") => true,
        Some(_) => return Err(BadParameter::new("accounts", "must be `all`").into()),
    };
    let mut overview = Overview {
        context,
        clock,
        filter,
        accounts,
        snapshot: context.snapshot(),
        days: BTreeMap::new(),
        hours: [[0; 24]; 7],
    };
    if let Some(elsewhere) = context.canonical(&overview.pairs(&overview.filter, accounts)) {
        return Ok(elsewhere);
    }
    if overview.snapshot.is_empty() {
        let body = html! { div.head { h1 { "Overview" } } section.card { (no_activity()) } };
        return Ok(context.page(Place::Overview, "Overview", body));
    }
    overview.count_hours()?;
    overview.page()
}

impl Overview<'_> {
    fn pairs(&self, filter: &Filter, accounts: bool) -> Pairs {
        let mut pairs = filter.pairs();
        if accounts {
            pairs.add("accounts", "all");
        }
        if let Some(tz) = self.context.tz() {
            pairs.add("tz", tz);
        }
        pairs
    }

    fn here(&self, filter: &Filter) -> String {
        self.pairs(filter, self.accounts).link("/")
    }

    /// A link to the log with this page's filter and more.
    fn log(&self, filter: &Filter) -> String {
        let mut pairs = filter.pairs();
        if let Some(tz) = self.context.tz() {
            pairs.add("tz", tz);
        }
        pairs.link("/log")
    }

    fn with(&self, conditions: &[(Field, &str)]) -> String {
        let filter = conditions
            .iter()
            .fold(self.filter.clone(), |filter, (field, value)| {
                filter.with(*field, Op::Is, *value)
            });
        self.log(&filter)
    }

    /// One pass gives all that is drawn by day and by hour.
    fn count_hours(&mut self) -> Result<(), Failure> {
        let bucket = Bucket::HOUR.in_zone(self.clock.clocks());
        let query = self
            .filter
            .query(&self.clock)
            .group_by([c::TIME.bucket(bucket), c::SOURCE, c::RESULT])
            .aggregate([count().alias("rows")]);
        let result = self.context.run(&query, &self.snapshot)?;
        let (first, last) = self.dates();
        let mut day = first;
        while day <= last {
            self.days.insert(day, Counts::default());
            day = day + Days::new(1);
        }
        for row in Row::all(&result) {
            let Some(time) = row.time("time") else {
                continue;
            };
            let rows = row.number("rows");
            let local = self.clock.local(time);
            let counts = self.days.entry(local.date_naive()).or_default();
            counts.sources[usize::from(row.text("source") != Some("identity_manager"))] += rows;
            let series = UNSUCCESSFUL
                .iter()
                .position(|series| Some(series.class) == row.text("result"));
            if let Some(series) = series {
                counts.unsuccessful[series] += rows;
            }
            let weekday = local.weekday().num_days_from_monday() as usize;
            self.hours[weekday][local.hour() as usize] += rows;
        }
        Ok(())
    }

    fn dates(&self) -> (NaiveDate, NaiveDate) {
        let oldest = self.snapshot.time_range().map(|(oldest, _)| oldest);
        let (first, last) = self.filter.period.dates(&self.clock, oldest);
        // A period may begin long before anything is kept.
        (first.max(last - Days::new(400)), last)
    }

    fn totals(&self) -> Counts {
        let mut totals = Counts::default();
        self.days.values().for_each(|day| totals.add(day));
        totals
    }

    fn page(&self) -> Result<Response, Failure> {
        let totals = self.totals();
        let since = self.context.kept_since();
        let body = html! {
            (self.head(since))
            div.stats { (self.cards(&totals)?) }
            div.grid {
                (self.by_day(&totals))
                (self.waiting()?)
                (self.not_successful(&totals))
                (self.groups()?)
                (self.requestors()?)
                (heat("c-heat", "Busiest hours", &self.hours, |day, hour| {
                    self.with(&[(Field::Weekday, &(day + 1).to_string()), (Field::Hour, &hour.to_string())])
                }))
            }
            (self.foot())
        };
        Ok(self.context.page(Place::Overview, "Overview", body))
    }

    fn head(&self, since: DateTime<Utc>) -> Markup {
        let kept = self.context.app.config.retention_days;
        let whole = self.context.all_kept();
        let periods = [
            ("24 h", Period::Hours(24)),
            ("7 days", Period::Days(7)),
            ("14 days", Period::Days(14)),
        ];
        let all = format!("{kept} days");
        let (first, last) = self.dates();
        let of = |period| self.here(&self.filter.clone().during(period));
        let today = self.clock.today();
        let rest = self.pairs(
            &self.filter.clone().during(Period::default()),
            self.accounts,
        );
        html! {
            div.head {
                h1 { "Overview" }
                nav.seg aria-label="Period" {
                    @for (label, period) in periods {
                        a href=(of(period)) aria-current=[(period == self.filter.period).then_some("true")] { (label) }
                    }
                    @if kept > 14 {
                        a href=(of(whole)) aria-current=[(whole == self.filter.period).then_some("true")] { (all) }
                    }
                }
                div.acts {
                    (self.sources())
                    (menu(html! { (icon("cal")) (self.filter.period.label(&self.clock)) }, html! {
                        p.hint { "Times in " (self.clock.zone_label()) ", end included" }
                        a href=(of(Period::Days(1))) { "Today" }
                        a href=(of(Period::day(today - Days::new(1)))) { "Yesterday" }
                        form.line action="/" {
                            (super::layout::carried(&rest, &[]))
                            div.field { label for="p-from" { "From" } input.inp #p-from type="date" name="from" value=(first); }
                            div.field { label for="p-to" { "To, this day included" } input.inp #p-to type="date" name="to" value=(last); }
                            button.btn type="submit" { "Show these days" }
                        }
                    }))
                }
                p.lead {
                    "Who did what, on-premises and in the cloud. Kept: "
                    (self.context.app.config.retention_days) " days, since " (self.clock.day(self.clock.date(since))) "."
                }
            }
        }
    }

    fn sources(&self) -> Markup {
        let bare = self.filter.clone().without_field(Field::Source);
        let choices = [
            ("Both sources", bare.clone()),
            (
                "On-premises",
                bare.clone().with(Field::Source, Op::Is, "onPremises"),
            ),
            ("Cloud", bare.with(Field::Source, Op::Is, "cloud")),
        ];
        let current = choices
            .iter()
            .find(|(_, filter)| *filter == self.filter)
            .map_or("Sources", |(label, _)| label);
        menu(
            html! { (icon("filt")) (current) },
            html! {
                @for (label, filter) in &choices {
                    a href=(self.here(filter)) aria-current=[(*filter == self.filter).then_some("true")] { (label) }
                }
            },
        )
    }

    fn bars(&self, filter: &Filter, values: impl Fn(&Counts) -> Vec<u64>) -> Vec<Bar> {
        let today = self.clock.today();
        let exact = matches!(self.filter.period, Period::Hours(_)) || !self.whole_days();
        let (from, to) = self.filter.period.bounds(&self.clock);
        self.days
            .iter()
            .map(|(day, counts)| {
                // A day that the period cuts leads to the part that was counted.
                let period = if exact {
                    let start = self
                        .clock
                        .start(*day)
                        .max(from.unwrap_or(DateTime::<Utc>::MIN_UTC));
                    let end = self
                        .clock
                        .end(*day)
                        .min(to.unwrap_or(DateTime::<Utc>::MAX_UTC));
                    Period::moments(start, end)
                } else {
                    Period::day(*day)
                };
                Bar {
                    label: self.clock.day(*day),
                    axis: (day.format("%a").to_string(), day.format("%-d").to_string()),
                    note: (*day == today).then(|| {
                        format!("until {}", self.clock.local(self.clock.now).format("%H:%M"))
                    }),
                    href: self.log(&filter.clone().during(period)),
                    values: values(counts),
                }
            })
            .collect()
    }

    fn whole_days(&self) -> bool {
        let (from, to) = self.filter.period.bounds(&self.clock);
        let is_start = |time: DateTime<Utc>| self.clock.start(self.clock.date(time)) == time;
        from.is_none_or(is_start) && to.is_none_or(is_start)
    }

    fn summary(&self, what: &str, totals: u64, bars: &[Bar]) -> String {
        let (first, last) = self.dates();
        let peak = bars.iter().max_by_key(|bar| bar.total());
        let peak = peak
            .filter(|bar| bar.total() > 0)
            .map(|bar| format!(" The most on {}: {}.", bar.label, grouped(bar.total())));
        format!(
            "{what}, {}: {} in all.{}",
            self.clock.days(first, last),
            grouped(totals),
            peak.unwrap_or_default()
        )
    }

    fn by_day(&self, totals: &Counts) -> Markup {
        let bars = self.bars(&self.filter, |counts| counts.sources.to_vec());
        let summary = self.summary("Activity by day", totals.total(), &bars);
        Stacked {
            id: "c-day",
            heading: "Activity by day",
            of: "Day",
            series: &SOURCES,
            bars: &bars,
            summary: &summary,
            width: "w8",
        }
        .draw()
    }

    fn not_successful(&self, totals: &Counts) -> Markup {
        let filter = UNSUCCESSFUL
            .iter()
            .fold(self.filter.clone(), |filter, series| {
                filter.with(Field::Result, Op::Is, series.class)
            });
        let bars = self.bars(&filter, |counts| counts.unsuccessful.to_vec());
        let summary = self.summary(
            "Failed, denied or waiting",
            totals.unsuccessful.iter().sum(),
            &bars,
        );
        Stacked {
            id: "c-res",
            heading: "Not successful, by day",
            of: "Day",
            series: &UNSUCCESSFUL,
            bars: &bars,
            summary: &summary,
            width: "w6",
        }
        .draw()
    }

    fn waiting(&self) -> Result<Markup, Failure> {
        let query = self
            .pending()
            .query(&self.clock)
            .select(needed().into_iter().chain([c::CREATED]));
        let query = query
            .sort([asc(c::CREATED.coalesce(c::TIME)), asc(c::ROW)])
            .limit(5);
        let rows = self.context.run(&query, &self.snapshot)?;
        Ok(html! {
            section.card.w4 aria-labelledby="c-wait" {
                header {
                    h2 #c-wait { "Waiting longest" }
                    a.more href=(self.log(&self.pending())) { "All" span.vh { " waiting approvals" } }
                }
                div.body {
                    @if rows.is_empty() { div.empty { (icon("ok")) p { "Nothing waits for an approval." } } }
                    ul.wait {
                        @for row in Row::all(&rows) {
                            @let asked = row.texts("approvers_asked");
                            @let id = row.value("id").map(ToString::to_string).unwrap_or_default();
                            li {
                                a href=(self.context.keeping_zone(&format!("/log/{id}"))) { (text::value(row.text("activity").unwrap_or("Activity"))) }
                                @if let Some(time) = row.time("created").or(row.time("time")) {
                                    (self.clock.tag(time, &duration(self.clock.now - time)))
                                }
                                span.sub {
                                    (text::value(row.text("actor_name").or(row.text("actor")).unwrap_or("–")))
                                    @if let Some(target) = targets(&row).first() { " → " (text::value(target.name)) }
                                    @if !asked.is_empty() { " · asked: " (text::value(&asked.join(", "))) }
                                }
                            }
                        }
                    }
                }
            }
        })
    }

    fn foot(&self) -> Markup {
        let tenant = &self.context.reader.tenant;
        let agents = tenant.agents();
        let newest = agents.iter().filter_map(|agent| agent.last_batch).max();
        html! {
            p.foot-note {
                span { "As of " (self.clock.exact(self.clock.now)) " (" (self.clock.zone_label()) ")" }
                span {
                    a href="/system" { (counted(agents.len() as u64, "agent", "agents")) } " seen"
                    @if let Some(newest) = newest { ", newest batch " (self.clock.ago(newest)) }
                }
                span { a href="/system/quarantine" { (counted(tenant.quarantine.total(), "record", "records")) " quarantined" } }
                span { a href=(self.here(&self.filter)) { "Refresh" } }
            }
        }
    }
}

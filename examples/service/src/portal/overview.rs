//! The overview: a period in numbers and charts, each of which leads to its rows.

use std::collections::BTreeMap;

use axum::response::Response;
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, TimeDelta, Timelike, Utc};
use maud::{Markup, html};
use report_query::activity::columns as c;
use report_query::{
    Bucket, Query, Snapshot, asc, col, count, count_distinct, desc, last, min, percentile,
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
        let (from, _) = self.filter.period.bounds(&self.clock);
        let from = from.unwrap_or_else(|| self.context.kept_since());
        let offset = self.clock.offset(from);
        let whole =
            |seconds: i32| seconds.rem_euclid(3600) == offset.local_minus_utc().rem_euclid(3600);
        let changes = self
            .clock
            .transitions(from, self.clock.now + TimeDelta::days(2));
        // Hours by one offset are hours by another that is whole hours away.
        let bucket = if changes.iter().all(|(_, to)| whole(to.local_minus_utc())) {
            Bucket::HOUR.at(offset)
        } else {
            Bucket::MINUTE
        };
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
        let kept = u16::try_from(self.context.app.config.retention_days)
            .unwrap_or(366)
            .min(366);
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
                        a href=(of(Period::Days(kept))) aria-current=[(Period::Days(kept) == self.filter.period).then_some("true")] { (all) }
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

    /// The same length of time before, as far as it is kept: today with the same part of the day.
    fn before(&self) -> Option<Filter> {
        let (from, to) = self.filter.period.bounds(&self.clock);
        let from = from?;
        let to = to.unwrap_or(self.clock.now).min(self.clock.now);
        let earlier = |local: NaiveDateTime, days: u64| {
            local
                .checked_sub_days(Days::new(days))
                .map(|local| self.clock.at(local))
        };
        let (start, end) = match self.filter.period {
            Period::Hours(hours) => (from - TimeDelta::hours(i64::from(hours)), from),
            _ => {
                let (first, last) = self.filter.period.dates(&self.clock, None);
                let days = u64::try_from((last - first).num_days() + 1).ok()?;
                let local = |time: DateTime<Utc>| self.clock.local(time).naive_local();
                (earlier(local(from), days)?, earlier(local(to), days)?)
            }
        };
        (start >= self.context.kept_since() && start < end)
            .then(|| self.filter.clone().during(Period::moments(start, end)))
    }

    fn delta(&self, now: u64, before: Option<(u64, String)>, bad: bool) -> Markup {
        let words = match self.filter.period {
            Period::Hours(hours) => format!("the {hours} hours before"),
            _ => {
                let (first, last) = self.filter.period.dates(&self.clock, None);
                match (last - first).num_days() + 1 {
                    1 => "the day before".to_owned(),
                    days => format!("the {days} days before"),
                }
            }
        };
        let Some((before, href)) = before else {
            return html! { p.delta { span { "No period before: it began before " (self.clock.day(self.clock.date(self.context.kept_since()))) "." } } };
        };
        let words = html! { a href=(href) { (words) } };
        match change(now, before) {
            None => html! { p.delta { span { "None in " (words) } } },
            Some((share, more)) => html! {
                p class={ "delta" @if bad && now != before { (if more { " bad" } else { " good" }) } } {
                    @if now == before { span { "As many as " (words) } }
                    @else { (icon(if more { "up" } else { "down" })) span { b { (share) } (if more { " more than " } else { " fewer than " }) (words) } }
                }
            },
        }
    }

    /// Counts by result, for some kinds or all.
    fn results(&self, filter: &Filter) -> Result<BTreeMap<(String, String), u64>, Failure> {
        let query = filter
            .query(&self.clock)
            .group_by([c::KIND, c::RESULT])
            .aggregate([count().alias("rows")]);
        let result = self.context.run(&query, &self.snapshot)?;
        Ok(Row::all(&result)
            .filter_map(|row| {
                Some((
                    (row.text("kind")?.to_owned(), row.text("result")?.to_owned()),
                    row.number("rows"),
                ))
            })
            .collect())
    }

    fn cards(&self, totals: &Counts) -> Result<Markup, Failure> {
        let now = self.results(&self.filter)?;
        let earlier_filter = self.before();
        let before = earlier_filter
            .as_ref()
            .map(|filter| self.results(filter))
            .transpose()?;
        let sum =
            |counts: &BTreeMap<(String, String), u64>, keep: &dyn Fn(&str, &str) -> bool| -> u64 {
                counts
                    .iter()
                    .filter(|((kind, result), _)| keep(kind, result))
                    .map(|(_, rows)| rows)
                    .sum()
            };
        let earlier = |keep: &dyn Fn(&str, &str) -> bool, conditions: &[(Field, &str)]| {
            let filter = conditions
                .iter()
                .fold(earlier_filter.clone()?, |filter, (field, value)| {
                    filter.with(*field, Op::Is, *value)
                });
            Some((sum(before.as_ref()?, keep), self.log(&filter)))
        };
        let is_reset = |kind: &str, _: &str| RESETS.contains(&kind);
        let resets = sum(&now, &is_reset);
        let good = sum(&now, &|kind, result| {
            RESETS.contains(&kind) && result == "success"
        });
        let of_kind = |wanted: &'static str| sum(&now, &move |kind, _| kind == wanted);
        let refused = |_: &str, result: &str| matches!(result, "failure" | "denied");
        Ok(html! {
            section.card.stat {
                h2 { "All activity" }
                p.big { a href=(self.log(&self.filter)) { (grouped(totals.total())) } }
                (self.delta(totals.total(), earlier(&|_, _| true, &[]), false))
                (split(&SOURCES, &totals.sources))
                p.kv {
                    @for (index, (series, choice)) in SOURCES.iter().zip(["onPremises", "cloud"]).enumerate() {
                        span { span class={ "dot " (series.class) } {} a href=(self.log(&self.filter.clone().without_field(Field::Source).with(Field::Source, Op::Is, choice))) { (series.label) } " " b { (grouped(totals.sources[index])) } }
                    }
                }
            }
            section.card.stat {
                h2 { "Failed or denied" }
                p.big {
                    a href=(self.with(&[(Field::Result, "failure"), (Field::Result, "denied")])) { (grouped(totals.refused())) }
                    @if let Some(share) = percent(totals.refused(), totals.total()) { " " small { (share) " of all" } }
                }
                (self.delta(totals.refused(), earlier(&refused, &[(Field::Result, "failure"), (Field::Result, "denied")]), true))
                p.kv {
                    @for (series, value) in UNSUCCESSFUL.iter().zip(totals.unsuccessful).take(2) {
                        span { span class={ "dot " (series.class) } {} a href=(self.with(&[(Field::Result, series.class)])) { (series.label) } " " b { (grouped(value)) } }
                    }
                }
            }
            (self.approvals(&of_kind)?)
            section.card.stat {
                h2 { "Password resets" }
                p.big {
                    a href=(self.with(&RESETS.map(|kind| (Field::Kind, kind)))) { (grouped(resets)) }
                    @if let Some(share) = percent(good, resets) { " " small { (share) " succeeded" } }
                }
                (self.delta(resets, earlier(&is_reset, &RESETS.map(|kind| (Field::Kind, kind))), false))
                p.kv {
                    @for (kind, label) in [("password.reset.self", "Self-service"), ("password.reset.admin", "By an admin"), ("sspr.blocked", "Blocked")] {
                        span { a href=(self.with(&[(Field::Kind, kind)])) { (label) } " " b { (grouped(of_kind(kind))) } }
                    }
                }
            }
        })
    }

    /// What waits now, whenever it was asked.
    fn pending(&self) -> Filter {
        let kept = u16::try_from(self.context.app.config.retention_days)
            .unwrap_or(366)
            .min(366);
        let filter = self.filter.clone().during(Period::Days(kept));
        filter.with(Field::Result, Op::Is, "pending")
    }

    fn approvals(&self, of_kind: &dyn Fn(&'static str) -> u64) -> Result<Markup, Failure> {
        let asked = c::CREATED.coalesce(c::TIME);
        let query = self
            .pending()
            .query(&self.clock)
            .aggregate([count().alias("rows"), min(asked).alias("oldest")]);
        let waits = self.context.run(&query, &self.snapshot)?;
        let waiting = super::context::number(&waits, 0, "rows");
        let oldest = Row::all(&waits).next().and_then(|row| row.time("oldest"));
        let query = self
            .filter
            .query(&self.clock)
            .filter(
                c::APPROVERS_ASKED
                    .length()
                    .gt(0)
                    .and(c::COMPLETED.is_not_null()),
            )
            .aggregate([percentile(c::CREATED.seconds_until(c::COMPLETED), 50.0).alias("median")]);
        let decided = self.context.run(&query, &self.snapshot)?;
        let median = Row::all(&decided)
            .next()
            .map_or(0, |row| row.number("median"));
        Ok(html! {
            section.card.stat {
                h2 { "Waiting for approval" }
                p.big { a href=(self.log(&self.pending())) { (grouped(waiting)) } " " small { "now" } }
                p.delta {
                    (icon("wait"))
                    span {
                        @match oldest {
                            Some(oldest) => { "Oldest " b { (duration(self.clock.now - oldest)) } }
                            None => "Nobody waits",
                        }
                        @if median > 0 { ", median wait " b { (duration(TimeDelta::seconds(i64::try_from(median).unwrap_or(i64::MAX)))) } }
                    }
                }
                p.kv {
                    @for (kind, label) in [("approval.approved", "Approved"), ("approval.rejected", "Rejected"), ("approval.expired", "Expired")] {
                        span { a href=(self.with(&[(Field::Kind, kind)])) { (label) } " " b { (grouped(of_kind(kind))) } }
                    }
                }
            }
        })
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
                            li {
                                a href={ "/log/" (row.value("id").map(ToString::to_string).unwrap_or_default()) } { (text::value(row.text("activity").unwrap_or("Activity"))) }
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

    fn groups(&self) -> Result<Markup, Failure> {
        let filter = self
            .filter
            .clone()
            .with(Field::Category, Op::Is, "GroupManagement");
        let query = filter
            .query(&self.clock)
            .select([c::ROW, c::SOURCE, c::TARGETS])
            .expand(report_query::Expand::new("targets").alias("target"))
            .filter(
                col("target")
                    .field("type")
                    .eq("Group")
                    .and(col("target").field("id").is_not_null()),
            )
            .extend([
                col("target").field("id").alias("key"),
                col("target").field("name").alias("name"),
            ]);
        let ranks = self.ranks(query, &filter, Field::Target)?;
        Ok(self.ranked(
            "c-grp",
            "w6",
            "Groups with most changes",
            "Group",
            &ranks,
            self.log(&filter),
            None,
        ))
    }

    fn requestors(&self) -> Result<Markup, Failure> {
        let mut query = self
            .filter
            .query(&self.clock)
            .filter(c::ACTOR.is_not_null());
        if !self.accounts {
            query = query.filter(c::ACTOR_KIND.eq("user"));
        }
        let query = query.select([
            c::ROW,
            c::SOURCE,
            c::ACTOR_ID.coalesce(c::ACTOR).alias("key"),
            c::ACTOR_NAME.coalesce(c::ACTOR).alias("name"),
        ]);
        let ranks = self.ranks(query, &self.filter, Field::InitiatedBy)?;
        let other = self.pairs(&self.filter, !self.accounts).link("/");
        let chip = html! {
            p.chips {
                span.chip {
                    span { span.k { (if self.accounts { "Shown:" } else { "Left out:" }) } " " b { "built-in accounts" } }
                    a href=(other) title="Remove" aria-label={ "Remove: " (if self.accounts { "shown" } else { "left out" }) " built-in accounts" } { (icon("x")) }
                }
            }
        };
        Ok(self.ranked(
            "c-ppl",
            "w4",
            "Most active requestors",
            "Person or account",
            &ranks,
            self.log(&self.filter),
            Some(chip),
        ))
    }

    /// The first keys by the number of different rows, each with its two sources.
    fn ranks(&self, query: Query, filter: &Filter, field: Field) -> Result<Vec<Rank>, Failure> {
        let of = |source: &'static str| count_distinct(c::ROW).filter(c::SOURCE.eq(source));
        let top = query
            .group_by(["key"])
            .aggregate([
                count_distinct(c::ROW).alias("rows"),
                of("identity_manager").alias("onprem"),
                of("entra").alias("cloud"),
                last(col("name")).alias("name"),
            ])
            .sort([desc("rows"), asc("key")])
            .limit(RANKED);
        let top = self.context.run(&top, &self.snapshot)?;
        Row::all(&top)
            .filter_map(|row| Some((row, row.text("key")?)))
            .map(|(row, key)| {
                let filter = filter.clone().with(field, Op::Is, key);
                let mut values = vec![row.number("onprem"), row.number("cloud")];
                if key.parse::<uuid::Uuid>().is_err() {
                    // A bare name may be somebody else's, too: the link finds both.
                    values = self.by_source(&filter)?;
                }
                let name = row.text("name").unwrap_or(key);
                Ok(Rank {
                    name: text::value(name),
                    href: Some(self.log(&filter)),
                    values,
                })
            })
            .collect()
    }

    fn by_source(&self, filter: &Filter) -> Result<Vec<u64>, Failure> {
        let counts = filter
            .query(&self.clock)
            .group_by([c::SOURCE])
            .aggregate([count().alias("rows")]);
        let counts = self.context.run(&counts, &self.snapshot)?;
        let mut values = vec![0, 0];
        for row in Row::all(&counts) {
            values[usize::from(row.text("source") != Some("identity_manager"))] +=
                row.number("rows");
        }
        Ok(values)
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "the parts of one card, each once"
    )]
    fn ranked(
        &self,
        id: &str,
        width: &str,
        heading: &str,
        of: &str,
        ranks: &[Rank],
        all: String,
        chip: Option<Markup>,
    ) -> Markup {
        html! {
            section class={ "card " (width) } aria-labelledby=(id) {
                header { h2 id=(id) { (heading) } a.more href=(all) { "All" span.vh { " of “" (heading) "”" } } }
                div.body {
                    @if let Some(chip) = chip { (chip) }
                    @if ranks.is_empty() { div.empty { p { "None in this period." } } }
                    @else { (ranking(of, "Activities", &SOURCES, ranks)) }
                }
            }
        }
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

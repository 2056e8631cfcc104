//! The four cards, each with the change from the period before.

use super::*;

impl Overview<'_> {
    /// The same length of time before, as far as it is kept: today with the same part of the day.
    pub(super) fn before(&self) -> Option<Filter> {
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

    pub(super) fn delta(&self, now: u64, before: Option<(u64, String)>, bad: bool) -> Markup {
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
    pub(super) fn results(
        &self,
        filter: &Filter,
    ) -> Result<BTreeMap<(String, String), u64>, Failure> {
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

    pub(super) fn cards(&self, totals: &Counts) -> Result<Markup, Failure> {
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
                        @if !self.filter.speaks_of(Field::Source) || self.filter.has(Field::Source, Op::Is, choice) {
                            span { span class={ "dot " (series.class) } {} a href=(self.with(&[(Field::Source, choice)])) { (series.label) } " " b { (grouped(totals.sources[index])) } }
                        }
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
    pub(super) fn pending(&self) -> Filter {
        let filter = self.filter.clone().during(self.context.all_kept());
        filter.with(Field::Result, Op::Is, "pending")
    }

    pub(super) fn approvals(
        &self,
        of_kind: &dyn Fn(&'static str) -> u64,
    ) -> Result<Markup, Failure> {
        let asked = c::CREATED.coalesce(c::TIME);
        let query = self
            .pending()
            .query(&self.clock)
            .aggregate([count().alias("rows"), min(asked).alias("oldest")]);
        let waits = self.context.run(&query, &self.snapshot)?;
        let waiting = crate::portal::context::number(&waits, 0, "rows");
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
}

//! The course of the result, as a histogram.

use super::*;

impl Log<'_> {
    pub(super) fn histogram(&self) -> Result<Markup, Failure> {
        let (from, to) = self.filter().period.bounds(&self.clock);
        let Some((oldest, newest)) = self.snapshot.time_range() else {
            return Ok(html! {});
        };
        let from = from
            .unwrap_or(oldest)
            .max(oldest.min(self.context.kept_since()));
        let to = to.unwrap_or(newest + TimeDelta::seconds(1)).min(
            self.clock
                .end(self.clock.date(newest).max(self.clock.today())),
        );
        let span = to - from;
        if span <= TimeDelta::zero() {
            return Ok(html! {});
        }
        let minutes = span.num_minutes().max(1);
        let step = step_of(minutes);
        let bucket = if step < 60 {
            Bucket::MINUTE
        } else {
            Bucket::HOUR.at(self.clock.offset(from))
        };
        let grouped_rows = self
            .filter()
            .query(&self.clock)
            .group_by([c::TIME.bucket(bucket), c::SOURCE])
            .aggregate([count().alias("rows")]);
        let result = self.context.run(&grouped_rows, &self.snapshot)?;
        let start = self.clock.start(self.clock.date(from));
        let step_seconds = step * 60;
        // Buckets begin at the day's first moment, so that they end where people expect.
        let first = (from - start).num_seconds().div_euclid(step_seconds);
        let last = (to - TimeDelta::seconds(1) - start)
            .num_seconds()
            .div_euclid(step_seconds);
        let mut bars: Vec<Bar> = (first..=last)
            .map(|index| {
                let begin = start + TimeDelta::seconds(index * step_seconds);
                let end = begin + TimeDelta::seconds(step_seconds);
                let period = Period::moments(begin.max(from), end.min(to));
                Bar {
                    label: format!(
                        "{}, {}",
                        self.clock.moment(begin),
                        crate::portal::numbers::duration(end - begin)
                    ),
                    axis: (String::new(), String::new()),
                    note: None,
                    href: self
                        .view
                        .filtered(self.filter().clone().during(period))
                        .link(),
                    values: vec![0, 0],
                }
            })
            .collect();
        for row in Row::all(&result) {
            let Some(time) = row.time("time") else {
                continue;
            };
            let index = (time.max(from) - start)
                .num_seconds()
                .div_euclid(step_seconds)
                - first;
            let series = usize::from(row.text("source") != Some("identity_manager"));
            let bar = usize::try_from(index)
                .ok()
                .and_then(|index| bars.get_mut(index));
            if let Some(value) = bar.and_then(|bar| bar.values.get_mut(series)) {
                *value += row.number("rows");
            }
        }
        let ends: Vec<String> = (0..=3)
            .map(|third| from + TimeDelta::seconds((span.num_seconds() - 1) * third / 3))
            .map(|time| {
                let local = self.clock.local(time);
                if span <= TimeDelta::hours(48) {
                    local.format("%H:%M").to_string()
                } else {
                    self.clock.short_day(self.clock.date(time))
                }
            })
            .collect();
        Ok(histogram(&bars, &ends))
    }
}

/// Minutes of a bar, so that there are not many of them however long the period is.
fn step_of(minutes: i64) -> i64 {
    const MOST: i64 = BUCKETS + 12;
    let steps: &[i64] = if minutes <= 60 * BUCKETS / 2 {
        &[1, 2, 5, 10, 15, 30]
    } else {
        &[60, 120, 180, 360, 720, 1440, 4320, 10_080]
    };
    let step = steps.iter().copied().find(|step| minutes / step <= MOST);
    step.unwrap_or_else(|| (minutes / MOST / 1440 + 1) * 1440)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_never_many_bars() {
        for (minutes, step) in [
            (1, 1),
            (1440, 30),
            (1441, 60),
            (14 * 1440, 360),
            (30 * 1440, 720),
        ] {
            assert_eq!(step_of(minutes), step, "{minutes}");
        }
        for minutes in (0..40).map(|power| 1_i64 << power).chain([5_259_490_000]) {
            assert!(minutes / step_of(minutes) <= BUCKETS + 12, "{minutes}");
        }
    }
}

//! The course of the result, as a histogram.

use chrono::{DateTime, NaiveTime, Utc};

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
        let step = step_of(span.num_minutes().max(1));
        let bucket = if step < 60 {
            Bucket::MINUTE
        } else {
            Bucket::HOUR.in_zone(self.clock.clocks())
        };
        let grouped_rows = self
            .filter()
            .query(&self.clock)
            .group_by([c::TIME.bucket(bucket), c::SOURCE])
            .aggregate([count().alias("rows")]);
        let result = self.context.run(&grouped_rows, &self.snapshot)?;
        let edges = edges(&self.clock, from, to, step);
        let mut bars: Vec<Bar> = edges
            .iter()
            .zip(edges.iter().skip(1))
            .map(|(&begin, &end)| {
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
            let index = edges.partition_point(|edge| *edge <= time.max(from));
            let series = usize::from(row.text("source") != Some("identity_manager"));
            let bar = index.checked_sub(1).and_then(|index| bars.get_mut(index));
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

/// Where bars begin, and at last where they end: at the same readings of the clock every day,
/// also after it was changed, so that no bar holds the end of a day and the beginning of the next.
fn edges(clock: &Clock, from: DateTime<Utc>, to: DateTime<Utc>, step: i64) -> Vec<DateTime<Utc>> {
    let midnight = clock.date(from).and_time(NaiveTime::MIN);
    let start = clock.at(midnight);
    let edge = |index: i64| {
        let length = TimeDelta::minutes(index * step);
        if step < 60 {
            // Bars shorter than what a change puts off are of one length.
            start + length
        } else {
            clock.at(midnight + length)
        }
    };
    let mut edges = Vec::new();
    for edge in (0..).map(edge) {
        if edge <= from {
            edges.clear();
        }
        // Hours that a day does not have.
        if edges.last() != Some(&edge) {
            edges.push(edge);
        }
        if edge >= to {
            break;
        }
    }
    edges
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

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn bars_begin_at_the_same_readings_of_the_clock_after_it_was_changed() {
        let starts = |zone: chrono_tz::Tz, from: &str, to: &str, step: i64| {
            let now = at("2026-11-24T13:32:08Z");
            let clock = Clock { zone, now };
            let edges = edges(&clock, at(from), at(to), step);
            assert!(edges.is_sorted_by(|a, b| a < b), "{edges:?}");
            let local = edges
                .iter()
                .map(|edge| clock.local(*edge).format("%d %H:%M").to_string());
            local.collect::<Vec<String>>()
        };
        let berlin = chrono_tz::Europe::Berlin;
        // 25 hours, then a day of 24.
        let days = starts(berlin, "2026-10-24T22:00:00Z", "2026-10-26T23:00:00Z", 720);
        assert_eq!(
            days,
            ["25 00:00", "25 12:00", "26 00:00", "26 12:00", "27 00:00"]
        );
        // 23 hours: there is no reading of 2 o'clock.
        let hours = starts(berlin, "2026-03-29T00:15:00Z", "2026-03-29T02:30:00Z", 60);
        assert_eq!(hours, ["29 01:00", "29 03:00", "29 04:00", "29 05:00"]);
        // By half an hour, and at midnight.
        let howe = chrono_tz::Australia::Lord_Howe;
        let days = starts(howe, "2026-10-03T13:30:00Z", "2026-10-05T13:00:00Z", 1440);
        assert_eq!(days, ["04 00:00", "05 00:00", "06 00:00"]);
        let cairo = chrono_tz::Africa::Cairo;
        let days = starts(cairo, "2024-04-24T22:00:00Z", "2024-04-26T21:00:00Z", 1440);
        assert_eq!(days, ["25 00:00", "26 01:00", "27 00:00"]);
        // Minutes go on as they are.
        let minutes = starts(berlin, "2026-10-25T00:20:00Z", "2026-10-25T01:10:00Z", 30);
        assert_eq!(minutes, ["25 02:00", "25 02:30", "25 02:00", "25 02:30"]);
    }

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

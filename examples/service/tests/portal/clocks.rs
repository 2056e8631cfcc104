//! Days on which clocks are changed, of 23 and of 25 hours, and zones whose days begin at other hours.

use std::collections::BTreeSet;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Europe::Berlin;

use super::html::{between, number, table_rows, text_of, total, unescape};
use super::process::{AUDIT, Service, entry};

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    let local = day.and_time(NaiveTime::MIN);
    Berlin.from_local_datetime(&local).unwrap().to_utc()
}

/// The last day that was over the day before yesterday and had so many hours.
fn day_of(hours: i64) -> NaiveDate {
    let days = Utc::now().date_naive() - Days::new(2);
    let mut days = (1..400).map(|ago| days - Days::new(ago));
    let long = |day: &NaiveDate| midnight(*day + Days::new(1)) - midnight(*day);
    days.find(|day| long(day) == TimeDelta::hours(hours))
        .unwrap()
}

/// Something each half hour.
fn half_hours(from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let times = (0..).map(|half| from + TimeDelta::minutes(30 * half));
    times.take_while(|time| *time < to).collect()
}

#[test]
fn days_of_a_clock_change_have_their_own_hours_everywhere() {
    // A year before them is kept, however long ago they were.
    let service = Service::start_with("retention_days = 800\n");
    for hours in [23, 25] {
        let day = day_of(hours);
        let rows = hours as u64 * 2;
        let (eve, morrow) = (day - Days::new(1), day + Days::new(1));
        let times = half_hours(midnight(eve), midnight(morrow + Days::new(1)));
        assert_eq!(times.len() as u64, 48 + rows + 48);
        let documents: Vec<String> = times
            .iter()
            .map(|time| entry(&time.to_rfc3339(), *time, "Somebody", "Night Shift", "late"))
            .collect();
        service.post_lines(&documents);

        // The day is whole, and its hours are those that were shown.
        let own = format!("from={day}&to={day}");
        assert_eq!(total(&service.page(&format!("/log?{own}"))), rows, "{day}");
        let twice = if hours == 25 { 4 } else { 0 };
        for (hour, rows) in [(0, 2), (1, 2), (2, twice), (3, 2), (23, 2)] {
            let page = service.page(&format!("/log?{own}&hour={hour}"));
            assert_eq!(total(&page), rows, "{day} {hour}");
        }
        let csv = service.get(&format!(
            "/log?{own}&select=activityDateTime&orderby=activityDateTime+asc&format=csv"
        ));
        let exported: Vec<DateTime<Utc>> = csv
            .text()
            .lines()
            .skip(1)
            .map(|line| {
                let time = DateTime::parse_from_rfc3339(line.split(',').next().unwrap());
                time.unwrap_or_else(|error| panic!("{error}: {line}"))
                    .to_utc()
            })
            .collect();
        assert_eq!(exported, half_hours(midnight(day), midnight(morrow)));

        // The overview: a bar of each day.
        let around = format!("from={eve}&to={morrow}");
        let overview = service.page(&format!("/?{around}"));
        let bars = table_rows(&overview, "Activity by day");
        let counts: Vec<u64> = bars.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [48, rows, 48], "{day}");
        for (link, count) in bars {
            assert_eq!(total(&service.page(&link)), count, "{link}");
        }

        // The log's course: no bar holds parts of two days, and each leads to its rows.
        let log = service.page(&format!("/log?{around}"));
        let course = between(&log, "<div class=\"tline\">", "</div>").unwrap();
        let mut sum = 0;
        let mut begins = BTreeSet::new();
        for bar in course.split("<a href=\"").skip(1) {
            let (link, rest) = bar.split_once('"').unwrap();
            let title = text_of(between(rest, "<title>", "</title>").unwrap());
            let (begin, count) = title.rsplit_once(": ").unwrap();
            let count = number(count);
            assert_eq!(total(&service.page(&unescape(link))), count, "{title}");
            begins.insert(begin.split(", ").nth(1).unwrap().to_owned());
            sum += count;
        }
        assert_eq!(sum, 48 + rows + 48, "{day}");
        for begin in ["00:00:00", "06:00:00", "12:00:00", "22:00:00"] {
            assert!(begins.contains(begin), "{begin}: {begins:?}");
        }
        // Where there is no reading of 2 o'clock, a bar begins at 3.
        let odd = begins.iter().filter(|begin| {
            let hour: u32 = begin[..2].parse().unwrap();
            hour % 2 == 1 || !begin.ends_with(":00:00")
        });
        let odd: Vec<&String> = odd.collect();
        assert_eq!(
            odd,
            if hours == 23 {
                vec!["03:00:00"]
            } else {
                vec![]
            }
        );

        // A report by day, and when it is run again.
        let query = format!("{around}&by=day&orderby=day+asc&tz=Europe%2FBerlin");
        let saved = service.post(
            "/reports/custom",
            &[("name", "By day"), ("query", &query)],
            None,
        );
        assert_eq!(saved.status, 303, "{}", saved.text());
        let expected = [(eve, 48), (day, rows), (morrow, 48)];
        let expected: Vec<String> = expected
            .iter()
            .map(|(day, rows)| format!("{day},{rows}"))
            .collect();
        // Whatever the zone of the reader is: the report's days are its own.
        for zone in ["", "&tz=Asia%2FKolkata"] {
            let file = service.get(&format!("{}?format=csv{zone}", saved.header("location")));
            let lines: Vec<&str> = file.text().lines().skip(1).collect();
            assert_eq!(lines, expected, "{day} {zone}");
        }

        // The same moments are the same rows in every zone, and a day is the zone's.
        let moment = |time: DateTime<Utc>| time.format("%Y-%m-%dT%H:%M:%SZ");
        let fixed = format!(
            "from={}&to={}",
            moment(midnight(day)),
            moment(midnight(morrow))
        );
        for zone in ["UTC", "Asia%2FKolkata", "Europe%2FBerlin"] {
            let page = service.page(&format!("/log?{fixed}&tz={zone}"));
            assert_eq!(total(&page), rows, "{zone}");
        }
        for zone in ["UTC", "Asia%2FKolkata"] {
            let page = service.page(&format!("/log?{own}&tz={zone}"));
            assert_eq!(total(&page), 48, "{zone}");
        }
        let asked = service.get_as(&format!("/log?{own}&tz=Asia%2FKolkata"), AUDIT);
        assert!(asked.text().contains("Time (+05:30)"));

        // The head says the offset of the rows that it stands over, whatever it is today; where clocks
        // were changed between them, each row has its own.
        let (before, after) = match hours {
            23 => ("+01:00", "+02:00"),
            _ => ("+02:00", "+01:00"),
        };
        for (day, offset) in [(eve, before), (morrow, after)] {
            let page = service.page(&format!("/log?from={day}&to={day}"));
            assert!(page.contains(&format!("Time ({offset})")), "{day}");
        }
        let page = service.page(&format!("/log?{own}"));
        assert!(page.contains("Time (Europe/<wbr>Berlin)"), "{day}");
        for offset in [before, after] {
            assert!(
                page.contains(&format!(" <span class=\"d\">{offset}</span>")),
                "{day}"
            );
        }
    }
}

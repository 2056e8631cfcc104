//! Results of reports as tables and charts, whatever their columns.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use maud::{Markup, html};
use report_query::{DataType, QueryResult, Value};

use super::chart::{Bar, Rank, Series, Stacked, ranking};
use super::context::Context;
use super::field::RESULTS;
use super::layout::{result as result_pill, source};
use super::numbers::{duration, grouped};
use super::rows::or_none;
use super::text;
use super::time::{Clock, TimeHead};

/// Series that are told apart in a chart; the rest is one.
const MOST_SERIES: usize = 4;
/// Bars of a ranking.
const MOST_RANKS: usize = 12;

/// How a column is best shown, from the report's definition.
pub type Hints = BTreeMap<String, String>;

/// Some of the rows of a result.
pub fn table(
    clock: &Clock,
    result: &QueryResult,
    hints: &Hints,
    first: usize,
    most: usize,
) -> Markup {
    let columns = result.columns();
    let is_number = |data_type: &DataType| matches!(data_type, DataType::Int | DataType::Float);
    let shown = || result.rows().skip(first).take(most);
    let heads: Vec<TimeHead> = (0..columns.len())
        .map(|at| clock.head(shown().filter_map(|row| row.get(at).and_then(Value::as_time))))
        .collect();
    html! {
        div.scroll tabindex="0" role="region" aria-label="Rows, may be scrolled sideways" {
            table.t {
                thead {
                    tr {
                        @for (column, head) in columns.iter().zip(&heads) {
                            th scope="col" class=[is_number(&column.data_type).then_some("num")] {
                                (text::value(&column.label))
                                @if column.data_type == DataType::Time { " (" (head.label) ")" }
                            }
                        }
                    }
                }
                tbody {
                    @for row in shown() {
                        tr {
                            @for ((column, head), value) in columns.iter().zip(&heads).zip(row) {
                                td class=[is_number(&column.data_type).then_some("num").or((column.data_type == DataType::Time).then_some("nowrap"))] {
                                    (cell(clock, value, hints.get(&column.name).map(String::as_str)))
                                    @if let Value::Time(time) = value { (clock.own_offset(head, *time)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn cell(clock: &Clock, value: &Value, hint: Option<&str>) -> Markup {
    match (value, hint) {
        (Value::Null, _) => or_none(None),
        (Value::Time(time), _) => clock.exact(*time),
        (Value::Text(word), Some("result")) => match result_key(word) {
            Some(key) => result_pill(key),
            None => text::value(word),
        },
        (Value::Text(word), Some("source")) => match word.as_ref() {
            "identity_manager" | "Identity Manager" => source("identity_manager"),
            "entra" | "Entra ID" => source("entra"),
            other => text::value(other),
        },
        (Value::Int(seconds), Some("duration")) => {
            html! { (duration(chrono::TimeDelta::seconds(*seconds))) }
        }
        (Value::Int(number), _) => match u64::try_from(*number) {
            Ok(number) => html! { (grouped(number)) },
            Err(_) => html! { (number) },
        },
        (Value::Float(number), Some("percent")) => html! { (format!("{number:.1}\u{202f}%")) },
        (Value::Float(number), _) => html! { (format!("{number:.1}")) },
        (Value::List(items), _) if items.is_empty() => or_none(None),
        (Value::List(items), _) => {
            let words: Vec<String> = items.iter().map(ToString::to_string).collect();
            text::value(&words.join(", "))
        }
        (Value::Text(word), _) => text::value(word),
        (other, _) => text::value(&other.to_string()),
    }
}

/// The key of a result's word in reports.
fn result_key(word: &str) -> Option<&'static str> {
    let word = word.strip_prefix("Cancelled").map_or(word, |_| "Canceled");
    let word = if word == "Pending" { "Waiting" } else { word };
    RESULTS
        .iter()
        .find(|(key, known)| *known == word || *key == word)
        .map(|(key, _)| *key)
}

/// Rows by day, stacked by a column if there is one; each day leads to `link`.
pub fn by_day(
    context: &Context,
    result: &QueryResult,
    time: &str,
    series: Option<&str>,
    link: impl Fn(NaiveDate) -> String,
) -> Markup {
    let clock = &context.clock;
    let (Some(time), series) = (
        result.column_index(time),
        series.and_then(|name| result.column_index(name)),
    ) else {
        return html! {};
    };
    let mut days: BTreeMap<NaiveDate, BTreeMap<String, u64>> = BTreeMap::new();
    let mut totals: BTreeMap<String, u64> = BTreeMap::new();
    for row in result.rows() {
        let Some(day) = row
            .get(time)
            .and_then(Value::as_time)
            .map(|time| clock.date(time))
        else {
            continue;
        };
        let word = series
            .and_then(|at| row.get(at))
            .and_then(Value::as_text)
            .unwrap_or("Rows")
            .to_owned();
        *totals.entry(word.clone()).or_default() += 1;
        *days.entry(day).or_default().entry(word).or_default() += 1;
    }
    let (Some(first), Some(last)) = (
        days.keys().next().copied(),
        days.keys().next_back().copied(),
    ) else {
        return html! {};
    };
    let (known, names) = series_of(&totals);
    let mut bars = Vec::new();
    let mut day = first.max(last - Days::new(400));
    while day <= last {
        let counts = days.remove(&day).unwrap_or_default();
        let mut values: Vec<u64> = names
            .iter()
            .map(|name| counts.get(name).copied().unwrap_or(0))
            .collect();
        if known.len() > names.len() {
            values.push(counts.values().sum::<u64>() - values.iter().sum::<u64>());
        }
        bars.push(Bar {
            label: clock.day(day),
            axis: (day.format("%a").to_string(), day.format("%-d").to_string()),
            note: (day == clock.today())
                .then(|| format!("until {}", clock.local(clock.now).format("%H:%M"))),
            href: link(day),
            values,
        });
        day = day + Days::new(1);
    }
    let summary = format!(
        "Rows by day, {}: {} in all.",
        clock.days(first, last),
        grouped(result.len() as u64)
    );
    Stacked {
        id: "c-rep",
        heading: "By day",
        of: "Day",
        series: &known,
        bars: &bars,
        summary: &summary,
        width: "",
    }
    .draw()
}

/// The most frequent words as series, each in the colour of its meaning; what is over is one more.
fn series_of(totals: &BTreeMap<String, u64>) -> (Vec<Series>, Vec<String>) {
    let mut words: Vec<(&String, &u64)> = totals.iter().collect();
    words.sort_by(|(a, many), (b, few)| few.cmp(many).then_with(|| a.cmp(b)));
    let spare = ["onprem", "cloud", "pending", "denied"];
    let mut used: Vec<&str> = Vec::new();
    let mut series = Vec::new();
    let mut names = Vec::new();
    for (word, _) in words.iter().take(MOST_SERIES) {
        let meant = match word.as_str() {
            "Succeeded" | "success" => "success",
            "Failed" | "failure" => "failure",
            "Denied" | "denied" | "Blocked" => "denied",
            "Pending" | "Waiting" | "pending" => "pending",
            "Identity Manager" | "identity_manager" | "Rows" => "onprem",
            "Entra ID" | "entra" => "cloud",
            _ => "",
        };
        let class = [meant]
            .into_iter()
            .chain(spare)
            .find(|class| !class.is_empty() && !used.contains(class))
            .unwrap_or("other");
        used.push(class);
        let shown = text::plain(word);
        series.push(Series {
            class,
            word: shown.to_lowercase().into(),
            label: shown.into(),
        });
        names.push((*word).clone());
    }
    if words.len() > MOST_SERIES {
        series.push(Series {
            class: "other",
            label: "Other".into(),
            word: "other".into(),
        });
    }
    (series, names)
}

/// The greatest values of a column: rows of each, or a measure.
pub fn ranked(result: &QueryResult, of: &str, measure: Option<&str>, heading: &str) -> Markup {
    let Some(at) = result.column_index(of) else {
        return html! {};
    };
    let measure_at = measure.and_then(|name| result.column_index(name));
    let label = result
        .columns()
        .get(at)
        .map_or(of, |column| column.label.as_str());
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for row in result.rows() {
        let value = row
            .get(at)
            .filter(|value| !value.is_null())
            .map_or_else(|| "none".to_owned(), ToString::to_string);
        let number = match measure_at {
            Some(at) => row
                .get(at)
                .and_then(Value::as_float)
                .unwrap_or(0.0)
                .max(0.0)
                .round() as u64,
            None => 1,
        };
        *counts.entry(value).or_default() += number;
    }
    let mut ranks: Vec<(String, u64)> = counts.into_iter().collect();
    ranks.sort_by(|(a, many), (b, few)| few.cmp(many).then_with(|| a.cmp(b)));
    let all = ranks.len();
    let ranks: Vec<Rank> = ranks
        .into_iter()
        .take(MOST_RANKS)
        .map(|(name, number)| Rank {
            name: text::value(&name),
            href: None,
            values: vec![number],
        })
        .collect();
    if ranks.is_empty() {
        return html! {};
    }
    let series = [Series {
        class: "onprem",
        label: "Rows".into(),
        word: "rows".into(),
    }];
    html! {
        section.card aria-labelledby="c-rank" {
            header {
                h2 #c-rank { (heading) }
                @if all > MOST_RANKS { p.legend { "The first " (MOST_RANKS) " of " (grouped(all as u64)) } }
            }
            div.body { (ranking(label, measure.unwrap_or("Rows"), &series, &ranks)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_have_the_colour_of_their_meaning_and_each_its_own() {
        let totals = [
            ("Succeeded", 9),
            ("Failed", 5),
            ("Abandoned", 4),
            ("Blocked", 3),
            ("Odd", 1),
        ];
        let totals = totals.map(|(word, rows)| (word.to_owned(), rows)).into();
        let (series, names) = series_of(&totals);
        let classes: Vec<&str> = series.iter().map(|series| series.class).collect();
        assert_eq!(classes, ["success", "failure", "onprem", "denied", "other"]);
        assert_eq!(names.len(), 4);
    }

    #[test]
    fn words_of_reports_are_results() {
        assert_eq!(result_key("Succeeded"), Some("success"));
        assert_eq!(result_key("Cancelled"), Some("canceled"));
        assert_eq!(result_key("Pending"), Some("pending"));
        assert_eq!(result_key("Abandoned"), None);
    }
}

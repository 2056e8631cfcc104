//! Charts: words in HTML, marks in a stretched SVG that a screen reader passes by, and
//! behind each a table with the same numbers and links.

use std::borrow::Cow;

use maud::{Markup, PreEscaped, html};

use super::layout::icon;
use super::numbers::{axis_top, counted, grouped};

/// One of the things that are told apart in a chart. The class is its colour and shape.
#[derive(Clone, Debug)]
pub struct Series {
    pub class: &'static str,
    pub label: Cow<'static, str>,
    /// The word after a number in running text.
    pub word: Cow<'static, str>,
}

impl Series {
    const fn known(class: &'static str, label: &'static str, word: &'static str) -> Self {
        Self {
            class,
            label: Cow::Borrowed(label),
            word: Cow::Borrowed(word),
        }
    }
}

pub static SOURCES: [Series; 2] = [
    Series::known("onprem", "On-premises", "on-premises"),
    Series::known("cloud", "Cloud", "cloud"),
];

pub static UNSUCCESSFUL: [Series; 3] = [
    Series::known("failure", "Failed", "failed"),
    Series::known("denied", "Denied", "denied"),
    Series::known("pending", "Waiting", "waiting"),
];

/// A column of a chart, and the row of its table.
#[derive(Clone, Debug)]
pub struct Bar {
    /// The head of the row: `Wed 11 Nov`.
    pub label: String,
    /// What stands below the mark; the first part is left out where there is little room.
    pub axis: (String, String),
    /// What is to be said of it: `until 14:32`.
    pub note: Option<String>,
    pub href: String,
    /// A number for each series.
    pub values: Vec<u64>,
}

impl Bar {
    pub fn total(&self) -> u64 {
        self.values.iter().sum()
    }
}

/// A chart of stacked columns.
#[derive(Clone, Debug)]
pub struct Stacked<'a> {
    pub id: &'a str,
    pub heading: &'a str,
    /// What the rows are: `Day`.
    pub of: &'a str,
    pub series: &'a [Series],
    pub bars: &'a [Bar],
    /// One sentence: the total, the peak.
    pub summary: &'a str,
    /// The class of its width in the grid.
    pub width: &'a str,
}

impl Stacked<'_> {
    fn total_of(&self, series: usize) -> u64 {
        self.bars
            .iter()
            .filter_map(|bar| bar.values.get(series))
            .sum()
    }

    pub fn draw(&self) -> Markup {
        let top = axis_top(self.bars.iter().map(Bar::total).max().unwrap_or(0));
        html! {
            figure class={ "card " (self.width) } aria-labelledby=(self.id) {
                header {
                    h2 id=(self.id) { (self.heading) }
                    p.legend {
                        @for (index, series) in self.series.iter().enumerate() {
                            span {
                                span class={ "dot " (series.class) } {}
                                (series.label) " " b { (grouped(self.total_of(index))) }
                            }
                        }
                    }
                }
                div.body {
                    p.vh { (self.summary) }
                    div class={ "chart" (crowd(self.bars.len())) } {
                        div.y aria-hidden="true" {
                            span { (grouped(top)) } span { (grouped(top / 2)) } span { "0" }
                        }
                        (self.marks(top))
                        div.x aria-hidden="true" {
                            @for bar in self.bars { span { span.wd { (bar.axis.0) " " } (bar.axis.1) } }
                        }
                    }
                    (self.table())
                }
            }
        }
    }

    fn marks(&self, top: u64) -> Markup {
        let slot = 1000.0 / self.bars.len().max(1) as f64;
        html! {
            svg viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true" {
                @for y in ["0", "50", "100"] { line.gl x1="0" x2="1000" y1=(y) y2=(y) {} }
                @for (index, bar) in self.bars.iter().enumerate() {
                    a href=(bar.href) tabindex="-1" class=[bar.note.as_ref().map(|_| "part")] {
                        title { (self.words(bar)) }
                        rect.m-hit x=(one(slot * index as f64)) y="0" width=(one(slot)) height="100" {}
                        @for (class, y, height) in stack(self.series, &bar.values, top) {
                            rect class={ "m-" (class) } x=(one(slot * (index as f64 + 0.17)))
                                width=(one(slot * 0.66)) y=(two(y)) height=(two(height)) {}
                        }
                    }
                }
            }
        }
    }

    fn words(&self, bar: &Bar) -> String {
        let parts = self.series.iter().zip(&bar.values);
        let parts: Vec<String> = parts
            .map(|(series, value)| format!("{} {}", grouped(*value), series.word))
            .collect();
        let note = bar
            .note
            .as_ref()
            .map(|note| format!(" ({note})"))
            .unwrap_or_default();
        format!("{}{note}: {}", bar.label, parts.join(", "))
    }

    fn table(&self) -> Markup {
        behind(
            self.heading,
            html! {
                table.mini {
                    caption { (self.summary) }
                    thead {
                        tr {
                            th scope="col" { (self.of) }
                            @for series in self.series { th.num scope="col" { (series.label) } }
                            @if self.series.len() > 1 { th.num scope="col" { "All" } }
                        }
                    }
                    tbody {
                        @for bar in self.bars {
                            tr {
                                th scope="row" {
                                    a href=(bar.href) { (bar.label) }
                                    @if let Some(note) = &bar.note { " (" (note) ")" }
                                }
                                @for value in &bar.values { td.num { (grouped(*value)) } }
                                @if self.series.len() > 1 { td.num { (grouped(bar.total())) } }
                            }
                        }
                    }
                }
            },
        )
    }
}

/// Where names below the marks would run into each other, some are left out.
const fn crowd(bars: usize) -> &'static str {
    match bars {
        0..=16 => "",
        17..=40 => " many",
        _ => " many crowd",
    }
}

/// The table behind a chart.
pub fn behind(heading: &str, table: Markup) -> Markup {
    html! {
        details.alt {
            summary { (icon("down")) "Show “" (heading) "” as a table" }
            div.scroll tabindex="0" role="region" aria-label={ (heading) ", table" } { (table) }
        }
    }
}

/// Rectangles from the bottom up, a thin gap between two: class, top edge, height.
fn stack(series: &[Series], values: &[u64], top: u64) -> Vec<(&'static str, f64, f64)> {
    const GAP: f64 = 0.45;
    let mut bottom = 100.0;
    let mut rects = Vec::new();
    for (series, value) in series.iter().zip(values) {
        if *value == 0 {
            continue;
        }
        let height = *value as f64 * 100.0 / top.max(1) as f64;
        // What is there is seen, however little it is.
        let drawn = (height - GAP).max(0.6);
        rects.push((series.class, (bottom - drawn).max(0.0), drawn));
        bottom -= height;
    }
    rects
}

fn one(number: f64) -> String {
    format!("{number:.1}")
}

fn two(number: f64) -> String {
    format!("{number:.2}")
}

/// The course of the result above the log's table: no axis but its ends.
pub fn histogram(bars: &[Bar], ends: &[String]) -> Markup {
    let top = bars.iter().map(Bar::total).max().unwrap_or(0).max(1);
    let width = bars.len() * 10;
    html! {
        div.tline {
            svg viewBox={ "0 0 " (width.max(10)) " 100" } preserveAspectRatio="none" aria-hidden="true" {
                @for (index, bar) in bars.iter().enumerate() {
                    a href=(bar.href) tabindex="-1" {
                        title { (bar.label) ": " (counted(bar.total(), "activity", "activities")) }
                        rect.m-hit x=(index * 10) y="0" width="10" height="100" {}
                        @for (class, y, height) in stack(&SOURCES, &bar.values, top) {
                            rect class={ "m-" (class) } x=(one(index as f64 * 10.0 + 1.5)) width="7"
                                y=(two(y)) height=(two(height)) {}
                        }
                    }
                }
            }
            p.x aria-hidden="true" { @for end in ends { span { (end) } } }
        }
    }
}

/// A row of a ranking.
#[derive(Clone, Debug)]
pub struct Rank {
    pub name: Markup,
    pub href: Option<String>,
    pub values: Vec<u64>,
}

/// Bars of the greatest values, greatest first.
pub fn ranking(of: &str, measure: &str, series: &[Series], ranks: &[Rank]) -> Markup {
    let most = ranks
        .iter()
        .map(|rank| rank.values.iter().sum::<u64>())
        .max()
        .unwrap_or(0)
        .max(1);
    html! {
        table.rank {
            colgroup { col.nm; col; col.num; }
            thead.vh {
                tr { th scope="col" { (of) } th scope="col" { "Bar" } th scope="col" { (measure) } }
            }
            tbody {
                @for rank in ranks {
                    tr {
                        td.nm {
                            @if let Some(href) = &rank.href { a href=(href) { (rank.name) } }
                            @else { (rank.name) }
                        }
                        td {
                            svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" {
                                @for (class, x, width) in along(series, &rank.values, most) {
                                    rect class={ "m-" (class) } x=(one(x)) width=(one(width)) height="10" {}
                                }
                            }
                            @if series.len() > 1 {
                                span.vh {
                                    @for (index, (series, value)) in series.iter().zip(&rank.values).enumerate() {
                                        @if index > 0 { ", " }
                                        (grouped(*value)) " " (series.word)
                                    }
                                }
                            }
                        }
                        td.num { (grouped(rank.values.iter().sum())) }
                    }
                }
            }
        }
    }
}

/// Rectangles from the left: class, left edge, width.
fn along(series: &[Series], values: &[u64], most: u64) -> Vec<(&'static str, f64, f64)> {
    let mut left = 0.0;
    let mut rects = Vec::new();
    for (series, value) in series.iter().zip(values) {
        if *value == 0 {
            continue;
        }
        let width = *value as f64 * 100.0 / most as f64;
        rects.push((series.class, left, (width - 0.6).max(0.6)));
        left += width;
    }
    rects
}

/// A line of two or three parts of a whole, as below a number.
pub fn split(series: &[Series], values: &[u64]) -> Markup {
    let whole = values.iter().sum::<u64>().max(1);
    html! {
        svg.split viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" {
            @for (class, x, width) in along(series, values, whole) {
                rect class={ "m-" (class) } x=(two(x)) width=(two(width)) height="6" {}
            }
        }
    }
}

pub const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Weekday against hour. The scale goes by the square root, so that quiet hours differ, too.
pub fn heat(
    id: &str,
    heading: &str,
    cells: &[[u64; 24]; 7],
    link: impl Fn(usize, usize) -> String,
) -> Markup {
    let most = cells.iter().flatten().copied().max().unwrap_or(0);
    let (day, hour) = peak(cells);
    let summary = if most == 0 {
        "No activity in this period.".to_owned()
    } else {
        format!(
            "The busiest hour is {} {hour:02}:00 to {hour:02}:59 with {}.",
            WEEKDAYS.get(day).unwrap_or(&""),
            counted(most, "activity", "activities")
        )
    };
    html! {
        figure.card.w8 aria-labelledby=(id) {
            header {
                h2 id=(id) { (heading) }
                p.ramp aria-hidden="true" {
                    "0"
                    svg viewBox="0 0 70 10" preserveAspectRatio="none" {
                        @for step in 0..7 {
                            rect class={ "h" (step) } x=(step * 10) y="0" width="10" height="10" {}
                        }
                    }
                    (grouped(most)) " an hour"
                }
            }
            div.body {
                p.vh { (summary) }
                div.heat {
                    div.y aria-hidden="true" { @for day in WEEKDAYS { span { (day) } } }
                    svg viewBox="0 0 240 70" preserveAspectRatio="none" aria-hidden="true" {
                        @for (day, hours) in cells.iter().enumerate() {
                            @for (hour, count) in hours.iter().enumerate() {
                                a href=(link(day, hour)) tabindex="-1" {
                                    title {
                                        (WEEKDAYS[day]) " " (PreEscaped(format!("{hour:02}:00–{hour:02}:59"))) ": "
                                        (counted(*count, "activity", "activities"))
                                    }
                                    rect class={ "h" (step(*count, most)) } rx="1"
                                        x=(two(hour as f64 * 10.0 + 0.35)) y=(one(day as f64 * 10.0 + 0.5))
                                        width="9.3" height="9" {}
                                }
                            }
                        }
                    }
                    div.x aria-hidden="true" {
                        @for hour in (0..24).step_by(3) { span { (PreEscaped(format!("{hour:02}:00"))) } }
                    }
                }
                (behind(heading, html! {
                    table.mini {
                        caption { (summary) }
                        thead {
                            tr {
                                th scope="col" { "Hour" }
                                @for day in WEEKDAYS { th.num scope="col" { (day) } }
                            }
                        }
                        tbody {
                            @for hour in 0..24 {
                                tr {
                                    th scope="row" { (PreEscaped(format!("{hour:02}:00"))) }
                                    @for (day, hours) in cells.iter().enumerate() {
                                        td.num { a href=(link(day, hour)) { (grouped(hours[hour])) } }
                                    }
                                }
                            }
                        }
                    }
                }))
            }
        }
    }
}

fn peak(cells: &[[u64; 24]; 7]) -> (usize, usize) {
    let all = cells.iter().enumerate().flat_map(|(day, hours)| {
        hours
            .iter()
            .enumerate()
            .map(move |(hour, count)| (*count, day, hour))
    });
    // The first of equal ones.
    all.max_by_key(|(count, day, hour)| (*count, std::cmp::Reverse((*day, *hour))))
        .map_or((0, 0), |(_, day, hour)| (day, hour))
}

fn step(count: u64, most: u64) -> u8 {
    if count == 0 || most == 0 {
        return 0;
    }
    let share = (count as f64 / most as f64).sqrt();
    1 + (share * 6.0).ceil().clamp(1.0, 6.0) as u8 - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(values: [u64; 2]) -> Bar {
        Bar {
            label: "Wed 11 Nov".to_owned(),
            axis: ("Wed".to_owned(), "11".to_owned()),
            note: None,
            href: "/log?from=2026-11-11&to=2026-11-11".to_owned(),
            values: values.to_vec(),
        }
    }

    #[test]
    fn marks_and_table_hold_the_same_links_and_numbers() {
        let bars = [bar([1_635, 911]), bar([0, 7]), bar([0, 0])];
        let chart = Stacked {
            id: "c",
            heading: "Activity by day",
            of: "Day",
            series: &SOURCES,
            bars: &bars,
            summary: "In all.",
            width: "w8",
        };
        let html = chart.draw().into_string();
        assert_eq!(
            html.matches("href=\"/log?from=2026-11-11&amp;to=2026-11-11\"")
                .count(),
            6
        );
        assert!(html.contains("<title>Wed 11 Nov: 1\u{202f}635 on-premises, 911 cloud</title>"));
        assert!(html.contains("<td class=\"num\">2\u{202f}546</td>"));
        assert_eq!(html.matches("class=\"m-onprem\"").count(), 1);
        assert_eq!(html.matches("class=\"m-cloud\"").count(), 2);
        assert!(!html.contains("style="));
    }

    #[test]
    fn a_stack_is_as_high_as_its_values_say() {
        let rects = stack(&SOURCES, &[30, 10], 40);
        assert_eq!(rects.len(), 2);
        let (_, y, height) = rects[0];
        assert!((y + height - 100.0).abs() < 0.01 && (height - 74.55).abs() < 0.01);
        let (_, y, height) = rects[1];
        assert!((y + height - 25.0).abs() < 0.01);
        assert!((height - 24.55).abs() < 0.01);
        // What is there is seen.
        assert!(stack(&SOURCES, &[1, 0], 1_000_000)[0].2 > 0.5);
    }

    #[test]
    fn heat_steps_are_of_the_scale() {
        assert_eq!(step(0, 400), 0);
        assert_eq!(step(1, 400), 1);
        assert_eq!(step(400, 400), 6);
        assert!((0..=400).map(|count| step(count, 400)).is_sorted());
        let mut cells = [[0; 24]; 7];
        cells[2][9] = 5;
        assert_eq!(peak(&cells), (2, 9));
        let html = heat("h", "Busiest hours", &cells, |day, hour| {
            format!("/log?d={day}&h={hour}")
        })
        .into_string();
        assert_eq!(html.matches("<rect").count(), 7 + 168);
        assert!(html.contains("<title>Wed 09:00–09:59: 5 activities</title>"));
    }
}

//! The ratios of `README.md` about reading event logs: both sides by turns in one process,
//! the median of all turns and its quartiles.
//!
//! ```text
//! evtx_ratios                  everything below, as tables in Markdown
//! evtx_ratios goals | floors   one of the tables
//! ```
//!
//! `BENCH_MB=10` makes the logs smaller.
#![allow(missing_docs, clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;
use std::time::Duration;

use hybrid_benches::beside::{Ratios, processor, ratios};
use hybrid_benches::logs::agree::agree;
use hybrid_benches::logs::way::{OURS, PEERS, way};
use hybrid_benches::logs::{Set, megabytes};

const TURNS: usize = 21;
/// What takes less is repeated so long in each turn.
const SPAN: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    for set in Set::ALL {
        agree(&set.file(megabytes()), set);
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => {
            show_goals();
            show_floors();
        }
        ["goals"] => show_goals(),
        ["floors"] => show_floors(),
        _ => {
            eprintln!("evtx_ratios: only `goals` or `floors` can be asked for");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// What a ratio has to be for one of the logs.
#[derive(Clone, Copy)]
enum Goal {
    AtLeast(Set, f64),
    AtMost(Set, f64),
}
use Goal::{AtLeast, AtMost};
use Set::{Manifest, Ordinary};

/// What is said, the way above the line, the way below it, and the goals.
type Row = (&'static str, &'static str, &'static str, &'static [Goal]);

const GOALS: &[Row] = &[
    (
        "picked fields, beside `records_json_value`",
        "evtx_json_value_pick",
        "pick",
        &[AtLeast(Ordinary, 8.0)],
    ),
    (
        "picked fields, beside `template_instances`",
        "evtx_instances_pick",
        "pick",
        &[AtLeast(Ordinary, 2.6), AtLeast(Manifest, 8.0)],
    ),
    (
        "picked fields, beside `serialized_records`",
        "evtx_serialized_pick",
        "pick",
        &[AtLeast(Ordinary, 2.6), AtLeast(Manifest, 8.0)],
    ),
    (
        "whole event, beside `records_json`",
        "evtx_json",
        "whole",
        &[],
    ),
    (
        "typed request, beside `serde_json::Value`",
        "evtx_json_value_request",
        "request",
        &[AtLeast(Ordinary, 8.0)],
    ),
    (
        "rejecting by event id, over the floor",
        "reject_by_id",
        "floor",
        &[AtMost(Ordinary, 1.5)],
    ),
    (
        "rejecting by provider, over the floor",
        "reject_by_provider",
        "floor",
        &[AtMost(Ordinary, 1.5)],
    ),
];

fn beside(over: &str, under: &str, set: Set) -> Option<Ratios> {
    let (mut over, mut under) = (way(over, set)?, way(under, set)?);
    Some(ratios(TURNS, SPAN, processor, &mut *over, &mut *under))
}

fn heading(what: &str) {
    let names: Vec<&str> = Set::ALL.iter().map(|set| set.name()).collect();
    println!("\n| {what} | {} |", names.join(" | "));
    println!("|---|{}", "---:|".repeat(names.len()));
}

fn show_goals() {
    heading("ratio, median [quartiles]");
    for (what, over, under, goals) in GOALS {
        let cells = Set::ALL.map(|set| match beside(over, under, set) {
            None => "-".to_owned(),
            Some(found) => cell(&found, set, goals),
        });
        println!("| {what} | {} |", cells.join(" | "));
    }
}

fn cell(found: &Ratios, set: Set, goals: &[Goal]) -> String {
    for goal in goals {
        let (of, met, words) = match *goal {
            AtLeast(of, least) => (of, found.median() >= least, format!("at least {least}")),
            AtMost(of, most) => (of, found.median() <= most, format!("at most {most}")),
        };
        if of == set {
            let missed = if met { "" } else { ": not reached" };
            return format!("**{found}** ({words}{missed})");
        }
    }
    found.to_string()
}

fn show_floors() {
    heading("in read floors, median [quartiles]");
    for name in OURS.iter().chain(PEERS).filter(|name| **name != "floor") {
        let cells = Set::ALL.map(|set| {
            let found = beside(name, "floor", set);
            found.map_or_else(|| "-".to_owned(), |found| found.to_string())
        });
        println!("| `{name}` | {} |", cells.join(" | "));
    }
}

//! The questions of the query benches, each answered once in one function: for
//! `.ci/instructions`, which has valgrind count every call of it.
//!
//! ```text
//! query_counts events=N
//! ```
#![allow(missing_docs, clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use chrono::TimeDelta;
use hybrid_benches::events::{self, questions};
use questions::Question;
use report_query::{
    AppendReport, Query, QueryResult, Result, Retention, Store, StoreOptions, Value,
    approx_count_distinct, approx_percentile, col,
};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("query_counts: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let argument = std::env::args().nth(1).ok_or("say events=N")?;
    let count = argument.strip_prefix("events=").ok_or("say events=N")?;
    let count = count.parse()?;
    let (events, lists) = (events::store(count), events::list_store(count));
    // What is made or freed between two answers is counted with the first.
    let rows: Vec<Vec<Value>> = events::events(count).collect();
    let store = Store::new(events::schema(), StoreOptions::new(Retention::FOREVER))?;
    let report = counted_answer_of_append(&store, rows);
    println!("append {}", report.appended);
    drop(store);
    let people = approx_count_distinct(col("actor")).alias("people");
    let percentile = |percent| approx_percentile(col("latency"), percent);
    for (name, aggregates) in [
        ("approx_distinct", vec![people]),
        (
            "approx_percentiles",
            vec![percentile(50.0).alias("p50"), percentile(99.0).alias("p99")],
        ),
    ] {
        let query = Query::new().group_by(["activity"]).aggregate(aggregates);
        let answer = counted_answer(&Question::Events(query), &events, &lists)?;
        println!("{name} {}", rows_of(&answer));
    }
    for (name, question) in questions::questions() {
        let answer = counted_answer(&question, &events, &lists)?;
        println!("{name} {}", rows_of(&answer));
    }
    Ok(())
}

fn rows_of(answer: &[QueryResult]) -> usize {
    answer.iter().map(QueryResult::len).sum()
}

/// What is counted of appending, by its name.
#[inline(never)]
fn counted_answer_of_append(store: &Store, rows: Vec<Vec<Value>>) -> AppendReport {
    store.append(rows, events::start() + TimeDelta::days(30))
}

/// What is counted, by its name.
#[inline(never)]
fn counted_answer(question: &Question, events: &Store, lists: &Store) -> Result<Vec<QueryResult>> {
    question.ask(events, lists)
}

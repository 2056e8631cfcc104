//! The questions of the query benches, each answered once in one function: for
//! `.ci/instructions`, which has valgrind count every call of it.
//!
//! ```text
//! query_counts events=N
//! ```
#![allow(missing_docs, clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use hybrid_benches::events::{self, questions};
use questions::Question;
use report_query::{Result, Snapshot, Value};

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
    let (events, lists) = (events.snapshot(), lists.snapshot());
    for (name, question) in questions::questions() {
        let rows = counted_answer(&question, &events, &lists)?;
        println!("{name} {}", rows.len());
    }
    Ok(())
}

/// What is counted, by its name.
#[inline(never)]
fn counted_answer(
    question: &Question,
    events: &Snapshot,
    lists: &Snapshot,
) -> Result<Vec<Vec<Value>>> {
    question.answer(events, lists)
}

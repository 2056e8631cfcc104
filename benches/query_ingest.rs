//! How many events a second a store takes in, of the processor's time of one thread, from typed
//! rows that stand ready.
//!
//! ```text
//! query_ingest events=N batch=N
//! ```
//!
//! With `counted` as the last argument it takes no time: valgrind, which counts `append`, knows no
//! clock of a thread.
#![allow(missing_docs, clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;
use std::time::Duration;

use chrono::TimeDelta;
use hybrid_benches::beside::processor;
use hybrid_benches::events;
use report_query::{Retention, Store, StoreOptions, Value};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("query_ingest: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let argument = |name: &str| -> Result<usize, Box<dyn std::error::Error>> {
        let found = std::env::args().find_map(|argument| {
            let value = argument.strip_prefix(name)?.strip_prefix('=')?;
            Some(value.to_owned())
        });
        Ok(found.ok_or("say events=N batch=N")?.parse()?)
    };
    let (count, batch) = (argument("events")?, argument("batch")?.max(1));
    let time = match std::env::args().next_back().as_deref() {
        Some("counted") => || Duration::ZERO,
        _ => processor,
    };
    let store = Store::new(events::schema(), StoreOptions::new(Retention::FOREVER))?;
    let now = events::start() + TimeDelta::days(31);
    let mut rows = events::events(count).peekable();
    let mut taken = Duration::ZERO;
    while rows.peek().is_some() {
        let batch: Vec<Vec<Value>> = rows.by_ref().take(batch).collect();
        let before = time();
        append(&store, batch, now);
        taken += time() - before;
    }
    let seconds = taken.as_secs_f64();
    println!(
        "{count} events in batches of {batch}: {seconds:.2} s, {:.2} M a second, {:.0} ns each, {:.1} bytes each",
        count as f64 / seconds / 1e6,
        seconds * 1e9 / count as f64,
        store.memory_usage().total() as f64 / count as f64,
    );
    Ok(())
}

/// What is counted, by its name.
#[inline(never)]
fn append(store: &Store, rows: Vec<Vec<Value>>, now: chrono::DateTime<chrono::Utc>) {
    store.append(rows, now);
}
